//! The RTCP packets that a headless client sends and handles (RFC 3550, RFC 4585).

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;
const NACK: u8 = 1;
const PLI: u8 = 1;
const FIR: u8 = 4;
const TWCC: u8 = 15;
/// The highest number of report blocks in one packet.
pub(crate) const MAX_REPORTS: usize = 31;

/// A received RTCP packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RtcpFeedback {
    /// A sender report, with the middle 32 bits of its NTP time.
    SenderReport { ssrc: u32, ntp: u32 },
    /// A request to retransmit packets.
    Nack { ssrc: u32, seqs: Vec<u16> },
    /// A request for a key frame (PLI or FIR).
    KeyFrame { ssrc: u32 },
}

/// Parses a compound packet; other packet types are ignored.
pub(crate) fn parse(mut compound: &[u8]) -> Vec<RtcpFeedback> {
    let mut feedback = Vec::new();
    while let Some((&[first, kind, high, low], rest)) = compound.split_first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([high, low])) * 4;
        let Some((body, after)) = rest.split_at_checked(length) else { break };
        compound = after;
        let word = |at: usize| body.get(at..at + 4)?.first_chunk().copied().map(u32::from_be_bytes);
        match (kind, first & 0x1f) {
            (SENDER_REPORT, _) => {
                if let (Some(ssrc), Some(high), Some(low)) = (word(0), word(4), word(8)) {
                    feedback.push(RtcpFeedback::SenderReport { ssrc, ntp: high << 16 | low >> 16 });
                }
            }
            (TRANSPORT_FEEDBACK, NACK) => {
                let Some(ssrc) = word(4) else { continue };
                let mut seqs = Vec::new();
                for at in (8..length).step_by(4) {
                    let Some(entry) = word(at) else { break };
                    let base = (entry >> 16) as u16;
                    seqs.push(base);
                    let following = (0..16u16).filter(|bit| entry & 1 << bit != 0);
                    seqs.extend(following.map(|bit| base.wrapping_add(bit + 1)));
                }
                feedback.push(RtcpFeedback::Nack { ssrc, seqs });
            }
            (PAYLOAD_FEEDBACK, PLI) => {
                feedback.extend(word(4).map(|ssrc| RtcpFeedback::KeyFrame { ssrc }));
            }
            (PAYLOAD_FEEDBACK, FIR) => {
                feedback.extend(word(8).map(|ssrc| RtcpFeedback::KeyFrame { ssrc }));
            }
            _ => {}
        }
    }
    feedback
}

/// A compound RTCP packet that is being written.
#[derive(Debug, Default)]
pub(crate) struct Compound(pub(crate) Vec<u8>);

impl Compound {
    fn packet(&mut self, kind: u8, count: u8, ssrc: u32, rest: impl FnOnce(&mut Vec<u8>)) {
        let begin = self.0.len();
        self.0.extend_from_slice(&[0x80 | count, kind, 0, 0]);
        self.0.extend_from_slice(&ssrc.to_be_bytes());
        rest(&mut self.0);
        let words = ((self.0.len() - begin) / 4 - 1) as u16;
        self.0[begin + 2..begin + 4].copy_from_slice(&words.to_be_bytes());
    }

    /// Adds a sender report. `ntp` is the time in seconds since 1900 and 32 bits of fraction.
    pub(crate) fn sender_report(
        &mut self,
        ssrc: u32,
        ntp: u64,
        timestamp: u32,
        (packets, bytes): (u32, u32),
    ) {
        self.packet(SENDER_REPORT, 0, ssrc, |out| {
            out.extend_from_slice(&ntp.to_be_bytes());
            for word in [timestamp, packets, bytes] {
                out.extend_from_slice(&word.to_be_bytes());
            }
        });
    }

    /// Adds a receiver report with at most [`MAX_REPORTS`] blocks.
    pub(crate) fn receiver_report(&mut self, ssrc: u32, blocks: &[Report]) {
        self.packet(RECEIVER_REPORT, blocks.len() as u8, ssrc, |out| {
            for block in blocks {
                let lost = u32::from(block.fraction) << 24 | block.lost.min(0x7f_ffff);
                let words = [block.ssrc, lost, block.highest, block.jitter, block.last_report];
                for word in words.into_iter().chain([block.delay]) {
                    out.extend_from_slice(&word.to_be_bytes());
                }
            }
        });
    }

    /// Adds a picture loss indication.
    pub(crate) fn pli(&mut self, ssrc: u32, media: u32) {
        self.packet(PAYLOAD_FEEDBACK, PLI, ssrc, |out| out.extend_from_slice(&media.to_be_bytes()));
    }

    /// Adds a NACK; `seqs` must be in ascending order.
    pub(crate) fn nack(&mut self, ssrc: u32, media: u32, seqs: &[u16]) {
        self.packet(TRANSPORT_FEEDBACK, NACK, ssrc, |out| {
            out.extend_from_slice(&media.to_be_bytes());
            let mut seqs = seqs.iter().copied().peekable();
            while let Some(base) = seqs.next() {
                let mut mask = 0u16;
                while let Some(next) =
                    seqs.next_if(|seq| (1..=16).contains(&seq.wrapping_sub(base)))
                {
                    mask |= 1 << (next.wrapping_sub(base) - 1);
                }
                out.extend_from_slice(&base.to_be_bytes());
                out.extend_from_slice(&mask.to_be_bytes());
            }
        });
    }

    /// Adds transport-wide feedback with a body from [`super::twcc`].
    pub(crate) fn twcc(&mut self, ssrc: u32, media: u32, body: &[u8]) {
        self.packet(TRANSPORT_FEEDBACK, TWCC, ssrc, |out| {
            out.extend_from_slice(&media.to_be_bytes());
            out.extend_from_slice(body);
        });
    }
}

/// The report block of one SSRC (RFC 3550 section 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) ssrc: u32,
    /// Lost since the last report, in 256ths.
    pub(crate) fraction: u8,
    pub(crate) lost: u32,
    /// The highest extended sequence number.
    pub(crate) highest: u32,
    /// In timestamp units.
    pub(crate) jitter: u32,
    /// The middle 32 bits of the NTP time of the last sender report.
    pub(crate) last_report: u32,
    /// Time since that report in 65536ths of a second.
    pub(crate) delay: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_packets_are_parsed_back() {
        let mut compound = Compound::default();
        compound.receiver_report(1, &[]);
        compound.nack(1, 2, &[0xfffe, 0xffff, 3, 40]);
        compound.pli(1, 3);
        compound.twcc(1, 2, &[0; 8]);
        compound.sender_report(5, 0x0001_0002_0003_0004, 9, (1, 1));
        assert_eq!(
            parse(&compound.0),
            [
                RtcpFeedback::Nack { ssrc: 2, seqs: vec![0xfffe, 0xffff, 3, 40] },
                RtcpFeedback::KeyFrame { ssrc: 3 },
                RtcpFeedback::SenderReport { ssrc: 5, ntp: 0x0002_0003 },
            ]
        );
        for length in 0..compound.0.len() {
            // Truncated packets are ignored.
            assert!(parse(&compound.0[..length]).len() <= 3);
        }
    }
}
