//! The H264 frames that browsers' packetizers accept: NAL units after start codes (ITU-T H.264,
//! annex B), of which the last is a slice with the ciphertext.
//!
//! A receiving browser delivers a key frame only with parameter sets, and a slice only with a header
//! that names them. So the prefix has parameter sets of an unrelated video and the first bytes of a
//! slice header. No decoder reads the rest of the slice before it is unprotected.

/// Parameter sets of a constrained baseline stream of 640 by 480 pixels (picture order count type
/// 2, no reordering, so that no browser sees a reason to rewrite them), then the start of an IDR
/// slice: `first_mb_in_slice` 0, `slice_type` 7 (I), `pic_parameter_set_id` 0.
#[rustfmt::skip]
pub(super) const KEY_FRAME: &[u8] = &[
    0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0xda, 0x02, 0x80, 0xf6, 0x80, 0x6d, 0x04, 0x42, 0x35,
    0, 0, 0, 1, 0x68, 0xce, 0x38, 0x80,
    0, 0, 0, 1, 0x65, 0x88, 0x80,
];
/// The start of a slice that is no IDR: `first_mb_in_slice` 0, `slice_type` 5 (P),
/// `pic_parameter_set_id` 0.
pub(super) const DELTA_FRAME: &[u8] = &[0, 0, 0, 1, 0x41, 0x9a];

/// Ends a slice (`rbsp_slice_trailing_bits`). Zeros at the end of a NAL unit would belong to the next
/// start code.
const END: u8 = 0x80;
/// Separates two zeros from a small byte, so that they do not form a start code
/// (`emulation_prevention_three_byte`).
const ESCAPE: u8 = 0x03;

/// Returns the most bytes that [`finish`] adds to a ciphertext of this length.
pub(super) fn most_added(bytes: usize) -> usize {
    bytes / 2 + 1
}

/// Escapes `out[from..]` and ends the slice. The byte before `from` must not be zero.
pub(super) fn finish(out: &mut Vec<u8>, from: usize) {
    let mut zeros = 0;
    let mut escapes = Vec::new();
    for (at, &byte) in out.iter().enumerate().skip(from) {
        if zeros == 2 && byte <= ESCAPE {
            escapes.push(at);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
    }
    // Rare: an escape is needed once in four million random bytes.
    if !escapes.is_empty() {
        let bytes = out.split_off(from);
        let mut copied = from;
        for at in escapes {
            out.extend_from_slice(&bytes[copied - from..at - from]);
            out.push(ESCAPE);
            copied = at;
        }
        out.extend_from_slice(&bytes[copied - from..]);
    }
    out.push(END);
}

/// Splits a frame into its prefix and the bytes that [`finish`] escaped. Returns `None` for any other
/// frame.
pub(super) fn split(frame: &[u8]) -> Option<(&'static [u8], Vec<u8>)> {
    let mut prefixes = [KEY_FRAME, DELTA_FRAME].into_iter();
    let (prefix, slice) =
        prefixes.find_map(|prefix| Some((prefix, frame.strip_prefix(prefix)?)))?;
    let (&END, slice) = slice.split_last()? else { return None };
    let mut bytes = Vec::with_capacity(slice.len());
    let (mut zeros, mut escaped) = (0, false);
    for &byte in slice {
        if zeros == 2 && byte <= ESCAPE {
            if byte != ESCAPE {
                return None;
            }
            (zeros, escaped) = (0, true);
            continue;
        }
        if escaped && byte > ESCAPE {
            return None;
        }
        escaped = false;
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        bytes.push(byte);
    }
    (!escaped).then_some((prefix, bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn finished(prefix: &[u8], bytes: &[u8]) -> Vec<u8> {
        let mut frame = [prefix, bytes].concat();
        finish(&mut frame, prefix.len());
        frame
    }

    /// Where a start code begins, as packetizers look for them.
    fn start_codes(frame: &[u8]) -> usize {
        frame.windows(3).filter(|&three| three == [0, 0, 1]).count()
    }

    #[test]
    fn the_standards_examples_are_escaped() {
        for (bytes, escaped) in [
            (&[0, 0, 0][..], &[0, 0, 3, 0][..]),
            (&[0, 0, 1], &[0, 0, 3, 1]),
            (&[0, 0, 2], &[0, 0, 3, 2]),
            (&[0, 0, 3], &[0, 0, 3, 3]),
            (&[0, 0, 4], &[0, 0, 4]),
            (&[0, 0, 0, 0, 0, 0], &[0, 0, 3, 0, 0, 3, 0, 0]),
            (&[9, 0, 0], &[9, 0, 0]),
            (&[], &[]),
        ] {
            assert_eq!(finished(DELTA_FRAME, bytes), [DELTA_FRAME, escaped, &[END]].concat());
        }
    }

    #[test]
    fn a_slice_that_is_escaped_in_another_way_is_refused() {
        let cases: [&[u8]; 7] = [
            &[],
            &[1, 2],            // does not end
            &[0, 0, 1, END],    // a start code
            &[0, 0, 0, END],    // zeros before one
            &[0, 0, 3, END],    // an escape before nothing
            &[0, 0, 3, 4, END], // an escape before what needs none
            &[0, 0, 2, 9, END],
        ];
        for slice in cases {
            assert_eq!(split(&[DELTA_FRAME, slice].concat()), None, "{slice:x?}");
        }
        for at in 0..KEY_FRAME.len() {
            let mut frame = finished(KEY_FRAME, b"slice");
            frame[at] ^= 0x10;
            assert_eq!(split(&frame), None, "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_survive_a_round_trip_and_contain_no_start_code(
            // Mostly small bytes: those are what escapes are about.
            bytes in prop::collection::vec(prop_oneof![4 => 0..5_u8, 1 => any::<u8>()], 0..60),
        ) {
            for prefix in [KEY_FRAME, DELTA_FRAME] {
                let frame = finished(prefix, &bytes);
                prop_assert_eq!(start_codes(&frame), start_codes(prefix));
                prop_assert!(frame.len() <= prefix.len() + bytes.len() + most_added(bytes.len()));
                prop_assert_eq!(split(&frame), Some((prefix, bytes.clone())));
            }
        }

        #[test]
        fn any_slice_is_refused_or_an_output_of_finish(
            slice in prop::collection::vec(prop_oneof![4 => 0..5_u8, 1 => any::<u8>()], 0..60),
        ) {
            let frame = [DELTA_FRAME, &slice].concat();
            if let Some((prefix, bytes)) = split(&frame) {
                prop_assert_eq!(finished(prefix, &bytes), frame);
            }
        }
    }
}
