//! A participant without the link secret, which prints what the SFU forwards.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use signaling_protocol::{ClientMessage, ControlMessage, MediaMessage, RoomId, ServerMessage};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::BenchError;
use crate::receive_only_client::{MediaOutput, ReceiveOnlyClient};
use crate::signalling::Signalling;

/// Joins a room without keys, and prints one line per RTP packet that the SFU sends: `audio` or
/// `video`, and the payload in hexadecimal. Ends after `seconds`, or once it has printed `packets`
/// of each kind; it prints no more than that of either.
pub(crate) async fn eavesdrop(
    url: &str,
    room: &RoomId,
    seconds: u64,
    packets: usize,
) -> Result<(), BenchError> {
    let end = Instant::now() + Duration::from_secs(seconds);
    let joined = timeout_at(end, Signalling::join(url, room, None)).await;
    let timed_out = |_| BenchError::Failed(format!("could not join within {seconds} s"));
    let (mut signalling, joined) = joined.map_err(timed_out)??;
    let (mut media, offer) = ReceiveOnlyClient::open(joined.slots).await?;
    signalling.send(&ClientMessage::Offer { sdp: offer }).await?;
    let mut outputs = Vec::new();
    let mut remaining = Remaining { audio: packets, video: packets };
    while remaining.audio > 0 || remaining.video > 0 {
        let due = media.drain(&mut outputs)?;
        for output in outputs.drain(..) {
            match output {
                MediaOutput::Connected => print("ready")?,
                MediaOutput::Packet { audio, payload } => {
                    if remaining.take(audio) {
                        print(&format_line(audio, &payload))?;
                    }
                }
            }
        }
        tokio::select! {
            message = signalling.receive() => match message? {
                ServerMessage::Media(MediaMessage::Answer { sdp }) => media.answer(&sdp)?,
                ServerMessage::Media(MediaMessage::MediaLost { refusal })
                | ServerMessage::Control(
                    ControlMessage::Closing { refusal } | ControlMessage::Refused { refusal },
                ) => return Err(refusal.into()),
                ServerMessage::Media(_)
                | ServerMessage::Control(_)
                | ServerMessage::Room(_)
                | ServerMessage::Log(_) => {}
            },
            ready = media.readable() => {
                ready?;
                media.read(&mut outputs)?;
            }
            () = sleep_until(due.into()) => media.tick()?,
            () = sleep_until(end) => break,
        }
    }
    signalling.send(&ClientMessage::Leave).await
}

/// The number of packets still to print.
struct Remaining {
    audio: usize,
    video: usize,
}

impl Remaining {
    /// Counts one packet; returns `false` if enough of its kind were printed.
    fn take(&mut self, audio: bool) -> bool {
        let left = if audio { &mut self.audio } else { &mut self.video };
        let is_wanted = *left > 0;
        *left -= usize::from(is_wanted);
        is_wanted
    }
}

fn format_line(audio: bool, payload: &[u8]) -> String {
    let mut line = String::from(if audio { "audio " } else { "video " });
    for byte in payload {
        write!(line, "{byte:02x}").expect("writing to a string cannot fail");
    }
    line
}

fn print(line: &str) -> Result<(), BenchError> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
