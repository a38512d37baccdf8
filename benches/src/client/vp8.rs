//! The VP8 payload descriptor (RFC 7741 section 4.2), and the first byte of the frame.

/// Bytes of a descriptor as written here.
pub(crate) const BYTES: usize = 4;
/// Set in the first byte of a frame that is not a key frame (RFC 6386 section 9.1).
const NOT_KEY: u8 = 0x01;
/// The clear prefix of an encrypted key frame, see `e2ee::media::Codec`.
pub(crate) const KEY_PREFIX: &[u8] = &[0x10, 0x00, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01];
pub(crate) const DELTA_PREFIX: &[u8] = &[0x11];

/// The descriptor of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Descriptor {
    /// The first packet of a frame.
    pub(crate) begins: bool,
    pub(crate) length: usize,
}

impl Descriptor {
    pub(crate) fn parse(payload: &[u8]) -> Option<Self> {
        let &first = payload.first()?;
        let begins = first & 0x10 != 0 && first & 0x07 == 0;
        let mut length = 1;
        if first & 0x80 != 0 {
            let &extended = payload.get(1)?;
            length = 2;
            if extended & 0x80 != 0 {
                length += if payload.get(length)? & 0x80 != 0 { 2 } else { 1 };
            }
            length += usize::from(extended & 0x40 != 0);
            length += usize::from(extended & 0x30 != 0);
        }
        (payload.len() >= length).then_some(Self { begins, length })
    }

    pub(crate) fn begins_key_frame(&self, payload: &[u8]) -> bool {
        self.begins && payload.get(self.length).is_some_and(|byte| byte & NOT_KEY == 0)
    }

    /// Returns the payload after the descriptor and, at the beginning of a frame, its clear prefix.
    pub(crate) fn body<'a>(&self, payload: &'a [u8]) -> &'a [u8] {
        let rest = &payload[self.length..];
        if !self.begins {
            return rest;
        }
        let prefix = rest.strip_prefix(KEY_PREFIX).or_else(|| rest.strip_prefix(DELTA_PREFIX));
        prefix.unwrap_or(rest)
    }
}

/// Writes the descriptor of a packet, with a picture number of 15 bits.
pub(crate) fn write(out: &mut Vec<u8>, begins: bool, picture: u16) {
    let picture = 0x8000 | picture;
    out.extend_from_slice(&[0x80 | u8::from(begins) << 4, 0x80]);
    out.extend_from_slice(&picture.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_descriptor_is_parsed_back() {
        for (begins, prefix) in [(true, KEY_PREFIX), (true, DELTA_PREFIX), (false, &[][..])] {
            let mut payload = Vec::new();
            write(&mut payload, begins, 0x1234);
            assert_eq!(payload.len(), BYTES);
            payload.extend_from_slice(prefix);
            payload.extend_from_slice(b"body");
            let descriptor = Descriptor::parse(&payload).expect("whole");
            assert_eq!(descriptor, Descriptor { begins, length: BYTES });
            assert_eq!(descriptor.begins_key_frame(&payload), prefix == KEY_PREFIX);
            assert_eq!(descriptor.body(&payload), b"body");
        }
        assert_eq!(Descriptor::parse(&[0x80, 0x80, 0x80]), None);
    }
}
