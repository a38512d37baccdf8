//! MLS messages as far as a server reads them: the clear header is right, the rest is filling.

use signaling_protocol::{
    HandshakeCount, MessageId, Opaque, ParticipantId, RoomId, Step, Submission,
};

/// RFC 9420 section 6: `ContentType`.
const APPLICATION: u8 = 1;
const COMMIT: u8 = 3;

pub(crate) fn key_package(of: u32) -> Opaque {
    Opaque([&[0, 1, 0, 5][..], &of.to_be_bytes()].concat())
}

/// A new group with its sender alone.
pub(crate) fn create(sender: ParticipantId, expected: HandshakeCount, name: u64) -> Submission {
    submission(expected, &[sender], Step::Create, name)
}

/// Returns a commit to the group of the newest create, with a Welcome if it adds members.
pub(crate) fn commit(
    room: &RoomId,
    created: HandshakeCount,
    expected: HandshakeCount,
    roster: &[ParticipantId],
    adds: bool,
    name: u64,
) -> Submission {
    let commit = private_message(room, created, expected, COMMIT, 100);
    let welcome = adds.then(|| Opaque(vec![0, 1, 0, 3, 0xee]));
    submission(expected, roster, Step::Commit { commit, welcome }, name)
}

/// An application message with a ciphertext of this many bytes.
pub(crate) fn application(
    room: &RoomId,
    created: HandshakeCount,
    handshakes: HandshakeCount,
    bytes: u16,
) -> Opaque {
    private_message(room, created, handshakes, APPLICATION, bytes)
}

fn submission(
    expected: HandshakeCount,
    roster: &[ParticipantId],
    step: Step,
    name: u64,
) -> Submission {
    Submission {
        message_id: MessageId(format!("{name:022}")),
        expected,
        roster: roster.to_vec(),
        step,
    }
}

/// RFC 9420 section 6.3, with a ciphertext of 64 to 16,383 bytes.
fn private_message(
    room: &RoomId,
    created: HandshakeCount,
    handshakes: HandshakeCount,
    content_type: u8,
    ciphertext: u16,
) -> Opaque {
    assert!((64..1 << 14).contains(&ciphertext), "its length takes two bytes");
    let group = room.group_id(created);
    let mut bytes = vec![0, 1, 0, 2, u8::try_from(group.len()).expect("a short id")];
    bytes.extend_from_slice(&group);
    bytes.extend_from_slice(&handshakes.0.saturating_sub(created.0).to_be_bytes());
    bytes.extend_from_slice(&[content_type, 0, 0]);
    bytes.extend_from_slice(&(ciphertext | 1 << 14).to_be_bytes());
    bytes.resize(bytes.len() + usize::from(ciphertext), 0xcc);
    Opaque(bytes)
}
