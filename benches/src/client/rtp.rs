//! RTP headers (RFC 3550 section 5.1) with header extensions (RFC 8285).

use std::ops::Range;

/// Bytes of the fixed header.
const FIXED: usize = 12;
/// The profile of extensions with one-byte headers.
const ONE_BYTE: u16 = 0xbede;

/// The protocol of a datagram, by its first bytes (RFC 7983).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Stun,
    Dtls,
    Rtp,
    Rtcp,
    Other,
}

impl Kind {
    pub(crate) fn of(datagram: &[u8]) -> Self {
        match *datagram {
            [0..=3, ..] => Self::Stun,
            [20..=63, ..] => Self::Dtls,
            [128..=191, 192..=223, ..] => Self::Rtcp,
            [128..=191, ..] => Self::Rtp,
            _ => Self::Other,
        }
    }
}

/// An RTP header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    pub(crate) seq: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    /// The payload ends with padding; its length is in the last byte, which is encrypted.
    pub(crate) padded: bool,
    /// The position of the header extension elements.
    extensions: Range<usize>,
    long_form: bool,
    /// Bytes before the payload.
    pub(crate) length: usize,
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

impl Header {
    pub(crate) fn parse(packet: &[u8]) -> Option<Self> {
        let &[first, second, ..] = packet else { return None };
        let mut length = FIXED + usize::from(first & 0x0f) * 4;
        let mut extensions = 0..0;
        let mut long_form = false;
        if first & 0x10 != 0 {
            long_form = be16(packet, length)? != ONE_BYTE;
            let words = usize::from(be16(packet, length + 2)?);
            extensions = length + 4..length + 4 + words * 4;
            length = extensions.end;
        }
        (packet.len() >= length).then_some(Self {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            seq: be16(packet, 2)?,
            timestamp: be32(packet, 4)?,
            ssrc: be32(packet, 8)?,
            padded: first & 0x20 != 0,
            extensions,
            long_form,
            length,
        })
    }

    /// Returns a header extension element by its negotiated id.
    pub(crate) fn extension<'a>(&self, packet: &'a [u8], id: u8) -> Option<&'a [u8]> {
        let mut rest = packet.get(self.extensions.clone())?;
        while let Some((&first, after)) = rest.split_first() {
            if first == 0 {
                rest = after;
                continue;
            }
            let (found, length, after) = if self.long_form {
                let (&length, after) = after.split_first()?;
                (first, usize::from(length), after)
            } else {
                (first >> 4, usize::from(first & 0x0f) + 1, after)
            };
            if found == id {
                return after.get(..length);
            }
            rest = after.get(length..)?;
        }
        None
    }
}

/// Writes a header with one-byte extension elements (ids below 15, values of 1 to 16 bytes).
pub(crate) fn write_header(
    out: &mut Vec<u8>,
    (payload_type, marker): (u8, bool),
    seq: u16,
    timestamp: u32,
    ssrc: u32,
    extensions: &[(u8, &[u8])],
) {
    let extended = if extensions.is_empty() { 0x80 } else { 0x90 };
    out.extend_from_slice(&[extended, payload_type | u8::from(marker) << 7]);
    out.extend_from_slice(&seq.to_be_bytes());
    out.extend_from_slice(&timestamp.to_be_bytes());
    out.extend_from_slice(&ssrc.to_be_bytes());
    if extensions.is_empty() {
        return;
    }
    let bytes: usize = extensions.iter().map(|(_, value)| 1 + value.len()).sum();
    let words = bytes.div_ceil(4);
    out.extend_from_slice(&ONE_BYTE.to_be_bytes());
    out.extend_from_slice(&(words as u16).to_be_bytes());
    for (id, value) in extensions {
        out.push(id << 4 | (value.len() as u8).saturating_sub(1));
        out.extend_from_slice(value);
    }
    out.resize(out.len() + words * 4 - bytes, 0);
}

/// Extends 16-bit sequence numbers across wraparounds (RFC 3711 section 3.3.1).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Extender(Option<u64>);

impl Extender {
    /// Returns the extended number nearest to the highest one so far.
    pub(crate) fn extend(&mut self, number: u16) -> u64 {
        let Some(highest) = self.0 else {
            // Starts one cycle above zero, so that packets reordered at the start have a number too.
            let first = 0x1_0000 + u64::from(number);
            self.0 = Some(first);
            return first;
        };
        let ahead = number.wrapping_sub(highest as u16);
        if ahead < 0x8000 {
            let extended = highest + u64::from(ahead);
            self.0 = Some(extended);
            extended
        } else {
            highest.saturating_sub(u64::from(0u16.wrapping_sub(ahead)))
        }
    }

    pub(crate) fn highest(self) -> Option<u64> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_header_is_parsed_back() {
        let mut packet = Vec::new();
        let extensions: [(u8, &[u8]); 2] = [(4, b"12"), (3, &[1, 2])];
        write_header(&mut packet, (96, true), 7, 8, 9, &extensions);
        packet.extend_from_slice(b"payload");
        let header = Header::parse(&packet).expect("a whole header");
        assert_eq!((header.payload_type, header.marker), (96, true));
        assert_eq!((header.seq, header.timestamp, header.ssrc), (7, 8, 9));
        assert_eq!(header.extension(&packet, 4), Some(&b"12"[..]));
        assert_eq!(header.extension(&packet, 3), Some(&[1, 2][..]));
        assert_eq!(header.extension(&packet, 5), None);
        assert_eq!(&packet[header.length..], b"payload");
        for length in 0..header.length {
            assert_eq!(Header::parse(&packet[..length]), None, "{length} bytes are too few");
        }
    }

    #[test]
    fn elements_with_two_byte_headers_are_found() {
        let mut packet = vec![0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0x10, 0, 0, 2];
        packet.extend_from_slice(&[20, 0, 0, 3, 2, 0xaa, 0xbb, 0]);
        let header = Header::parse(&packet).expect("a whole header");
        assert_eq!(header.extension(&packet, 20), Some(&[][..]));
        assert_eq!(header.extension(&packet, 3), Some(&[0xaa, 0xbb][..]));
    }

    #[test]
    fn numbers_are_extended_across_wraparounds_and_for_late_packets() {
        let mut extender = Extender::default();
        let first = extender.extend(0xfffe);
        assert_eq!(extender.extend(0xffff), first + 1);
        assert_eq!(extender.extend(1), first + 3);
        assert_eq!(extender.extend(0), first + 2);
        assert_eq!(extender.highest(), Some(first + 3));
        assert_eq!(Extender::default().extend(5) & 0xffff, 5);
    }
}
