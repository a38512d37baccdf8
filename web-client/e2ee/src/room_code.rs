//! The codes that people compare to rule out an attacker in the middle: the room code for all
//! members at once, and the pairwise code for two people in any room. They change when an identity
//! key changes, not with every epoch.

use sha2::{Digest, Sha512};
use signaling_protocol::RoomId;

/// The number of groups of five digits in a code.
const GROUPS: usize = 12;

/// Returns the room code of these identity keys, in any order: twelve groups of five digits,
/// separated by spaces. They are the first 60 bytes of SHA-512 over `"lp-room/1"`, the room id and
/// the sorted keys; each group is five bytes modulo 100,000.
#[must_use]
pub fn room_code(room: &RoomId, identities: impl IntoIterator<Item = [u8; 32]>) -> String {
    code(&[b"lp-room/1", room.as_str().as_bytes()], identities.into_iter().collect())
}

/// Returns the code of two people, the same for both: like the room code, but over `"lp-pair/1"` and
/// their keys alone. One comparison holds for all later meetings.
#[must_use]
pub fn pairwise_code(one: [u8; 32], other: [u8; 32]) -> String {
    code(&[b"lp-pair/1"], vec![one, other])
}

fn code(label: &[&[u8]], mut identities: Vec<[u8; 32]>) -> String {
    identities.sort_unstable();
    identities.dedup();
    let mut hash = Sha512::new();
    for part in label {
        hash.update(part);
    }
    for identity in &identities {
        hash.update(identity);
    }
    let groups: Vec<_> = hash.finalize().chunks_exact(5).take(GROUPS).map(digits).collect();
    groups.join(" ")
}

/// Returns five bytes, big-endian, modulo 100,000, as digits with leading zeros.
fn digits(group: &[u8]) -> String {
    let number = group.iter().fold(0_u64, |number, &byte| (number << 8) | u64::from(byte));
    format!("{:05}", number % 100_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_code_has_sixty_digits_in_twelve_groups() {
        let code = room_code(&RoomId::from_bytes([3; 16]), [[1; 32]]);
        let groups: Vec<_> = code.split(' ').collect();
        assert_eq!(groups.len(), 12);
        for group in groups {
            assert_eq!(group.len(), 5);
            assert!(group.bytes().all(|digit| digit.is_ascii_digit()));
        }
    }

    #[test]
    fn short_groups_are_padded_and_long_ones_wrap() {
        assert_eq!(digits(&[0, 0, 0, 0, 7]), "00007");
        assert_eq!(digits(&[0xff; 5]), format!("{:05}", 0xff_ffff_ffff_u64 % 100_000));
    }

    #[test]
    fn order_and_duplicates_of_identities_do_not_change_the_code() {
        let room = RoomId::from_bytes([3; 16]);
        let code = room_code(&room, [[1; 32], [2; 32]]);
        assert_eq!(room_code(&room, [[2; 32], [1; 32], [2; 32]]), code);
    }

    #[test]
    fn another_identity_or_another_room_changes_the_code() {
        let room = RoomId::from_bytes([3; 16]);
        let code = room_code(&room, [[1; 32], [2; 32]]);
        assert_ne!(room_code(&room, [[1; 32], [3; 32]]), code);
        assert_ne!(room_code(&RoomId::from_bytes([4; 16]), [[1; 32], [2; 32]]), code);
    }

    #[test]
    fn two_people_see_the_same_code_and_no_other_pair_has_it() {
        let code = pairwise_code([1; 32], [2; 32]);
        assert_eq!(pairwise_code([2; 32], [1; 32]), code);
        assert_ne!(pairwise_code([1; 32], [3; 32]), code);
        assert_ne!(room_code(&RoomId::from_bytes([3; 16]), [[1; 32], [2; 32]]), code);
    }
}
