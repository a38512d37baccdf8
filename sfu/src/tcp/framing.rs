//! Datagrams in a stream, each behind its length in two bytes (RFC 4571 section 2).

/// The longest datagram that is taken, in bytes: what a worker looks at.
const MOST: usize = 1_500;
/// Bytes of the length.
const HEAD: usize = 2;

/// The stream holds a datagram that no client sends. What follows can't be told apart any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a datagram of {0} bytes was announced; {MOST} is the most")]
pub(crate) struct TooLong(usize);

/// Finds the datagrams in a stream. Holds less than one of them.
#[derive(Debug, Default)]
pub(crate) struct Deframer {
    begun: Vec<u8>,
}

impl Deframer {
    /// Takes what came next of the stream, and gives each datagram that is whole to `each` until
    /// that says to stop. Empty datagrams mean nothing and are passed over.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(&[u8]) -> bool,
    ) -> Result<(), TooLong> {
        self.begun.extend_from_slice(bytes);
        let mut at = 0;
        while let Some((head, rest)) = self.begun[at..].split_first_chunk::<HEAD>() {
            let length = usize::from(u16::from_be_bytes(*head));
            if length > MOST {
                return Err(TooLong(length));
            }
            let Some(datagram) = rest.get(..length) else { break };
            at += HEAD + length;
            if length > 0 && !each(datagram) {
                break;
            }
        }
        self.begun.drain(..at);
        Ok(())
    }
}

/// A datagram as it goes into a stream. `None`: it is too long for that.
pub(crate) fn framed(datagram: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(datagram.len()).ok()?;
    let mut framed = Vec::with_capacity(HEAD + datagram.len());
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
            datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..MOST), 0..12),
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
                prop_assert!(deframer.begun.len() < HEAD + MOST);
            }
            prop_assert_eq!(found, datagrams);
            prop_assert!(deframer.begun.is_empty());
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
