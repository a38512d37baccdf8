//! The header of a protected frame (RFC 9605 section 4.3).

/// The key id (KID), which selects the key.
pub type KeyId = u64;
/// The counter (CTR) of a frame under one key. The nonce is derived from it.
pub type Counter = u64;

/// `|X| K |Y| C | KID… | CTR… |`: a config byte, then each of the two numbers that does not fit into
/// its three bits there, big-endian and as short as possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The key id.
    pub key_id: KeyId,
    /// The counter.
    pub counter: Counter,
}

/// The header has fewer bytes than its config byte requires, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the SFrame header is cut short: {found} bytes of {expected}")]
pub struct MalformedHeader {
    /// The length that the header requires, in bytes.
    pub expected: usize,
    /// The number of bytes that are there.
    pub found: usize,
}

/// The flag in a half of the config byte: the number follows the config byte.
const EXTENDED: u8 = 0b1000;

impl Header {
    /// The length of the longest header in bytes.
    pub const MAX_LEN: usize = 1 + 8 + 8;

    /// Appends the encoded header.
    pub fn append_to(self, out: &mut Vec<u8>) {
        let (key_half, key_bytes) = encode(self.key_id);
        let (counter_half, counter_bytes) = encode(self.counter);
        out.push(key_half << 4 | counter_half);
        out.extend_from_slice(&self.key_id.to_be_bytes()[8 - key_bytes..]);
        out.extend_from_slice(&self.counter.to_be_bytes()[8 - counter_bytes..]);
    }

    /// Parses the header at the start of `bytes` and returns it with the bytes after it.
    ///
    /// Accepts numbers that are longer than necessary: the encoded header is authenticated, so only
    /// the holder of the key can have written it.
    ///
    /// # Errors
    /// [`MalformedHeader`] if `bytes` end inside the header.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), MalformedHeader> {
        let found = bytes.len();
        let Some((&config, rest)) = bytes.split_first() else {
            return Err(MalformedHeader { expected: 1, found });
        };
        let (key_half, counter_half) = (config >> 4, config & 0x0f);
        let (key_bytes, counter_bytes) = (extension(key_half), extension(counter_half));
        let cut_short = MalformedHeader { expected: 1 + key_bytes + counter_bytes, found };
        let (key_field, rest) = rest.split_at_checked(key_bytes).ok_or(cut_short)?;
        let (counter_field, rest) = rest.split_at_checked(counter_bytes).ok_or(cut_short)?;
        let header = Self {
            key_id: decode(key_half, key_field),
            counter: decode(counter_half, counter_field),
        };
        Ok((header, rest))
    }
}

/// Returns a number's half of the config byte, and how many bytes of it follow.
fn encode(value: u64) -> (u8, usize) {
    match u8::try_from(value) {
        Ok(small @ 0..EXTENDED) => (small, 0),
        Ok(_) | Err(_) => {
            let bits = u64::BITS - value.leading_zeros();
            let bytes = bits.div_ceil(8) as usize;
            // One to eight bytes are announced as 0 to 7.
            (EXTENDED | (bytes - 1) as u8, bytes)
        }
    }
}

/// Returns how many bytes of a number follow the config byte.
fn extension(half: u8) -> usize {
    if half & EXTENDED == 0 { 0 } else { usize::from(half & !EXTENDED) + 1 }
}

/// Returns the number with this half of the config byte and these following bytes.
fn decode(half: u8, field: &[u8]) -> u64 {
    if field.is_empty() {
        return u64::from(half);
    }
    field.iter().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_cut_anywhere_is_refused_and_says_how_long_it_should_be() {
        let mut bytes = Vec::new();
        Header { key_id: 0x1234_5678, counter: 0xffff_ffff }.append_to(&mut bytes);
        assert_eq!(bytes.len(), 9);
        for found in 1..bytes.len() {
            assert_eq!(Header::parse(&bytes[..found]), Err(MalformedHeader { expected: 9, found }));
        }
        assert_eq!(Header::parse(&[]), Err(MalformedHeader { expected: 1, found: 0 }));
    }

    #[test]
    fn the_bytes_after_the_header_are_returned() {
        let mut bytes = Vec::new();
        let header = Header { key_id: 7, counter: 8 };
        header.append_to(&mut bytes);
        bytes.extend_from_slice(b"frame");
        assert_eq!(Header::parse(&bytes), Ok((header, &b"frame"[..])));
    }

    #[test]
    fn the_longest_header_has_the_stated_length() {
        let mut bytes = Vec::new();
        Header { key_id: u64::MAX, counter: u64::MAX }.append_to(&mut bytes);
        assert_eq!(bytes.len(), Header::MAX_LEN);
    }
}
