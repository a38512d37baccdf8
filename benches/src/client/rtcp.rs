//! Control packets, as far as a headless client says or heeds them (RFC 3550, RFC 4585).

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;
const NACK: u8 = 1;
const PLI: u8 = 1;
const FIR: u8 = 4;
const TWCC: u8 = 15;
/// Report blocks that fit one packet.
pub(crate) const REPORTS: usize = 31;

/// Something that the server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The sender of this SSRC: its NTP time, the middle 32 bits.
    SenderReport { ssrc: u32, ntp: u32 },
    /// Of our packets these are missing.
    Nack { ssrc: u32, seqs: Vec<u16> },
    /// A decoder waits for a key frame of ours.
    KeyFrame { ssrc: u32 },
}

/// Reads a compound packet; what is not heeded is left out.
pub(crate) fn parse(mut compound: &[u8]) -> Vec<Heard> {
    let mut heard = Vec::new();
    while let Some((&[first, kind, high, low], rest)) = compound.split_first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([high, low])) * 4;
        let Some((body, after)) = rest.split_at_checked(length) else { break };
        compound = after;
        let word = |at: usize| body.get(at..at + 4)?.first_chunk().copied().map(u32::from_be_bytes);
        match (kind, first & 0x1f) {
            (SENDER_REPORT, _) => {
                if let (Some(ssrc), Some(high), Some(low)) = (word(0), word(4), word(8)) {
                    heard.push(Heard::SenderReport { ssrc, ntp: high << 16 | low >> 16 });
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
                heard.push(Heard::Nack { ssrc, seqs });
            }
            (PAYLOAD_FEEDBACK, PLI) => {
                heard.extend(word(4).map(|ssrc| Heard::KeyFrame { ssrc }));
            }
            (PAYLOAD_FEEDBACK, FIR) => {
                heard.extend(word(8).map(|ssrc| Heard::KeyFrame { ssrc }));
            }
            _ => {}
        }
    }
    heard
}

/// Writes control packets one after another into one datagram.
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

    /// `ntp`: seconds since 1900 and their fraction.
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

    /// At most [`REPORTS`] blocks.
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

    pub(crate) fn pli(&mut self, ssrc: u32, media: u32) {
        self.packet(PAYLOAD_FEEDBACK, PLI, ssrc, |out| out.extend_from_slice(&media.to_be_bytes()));
    }

    /// `seqs` in ascending order.
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

    /// Transport-wide feedback, its body as [`super::twcc`] makes it, a multiple of four bytes.
    pub(crate) fn twcc(&mut self, ssrc: u32, media: u32, body: &[u8]) {
        self.packet(TRANSPORT_FEEDBACK, TWCC, ssrc, |out| {
            out.extend_from_slice(&media.to_be_bytes());
            out.extend_from_slice(body);
        });
    }
}

/// What has come of one SSRC (RFC 3550 section 6.4.1).
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
    /// The middle of the NTP time of the last sender report, and how long ago it came, in 65536ths
    /// of a second.
    pub(crate) last_report: u32,
    pub(crate) delay: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_back_as_they_were_written() {
        let mut compound = Compound::default();
        compound.receiver_report(1, &[]);
        compound.nack(1, 2, &[0xfffe, 0xffff, 3, 40]);
        compound.pli(1, 3);
        compound.twcc(1, 2, &[0; 8]);
        compound.sender_report(5, 0x0001_0002_0003_0004, 9, (1, 1));
        assert_eq!(
            parse(&compound.0),
            [
                Heard::Nack { ssrc: 2, seqs: vec![0xfffe, 0xffff, 3, 40] },
                Heard::KeyFrame { ssrc: 3 },
                Heard::SenderReport { ssrc: 5, ntp: 0x0002_0003 },
            ]
        );
        for length in 0..compound.0.len() {
            // Whatever is cut off is not read, and nothing breaks.
            assert!(parse(&compound.0[..length]).len() <= 3);
        }
    }
}
