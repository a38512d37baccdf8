//! Datagrams in a TCP stream, each framed by its length in two bytes (RFC 4571 section 2).

/// Maximum length of a datagram in bytes: that which a worker processes.
const MAX_DATAGRAM: usize = 1_500;
/// Bytes of the length field.
const LENGTH_BYTES: usize = 2;

/// A datagram is longer than any client sends, so the stream cannot be parsed any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a datagram of {0} bytes exceeds the maximum of {MAX_DATAGRAM}")]
pub(crate) struct TooLong(usize);

/// Finds the datagrams in a stream. Buffers less than one of them.
#[derive(Debug, Default)]
pub(crate) struct Deframer {
    buffer: Vec<u8>,
}

impl Deframer {
    /// Parses the next bytes of the stream, and calls `each` with every complete datagram until it
    /// returns `false`. Empty datagrams are ignored.
    ///
    /// # Errors
    ///
    /// [`TooLong`] if a datagram is too long.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(&[u8]) -> bool,
    ) -> Result<(), TooLong> {
        self.buffer.extend_from_slice(bytes);
        let mut at = 0;
        while let Some((head, rest)) = self.buffer[at..].split_first_chunk::<LENGTH_BYTES>() {
            let length = usize::from(u16::from_be_bytes(*head));
            if length > MAX_DATAGRAM {
                return Err(TooLong(length));
            }
            let Some(datagram) = rest.get(..length) else { break };
            at += LENGTH_BYTES + length;
            if length > 0 && !each(datagram) {
                break;
            }
        }
        self.buffer.drain(..at);
        Ok(())
    }
}

/// Returns a datagram with its length field; `None` if it is too long for one.
pub(crate) fn framed(datagram: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(datagram.len()).ok()?;
    let mut framed = Vec::with_capacity(LENGTH_BYTES + datagram.len());
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(datagram);
    Some(framed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn however_the_stream_is_cut_the_same_datagrams_come_out(
            datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..MAX_DATAGRAM), 0..12),
            cuts in prop::collection::vec(1..3_000usize, 1..40),
        ) {
            let stream: Vec<u8> = datagrams.iter().flat_map(|d| framed(d).unwrap()).collect();
            let mut deframer = Deframer::default();
            let (mut found, mut rest) = (Vec::new(), &stream[..]);
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                rest = later;
                deframer.push(now, |d| { found.push(d.to_vec()); true }).unwrap();
                prop_assert!(deframer.buffer.len() < LENGTH_BYTES + MAX_DATAGRAM);
            }
            prop_assert_eq!(found, datagrams);
            prop_assert!(deframer.buffer.is_empty());
        }
    }

    #[test]
    fn what_is_too_long_ends_the_stream_before_it_is_read() {
        let mut found = Vec::new();
        let mut each = |d: &[u8]| {
            found.push(d.to_vec());
            true
        };
        let mut deframer = Deframer::default();
        assert_eq!(deframer.push(&[0, 0, 0, 1, 7], &mut each), Ok(()));
        // As HTTP begins.
        assert_eq!(deframer.push(b"GET / HTTP/1.1\r\n", &mut each), Err(TooLong(0x4745)));
        assert_eq!(found, [[7]]);
    }
}
