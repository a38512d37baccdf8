use proptest::prelude::*;

use super::*;
use crate::media::key_id::LEAVES;

const ADA: u32 = 0;
const BOB: u32 = 1;
const EVE: u32 = 2;

/// The keys of an epoch, as one of its members has them.
fn keys(epoch: u64, own_leaf: u32, members: &[u32]) -> MediaKeys {
    let byte = epoch as u8;
    MediaKeys {
        epoch,
        own_leaf,
        audio_base_key: vec![byte; MediaKeys::AUDIO_BASE_KEY_BYTES],
        video_base_key: vec![byte ^ 0xff; MediaKeys::VIDEO_BASE_KEY_BYTES],
        members: members.to_vec(),
        removed: Vec::new(),
    }
}

fn cryptor(epoch: u64, own_leaf: u32) -> MediaCryptor {
    let mut cryptor = MediaCryptor::new();
    cryptor.install(&keys(epoch, own_leaf, &[ADA, BOB, EVE]), 0).unwrap();
    cryptor
}

fn camera(of: &mut MediaCryptor, frame: &[u8]) -> Vec<u8> {
    of.protect(Source::Camera, Codec::Vp8, false, frame).unwrap()
}

fn voice(of: &mut MediaCryptor) -> Vec<u8> {
    of.protect(Source::Microphone, Codec::Opus, false, b"la la la").unwrap()
}

#[test]
fn a_frame_survives_a_round_trip_and_names_its_sender() {
    let (mut ada, mut bob) = (cryptor(1, ADA), cryptor(1, BOB));
    for (context, codec) in [
        (Source::Microphone, Codec::Opus),
        (Source::ScreenAudio, Codec::Opus),
        (Source::Camera, Codec::Vp8),
        (Source::Screen, Codec::Vp9),
        (Source::Camera, Codec::Av1),
        (Source::Screen, Codec::H264),
    ] {
        for key_frame in [true, false] {
            for frame in [&b""[..], b"x", &[7; 1200]] {
                let sealed = ada.protect(context, codec, key_frame, frame).unwrap();
                let opened = bob.unprotect(codec, &sealed, 0).unwrap();
                let expected = Opened { leaf: ADA, context, epoch: 1, frame: frame.to_vec() };
                assert_eq!(opened, expected);
            }
        }
    }
}

#[test]
fn protection_adds_few_bytes() {
    let mut ada = cryptor(1, ADA);
    let added = |context, codec, key_frame, ada: &mut MediaCryptor| {
        ada.protect(context, codec, key_frame, &[0; 100]).unwrap().len() - 100
    };
    assert_eq!(added(Source::Microphone, Codec::Opus, false, &mut ada), 11);
    assert_eq!(added(Source::Camera, Codec::Vp9, false, &mut ada), 19);
    assert_eq!(added(Source::Camera, Codec::Vp8, false, &mut ada), 20);
    assert_eq!(added(Source::Camera, Codec::Vp8, true, &mut ada), 29);
    assert_eq!(added(Source::Camera, Codec::Av1, true, &mut ada), 20);
    assert_eq!(added(Source::Camera, Codec::H264, false, &mut ada), 26);
    assert_eq!(added(Source::Camera, Codec::H264, true, &mut ada), 52);
    // Long calls and full rooms: a KID and a counter of more bytes each.
    let mut last = MediaCryptor::new();
    last.install(&keys(15, LEAVES - 1, &[LEAVES - 1]), 0).unwrap();
    let (epoch, sender) = last.newest.as_mut().unwrap();
    sender.spend_all_but(1, epoch, Source::Microphone);
    assert_eq!(added(Source::Microphone, Codec::Opus, false, &mut last), 17);
}

#[test]
fn every_alteration_of_a_frame_by_the_sfu_is_detected() {
    let (mut ada, mut bob) = (cryptor(1, ADA), cryptor(1, BOB));
    let kinds = [Codec::Vp8, Codec::Vp9, Codec::Av1, Codec::H264];
    for (codec, key_frame) in kinds.into_iter().flat_map(|one| [(one, true), (one, false)]) {
        let sealed = ada.protect(Source::Camera, codec, key_frame, &[9; 40]).unwrap();
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut altered = sealed.clone();
                altered[at] ^= 1 << bit;
                let opened = bob.unprotect(codec, &altered, 0);
                assert!(opened.is_err(), "{codec:?}: byte {at}, bit {bit}");
            }
            assert!(bob.unprotect(codec, &sealed[..at], 0).is_err(), "{codec:?}: cut at {at}");
        }
        assert!(bob.unprotect(codec, &sealed, 0).is_ok(), "none of it spoilt the frame itself");
    }
}

#[test]
fn a_frame_is_opened_once() {
    let (mut ada, mut bob) = (cryptor(1, ADA), cryptor(1, BOB));
    let sealed = camera(&mut ada, b"frame");
    bob.unprotect(Codec::Vp8, &sealed, 0).unwrap();
    let replayed = bob.unprotect(Codec::Vp8, &sealed, 0);
    assert!(matches!(replayed, Err(UnprotectError::Replay { counter: 0, .. })), "{replayed:?}");
}

#[test]
fn a_forged_frame_does_not_spend_its_counter() {
    let (mut ada, mut bob) = (cryptor(1, ADA), cryptor(1, BOB));
    let sealed = camera(&mut ada, b"frame");
    let mut forged = sealed.clone();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(bob.unprotect(Codec::Vp8, &forged, 0), Err(UnprotectError::Authentication));
    assert!(bob.unprotect(Codec::Vp8, &sealed, 0).is_ok());
}

#[test]
fn one_source_cannot_be_passed_off_as_another() {
    let (mut ada, mut bob) = (cryptor(1, ADA), cryptor(1, BOB));
    // The SFU puts the screen into the camera's slot: the frame says itself what it is.
    let screen = ada.protect(Source::Screen, Codec::Vp9, true, b"slides").unwrap();
    assert_eq!(bob.unprotect(Codec::Vp9, &screen, 0).unwrap().context, Source::Screen);
    let sound = voice(&mut ada);
    let error = UnprotectError::WrongMedia { context: Source::Microphone, codec: Codec::Vp9 };
    assert_eq!(bob.unprotect(Codec::Vp9, &sound, 0), Err(error));
    let error = ProtectError::WrongMedia { context: Source::Microphone, codec: Codec::Vp8 };
    assert_eq!(ada.protect(Source::Microphone, Codec::Vp8, false, b""), Err(error));
}

#[test]
fn a_frame_of_one_member_is_never_attributed_to_another() {
    let (mut ada, mut bob, mut eve) = (cryptor(1, ADA), cryptor(1, BOB), cryptor(1, EVE));
    // Whatever slot the SFU forwards it in, the key says whose it is.
    assert_eq!(bob.unprotect(Codec::Vp8, &camera(&mut ada, b"one"), 0).unwrap().leaf, ADA);
    // The header of Eve's frame before what Ada has sealed.
    let (of_eve, of_ada) = (camera(&mut eve, b"two"), camera(&mut ada, b"two"));
    let tag_and_frame = of_ada.len() - b"two".len() - 16;
    let forged = [&of_eve[..tag_and_frame], &of_ada[tag_and_frame..]].concat();
    assert_eq!(of_eve.len(), of_ada.len(), "headers of one length");
    assert_eq!(bob.unprotect(Codec::Vp8, &forged, 0), Err(UnprotectError::Authentication));
}

#[test]
fn plaintext_is_never_opened() {
    let mut bob = cryptor(1, BOB);
    let opus_silence = [0xf8, 0xff, 0xfe];
    assert!(bob.unprotect(Codec::Opus, &opus_silence, 0).is_err());
    let vp8_frame = [&[0x30, 0x01, 0x00, 0x9d, 0x01, 0x2a][..], &[0; 60]].concat();
    let error = UnprotectError::WrongPrefix { codec: Codec::Vp8 };
    assert_eq!(bob.unprotect(Codec::Vp8, &vp8_frame, 0), Err(error));
}

#[test]
fn an_own_frame_that_is_sent_back_is_refused() {
    let mut ada = cryptor(1, ADA);
    let sealed = camera(&mut ada, b"frame");
    assert_eq!(ada.unprotect(Codec::Vp8, &sealed, 0), Err(UnprotectError::Own));
}

#[test]
fn without_keys_nothing_is_sent_and_nothing_is_opened() {
    let sealed = camera(&mut cryptor(1, ADA), b"frame");
    let mut keyless = MediaCryptor::new();
    let refused = keyless.protect(Source::Camera, Codec::Vp8, true, b"frame");
    assert_eq!(refused, Err(ProtectError::NoKeys));
    let refused = keyless.unprotect(Codec::Vp8, &sealed, 0);
    assert!(matches!(refused, Err(UnprotectError::UnknownKey { .. })), "{refused:?}");
}

#[test]
fn a_frame_of_the_next_epoch_opens_once_its_keys_are_there() {
    let (mut ada, mut bob) = (cryptor(2, ADA), cryptor(1, BOB));
    let early = camera(&mut ada, b"frame");
    let refused = bob.unprotect(Codec::Vp8, &early, 0);
    assert!(matches!(refused, Err(UnprotectError::UnknownKey { .. })), "{refused:?}");
    bob.install(&keys(2, BOB, &[ADA, BOB]), 10).unwrap();
    assert_eq!(bob.unprotect(Codec::Vp8, &early, 10).unwrap().epoch, 2);
}

#[test]
fn frames_in_flight_at_an_epoch_change_open_for_a_while() {
    let (mut ada, mut bob) = (cryptor(1, ADA), cryptor(1, BOB));
    let [first, second] = [camera(&mut ada, b"one"), camera(&mut ada, b"two")];
    bob.install(&keys(2, BOB, &[ADA, BOB, EVE]), 100).unwrap();
    assert!(bob.unprotect(Codec::Vp8, &first, 100 + OLD_EPOCH_MS - 1).is_ok());
    let late = bob.unprotect(Codec::Vp8, &second, 100 + OLD_EPOCH_MS);
    assert!(matches!(late, Err(UnprotectError::UnknownKey { .. })), "{late:?}");
}

#[test]
fn frames_of_a_removed_member_are_dropped_at_once_even_those_of_its_last_epoch() {
    let (mut ada, mut bob, mut eve) = (cryptor(1, ADA), cryptor(1, BOB), cryptor(1, EVE));
    let last_words = [camera(&mut eve, b"one"), camera(&mut eve, b"two")];
    bob.unprotect(Codec::Vp8, &last_words[0], 0).unwrap();
    bob.install(&keys(2, BOB, &[ADA, BOB]), 0).unwrap();
    let error = UnprotectError::NotAMember { leaf: EVE };
    assert_eq!(bob.unprotect(Codec::Vp8, &last_words[1], 0), Err(error));
    let held: Vec<_> = bob.older[0].0.received().keys().collect();
    assert!(held.is_empty(), "the removed member's key is gone: {held:?}");
    assert!(bob.unprotect(Codec::Vp8, &camera(&mut ada, b"mine"), 0).is_ok(), "the others go on");
}

#[test]
fn frames_of_a_removed_member_are_not_attributed_to_the_new_member_at_its_leaf() {
    let (mut bob, mut eve) = (cryptor(1, BOB), cryptor(1, EVE));
    let last_words = camera(&mut eve, b"I am the new one");
    let mut handed_on = keys(2, BOB, &[ADA, BOB, EVE]);
    handed_on.removed = vec![EVE];
    bob.install(&handed_on, 0).unwrap();
    let error = UnprotectError::NotAMember { leaf: EVE };
    assert_eq!(bob.unprotect(Codec::Vp8, &last_words, 0), Err(error));
}

#[test]
fn a_removed_member_cannot_open_what_comes_after() {
    let (mut ada, mut eve) = (cryptor(1, ADA), cryptor(1, EVE));
    ada.install(&keys(2, ADA, &[ADA, BOB]), 0).unwrap();
    let refused = eve.unprotect(Codec::Vp8, &camera(&mut ada, b"secret"), 0);
    assert!(matches!(refused, Err(UnprotectError::UnknownKey { .. })), "{refused:?}");
}

#[test]
fn a_kid_after_sixteen_epochs_means_the_new_one() {
    let (mut ada, mut bob) = (cryptor(1, ADA), cryptor(1, BOB));
    let old = camera(&mut ada, b"old");
    for of in [&mut ada, &mut bob] {
        let own_leaf = of.newest.as_ref().unwrap().0.own_leaf();
        of.install(&keys(17, own_leaf, &[ADA, BOB]), 0).unwrap();
    }
    assert_eq!(bob.unprotect(Codec::Vp8, &old, 0), Err(UnprotectError::Authentication));
    assert_eq!(bob.unprotect(Codec::Vp8, &camera(&mut ada, b"new"), 0).unwrap().epoch, 17);
}

#[test]
fn a_kid_of_a_blank_leaf_is_dropped_and_derives_nothing() {
    let mut stranger = MediaCryptor::new();
    stranger.install(&keys(1, 9, &[9]), 0).unwrap();
    let mut bob = cryptor(1, BOB);
    let refused = bob.unprotect(Codec::Vp8, &camera(&mut stranger, b"?"), 0);
    assert_eq!(refused, Err(UnprotectError::NotAMember { leaf: 9 }));
    assert!(bob.newest.as_ref().unwrap().0.received().is_empty());
}

#[test]
fn keys_must_be_newer_and_consistent() {
    let mut bob = cryptor(3, BOB);
    let refused = bob.install(&keys(3, BOB, &[BOB]), 0);
    assert_eq!(refused, Err(InstallError::NotNewer { epoch: 3, newest: 3 }));
    let refused = bob.install(&keys(4, BOB, &[ADA]), 0);
    assert_eq!(refused, Err(InstallError::NotAMember { own_leaf: BOB }));
    let refused = bob.install(&keys(4, BOB, &[BOB, LEAVES]), 0);
    assert_eq!(refused, Err(InstallError::LeafTooHigh { leaf: LEAVES }));
    let mut short = keys(4, BOB, &[BOB]);
    short.video_base_key.pop();
    assert!(matches!(bob.install(&short, 0), Err(InstallError::BaseKeyLength { found: 15, .. })));
    assert_eq!(bob.newest.as_ref().unwrap().0.epoch(), 3, "what was there is still there");
}

#[test]
fn the_number_of_old_epochs_is_bounded() {
    let mut bob = cryptor(1, BOB);
    for epoch in 2..10 {
        bob.install(&keys(epoch, BOB, &[ADA, BOB]), 0).unwrap();
        assert!(bob.older.len() <= OLD_EPOCHS);
    }
}

#[test]
fn a_source_with_exhausted_counters_sends_nothing_until_the_next_epoch() {
    let mut ada = cryptor(1, ADA);
    let (epoch, sender) = ada.newest.as_mut().unwrap();
    sender.spend_all_but(1, epoch, Source::Microphone);
    voice(&mut ada);
    let refused = ada.protect(Source::Microphone, Codec::Opus, false, b"la");
    assert_eq!(refused, Err(ProtectError::CounterExhausted { context: Source::Microphone }));
    camera(&mut ada, b"has counters of its own");
    ada.install(&keys(2, ADA, &[ADA, BOB]), 0).unwrap();
    voice(&mut ada);
}

#[test]
fn a_frame_that_is_too_long_is_refused_on_both_sides() {
    let mut ada = cryptor(1, ADA);
    let huge = vec![0; FRAME_BYTES + OVERHEAD + 1];
    let refused = ada.protect(Source::Camera, Codec::Vp9, true, &huge);
    assert_eq!(refused, Err(ProtectError::TooLong { bytes: huge.len() }));
    let refused = ada.unprotect(Codec::Vp9, &huge, 0);
    assert_eq!(refused, Err(UnprotectError::TooLong { bytes: huge.len() }));
}

#[test]
fn a_hundred_thousand_frames_with_unknown_keys_use_no_memory() {
    let mut bob = cryptor(1, BOB);
    for kid in 0..100_000_u64 {
        let mut frame = Vec::new();
        Header { key_id: kid, counter: kid }.append_to(&mut frame);
        frame.extend_from_slice(&[0; 20]);
        assert!(bob.unprotect(Codec::Opus, &frame, 0).is_err());
    }
    let derived = bob.newest.as_ref().unwrap().0.received().len();
    assert!(derived <= 3 * 2, "at most the members' own sounds: {derived}");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_open(
        bytes in prop::collection::vec(any::<u8>(), 0..100),
        codec in prop::sample::select(Codec::ALL.to_vec()),
    ) {
        prop_assert!(cryptor(1, BOB).unprotect(codec, &bytes, 0).is_err());
    }

    #[test]
    fn frames_in_any_order_open_once_each(
        order in Just((0..64_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let (mut ada, mut bob) = (cryptor(1, ADA), cryptor(1, BOB));
        let sealed: Vec<_> = (0..64_u8).map(|n| camera(&mut ada, &[n])).collect();
        for &n in &order {
            let opened = bob.unprotect(Codec::Vp8, &sealed[n], 0).unwrap();
            prop_assert_eq!(opened.frame, [n as u8]);
            prop_assert!(bob.unprotect(Codec::Vp8, &sealed[n], 0).is_err());
        }
    }
}

#[test]
fn a_frame_of_a_pending_epoch_opens_before_it_begins_and_only_once() {
    let (mut ada, mut bob) = (cryptor(1, ADA), cryptor(1, BOB));
    let next = |own| keys(2, own, &[ADA, BOB, EVE]);
    ada.install(&next(ADA), 0).unwrap();
    let early = camera(&mut ada, b"early");
    assert!(matches!(bob.unprotect(Codec::Vp8, &early, 0), Err(UnprotectError::UnknownKey { .. })));
    bob.prepare(&next(BOB)).unwrap();
    assert_eq!(bob.unprotect(Codec::Vp8, &early, 0).unwrap().epoch, 2);
    bob.install(&next(BOB), 0).unwrap();
    assert!(matches!(bob.unprotect(Codec::Vp8, &early, 0), Err(UnprotectError::Replay { .. })));
    let later = camera(&mut ada, b"later");
    assert!(bob.unprotect(Codec::Vp8, &later, 0).is_ok());
}

#[test]
fn a_pending_epoch_is_not_sent_in_and_is_replaced_by_the_one_that_begins() {
    let (mut ada, mut bob) = (cryptor(1, ADA), cryptor(1, BOB));
    ada.prepare(&keys(2, ADA, &[ADA, BOB])).unwrap();
    let now = camera(&mut ada, b"now");
    assert_eq!(bob.unprotect(Codec::Vp8, &now, 0).unwrap().epoch, 1);
    // The commit was dropped, and another one makes the epoch of that number.
    let other = |own| {
        let mut other = keys(2, own, &[ADA, BOB]);
        other.video_base_key = vec![9; MediaKeys::VIDEO_BASE_KEY_BYTES];
        other
    };
    ada.install(&other(ADA), 0).unwrap();
    bob.install(&other(BOB), 0).unwrap();
    let sealed = camera(&mut bob, b"other");
    assert!(ada.unprotect(Codec::Vp8, &sealed, 0).is_ok());
}

#[test]
fn a_new_or_reassigned_leaf_is_not_received_before_its_epoch_begins() {
    let (mut eve, mut bob) = (cryptor(1, EVE), cryptor(1, BOB));
    let next = |own| {
        let mut next = keys(2, own, &[ADA, BOB, EVE, 3]);
        next.removed = vec![EVE];
        next
    };
    eve.install(&next(EVE), 0).unwrap();
    bob.prepare(&next(BOB)).unwrap();
    let sealed = camera(&mut eve, b"whose?");
    let early = bob.unprotect(Codec::Vp8, &sealed, 0);
    assert!(matches!(early, Err(UnprotectError::UnknownKey { .. })), "it waits: {early:?}");
    bob.install(&next(BOB), 0).unwrap();
    assert!(bob.unprotect(Codec::Vp8, &sealed, 0).is_ok());
}
