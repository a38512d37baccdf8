//! A participant who has everything but the link: what it is sent is what the SFU handles.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use signaling_protocol::{ClientMessage, ControlMessage, MediaMessage, RoomId, ServerMessage};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::BenchError;
use crate::listen::{Listener, MediaOutput};
use crate::signalling::Signalling;

/// Takes part in a room without keys, for a while, and prints a line for each RTP packet that the
/// SFU sends: `audio` or `video`, and the payload as hexadecimal digits. It ends before its time
/// once it has printed `packets` of each kind, and prints no more than that of either.
pub(crate) async fn eavesdrop(
    url: &str,
    room: &RoomId,
    seconds: u64,
    packets: usize,
) -> Result<(), BenchError> {
    let end = Instant::now() + Duration::from_secs(seconds);
    let joined = timeout_at(end, Signalling::join(url, room, None)).await;
    let late = |_| BenchError::Broken(format!("not joined within {seconds} s"));
    let (mut signalling, joined) = joined.map_err(late)??;
    let (mut media, offer) = Listener::open(joined.slots).await?;
    signalling.send(&ClientMessage::Offer { sdp: offer }).await?;
    let mut outputs = Vec::new();
    let mut wanted = Wanted { audio: packets, video: packets };
    while wanted.audio > 0 || wanted.video > 0 {
        let due = media.drain(&mut outputs)?;
        for output in outputs.drain(..) {
            match output {
                MediaOutput::Connected => print("ready")?,
                MediaOutput::Packet { audio, payload } => {
                    if wanted.takes(audio) {
                        print(&line(audio, &payload))?;
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

/// Packets of each kind that are still to be printed.
struct Wanted {
    audio: usize,
    video: usize,
}

impl Wanted {
    fn takes(&mut self, audio: bool) -> bool {
        let left = if audio { &mut self.audio } else { &mut self.video };
        let takes = *left > 0;
        *left -= usize::from(takes);
        takes
    }
}

fn line(audio: bool, payload: &[u8]) -> String {
    let mut line = String::from(if audio { "audio " } else { "video " });
    for byte in payload {
        write!(line, "{byte:02x}").expect("a string takes everything");
    }
    line
}

fn print(line: &str) -> Result<(), BenchError> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
