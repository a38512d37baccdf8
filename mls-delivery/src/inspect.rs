//! A look at the clear header of an MLS message (RFC 9420 section 6), and at sizes. Nothing else
//! of a message is read.

use signaling_protocol::limits::{
    APPLICATION_BYTES, KEY_PACKAGE_BYTES, MESSAGE_ID_CHARS, SUBMISSION_BYTES,
};
use signaling_protocol::{
    HandshakeCount, MessageId, Opaque, Refusal, RefusalCode, RoomId, Step, Submission,
};

/// RFC 9420 section 6: `ProtocolVersion mls10`.
const MLS_10: u16 = 1;
/// RFC 9420 section 6: `ContentType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ContentType {
    Application = 1,
    Commit = 3,
}

/// RFC 9420 section 6: the wire formats that a submission is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WireFormat {
    PrivateMessage = 2,
    Welcome = 3,
    KeyPackage = 5,
}

/// Checks that these bytes can be a KeyPackage.
///
/// # Errors
/// A refusal with the reason.
pub fn key_package(key_package: &Opaque) -> Result<(), Refusal> {
    if key_package.0.len() > KEY_PACKAGE_BYTES {
        return Err(too_large("KeyPackage", key_package.0.len(), KEY_PACKAGE_BYTES));
    }
    Reader(&key_package.0).header(WireFormat::KeyPackage)
}

/// Checks that a submission can be the next handshake of a room whose newest create was at
/// `created`. Of a submission older than that create only the shape is checked: the log knows it or
/// refuses it as stale.
///
/// # Errors
/// A refusal with the reason.
pub fn submission(
    room: &RoomId,
    created: HandshakeCount,
    submission: &Submission,
) -> Result<(), Refusal> {
    message_id(&submission.message_id)?;
    let (commit, welcome) = match &submission.step {
        Step::Create => (None, None),
        Step::Commit { commit, welcome } => (Some(commit), welcome.as_ref()),
    };
    let length = |part: Option<&Opaque>| part.map_or(0, |part| part.0.len());
    let bytes = length(commit) + length(welcome);
    if bytes > SUBMISSION_BYTES {
        return Err(too_large("submission", bytes, SUBMISSION_BYTES));
    }
    if let Some(welcome) = welcome {
        Reader(&welcome.0).header(WireFormat::Welcome)?;
    }
    if let Some(commit) = commit {
        let found = Reader(&commit.0).private_message(ContentType::Commit)?;
        if let Some(epoch) = submission.expected.0.checked_sub(created.0) {
            found.expect(&room.group_id(created), epoch)?;
        }
    }
    Ok(())
}

/// Checks that these bytes can be an application message of the room's current epoch, which every
/// member that has read the log up to here can decrypt.
///
/// # Errors
/// [`RefusalCode::StaleMessage`] for another epoch, or a refusal with another reason.
pub fn application_message(
    room: &RoomId,
    created: HandshakeCount,
    handshakes: HandshakeCount,
    message: &Opaque,
) -> Result<(), Refusal> {
    let bytes = message.0.len();
    if bytes > APPLICATION_BYTES {
        return Err(Refusal::new(
            RefusalCode::TooLarge,
            format!("This message has {bytes} bytes, {APPLICATION_BYTES} are allowed; shorten it."),
        ));
    }
    let found = Reader(&message.0).private_message(ContentType::Application)?;
    let epoch = handshakes.0.saturating_sub(created.0);
    if found.group != room.group_id(created) || found.epoch != epoch {
        return Err(Refusal::new(
            RefusalCode::StaleMessage,
            "The encryption has moved on meanwhile; the message is protected anew.",
        )
        .with_current(handshakes));
    }
    Ok(())
}

fn message_id(id: &MessageId) -> Result<(), Refusal> {
    let fits = id.0.len() == MESSAGE_ID_CHARS
        && id.0.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if fits { Ok(()) } else { Err(bad("a message id is 22 base64url characters")) }
}

/// The unencrypted fields of a PrivateMessage (RFC 9420 section 6.3).
struct ClearHeader<'a> {
    group: &'a [u8],
    epoch: u64,
}

impl ClearHeader<'_> {
    fn expect(&self, group: &[u8], epoch: u64) -> Result<(), Refusal> {
        if self.group != group {
            return Err(bad("the commit is for another group than this meeting's current one"));
        }
        if self.epoch != epoch {
            return Err(bad(format!(
                "the commit is for epoch {}, the group is in {epoch}",
                self.epoch
            )));
        }
        Ok(())
    }
}

/// Reads forward; every step is bounded by what is there.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn header(&mut self, wanted: WireFormat) -> Result<(), Refusal> {
        let version = u16::from_be_bytes(self.array()?);
        if version != MLS_10 {
            return Err(bad(format!("MLS version {version} is not 1")));
        }
        let format = u16::from_be_bytes(self.array()?);
        if format != wanted as u16 {
            return Err(bad(format!("wire format {format} stands where a {wanted:?} should")));
        }
        Ok(())
    }

    /// RFC 9420 section 6.3: group id, epoch and content type are clear; three more vectors end
    /// the message.
    fn private_message(mut self, wanted: ContentType) -> Result<ClearHeader<'a>, Refusal> {
        self.header(WireFormat::PrivateMessage)?;
        let group = self.vector()?;
        let epoch = u64::from_be_bytes(self.array()?);
        let [content_type] = self.array()?;
        if content_type != wanted as u8 {
            return Err(bad(format!("content type {content_type} is not that of {wanted:?}")));
        }
        for _authenticated_data_sender_data_and_ciphertext in 0..3 {
            self.vector()?;
        }
        if self.0.is_empty() {
            Ok(ClearHeader { group, epoch })
        } else {
            Err(bad("bytes follow the MLS message"))
        }
    }

    /// A vector with RFC 9420's variable-size length (section 2.1.2).
    fn vector(&mut self) -> Result<&'a [u8], Refusal> {
        let [first] = self.array()?;
        let mut length = usize::from(first & 0x3f);
        let (more, least) = match first >> 6 {
            0 => (0, 0),
            1 => (1, 1 << 6),
            2 => (3, 1 << 14),
            _ => return Err(bad("an MLS vector has no valid length")),
        };
        for _ in 0..more {
            let [next] = self.array()?;
            length = (length << 8) | usize::from(next);
        }
        if length < least {
            return Err(bad("an MLS vector's length is not in its shortest form"));
        }
        let (vector, rest) =
            self.0.split_at_checked(length).ok_or_else(|| bad("the MLS message is cut short"))?;
        self.0 = rest;
        Ok(vector)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        let (array, rest) =
            self.0.split_first_chunk::<N>().ok_or_else(|| bad("the MLS message is cut short"))?;
        self.0 = rest;
        Ok(*array)
    }
}

fn bad(what: impl std::fmt::Display) -> Refusal {
    Refusal::new(
        RefusalCode::BadMessage,
        format!("The server cannot relay this: {what}. Reload the page."),
    )
}

fn too_large(what: &str, bytes: usize, limit: usize) -> Refusal {
    Refusal::new(
        RefusalCode::TooLarge,
        format!("This {what} has {bytes} bytes, {limit} are allowed; add fewer people at once."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> RoomId {
        RoomId::from_bytes([7; 16])
    }

    fn private_message(group: &[u8], epoch: u64, content_type: ContentType) -> Opaque {
        let mut bytes = vec![0, 1, 0, 2, u8::try_from(group.len()).unwrap()];
        bytes.extend_from_slice(group);
        bytes.extend_from_slice(&epoch.to_be_bytes());
        bytes.extend_from_slice(&[content_type as u8, 0, 0, 1, 0xcc]);
        Opaque(bytes)
    }

    fn submit(commit: Opaque, expected: u64) -> Result<(), Refusal> {
        submission(
            &room(),
            HandshakeCount(3),
            &Submission {
                message_id: MessageId("A".repeat(22)),
                expected: HandshakeCount(expected),
                roster: Vec::new(),
                step: Step::Commit { commit, welcome: None },
            },
        )
    }

    #[test]
    fn a_commit_of_the_current_group_and_epoch_passes() {
        let group = room().group_id(HandshakeCount(3));
        assert_eq!(submit(private_message(&group, 2, ContentType::Commit), 5), Ok(()));
    }

    #[test]
    fn another_group_epoch_or_content_is_refused_by_name() {
        let group = room().group_id(HandshakeCount(3));
        let old_group = room().group_id(HandshakeCount(1));
        for (commit, word) in [
            (private_message(&old_group, 2, ContentType::Commit), "another group"),
            (private_message(&group, 1, ContentType::Commit), "epoch 1"),
            (private_message(&group, 2, ContentType::Application), "content type 1"),
            (Opaque(vec![0, 1, 0, 2, 0xff]), "length"),
            (Opaque(vec![0, 1, 0, 2, 0x40, 0x01, 0xaa]), "shortest"),
            (
                Opaque([private_message(&group, 2, ContentType::Commit).0, vec![0]].concat()),
                "follow",
            ),
            (Opaque(vec![0, 2, 0, 2]), "version 2"),
            (Opaque(Vec::new()), "cut short"),
        ] {
            let refusal = submit(commit, 5).unwrap_err();
            assert_eq!(refusal.code, RefusalCode::BadMessage);
            assert!(refusal.detail().contains(word), "{}", refusal.detail());
        }
    }

    #[test]
    fn an_application_message_passes_in_the_current_epoch_only() {
        let group = room().group_id(HandshakeCount(3));
        let application = |message: Opaque| {
            application_message(&room(), HandshakeCount(3), HandshakeCount(5), &message)
                .map_err(|refusal| (refusal.code, refusal.current))
        };
        let stale = Err((RefusalCode::StaleMessage, Some(HandshakeCount(5))));
        let is = ContentType::Application;
        assert_eq!(application(private_message(&group, 2, is)), Ok(()));
        assert_eq!(application(private_message(&group, 1, is)), stale);
        let old_group = room().group_id(HandshakeCount(1));
        assert_eq!(application(private_message(&old_group, 2, is)), stale);
        let commit = private_message(&group, 2, ContentType::Commit);
        assert_eq!(application(commit), Err((RefusalCode::BadMessage, None)));
        let huge = Opaque(vec![0; APPLICATION_BYTES + 1]);
        assert_eq!(application(huge), Err((RefusalCode::TooLarge, None)));
    }

    #[test]
    fn a_resent_commit_from_before_the_newest_create_is_left_to_the_log() {
        let old_group = room().group_id(HandshakeCount(1));
        assert_eq!(submit(private_message(&old_group, 1, ContentType::Commit), 2), Ok(()));
        assert!(submit(Opaque(vec![0, 1, 0, 2]), 2).is_err(), "but not if it has no shape");
    }

    #[test]
    fn an_oversize_key_package_and_one_of_another_kind_are_refused() {
        assert_eq!(key_package(&Opaque(vec![0, 1, 0, 5, 0])), Ok(()));
        assert!(key_package(&Opaque(vec![0, 1, 0, 3, 0])).is_err());
        let refusal = key_package(&Opaque(vec![0; KEY_PACKAGE_BYTES + 1])).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::TooLarge);
    }
}
