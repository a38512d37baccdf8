//! Benchmarks protecting and unprotecting media frames with the project's cryptor, and with another
//! implementation of RFC 9605.

use std::time::Duration;

use criterion::{
    BatchSize, Bencher, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use e2ee::MediaKeys;
use e2ee::media::{Codec, MediaCryptor};
use sframe::CipherSuite;
use sframe::frame::{MediaFrame, MonotonicCounter};
use sframe::key::{DecryptionKey, EncryptionKey};
use signaling_protocol::Source;

/// Frame sizes in bytes: audio, a small video frame, a large one.
const SIZES: [usize; 3] = [100, 1_200, 10_000];
/// Sources with their codec and cipher suite.
const KINDS: [(Source, Codec, CipherSuite, &str); 2] = [
    (
        Source::Microphone,
        Codec::Opus,
        CipherSuite::AesCtr128HmacSha256_80,
        "AES_128_CTR_HMAC_SHA256_80",
    ),
    (Source::Camera, Codec::Vp9, CipherSuite::AesGcm128Sha256, "AES_128_GCM_SHA256_128"),
];
/// The name of the other implementation.
const OTHER: &str = "crate sframe";

fn cryptor(own_leaf: u32) -> MediaCryptor {
    let mut cryptor = MediaCryptor::new();
    let keys = MediaKeys {
        epoch: 1,
        own_leaf,
        audio_base_key: vec![1; MediaKeys::AUDIO_BASE_KEY_BYTES],
        video_base_key: vec![2; MediaKeys::VIDEO_BASE_KEY_BYTES],
        members: vec![0, 1],
        removed: Vec::new(),
    };
    cryptor.install(&keys, 0).expect("valid keys");
    cryptor
}

fn ours(criterion: &mut Criterion) {
    for (source, codec, _, suite) in KINDS {
        for size in SIZES {
            let frame = vec![7; size];
            let (mut sender, mut receiver) = (cryptor(0), cryptor(1));
            let mut protect = || sender.protect(source, codec, false, &frame).expect("keys");
            measure(criterion, "protect", suite, "ours", size, |bencher| {
                bencher.iter(&mut protect)
            });
            // Replay protection accepts a frame once, so each iteration gets a new one.
            measure(criterion, "unprotect", suite, "ours", size, |bencher| {
                bencher.iter_batched(
                    &mut protect,
                    |sealed| receiver.unprotect(codec, &sealed, 0).expect("authentic"),
                    BatchSize::SmallInput,
                );
            });
        }
    }
}

fn other(criterion: &mut Criterion) {
    for (_, _, cipher_suite, suite) in KINDS {
        for size in SIZES {
            let frame = vec![7; size];
            let base_key = vec![1; 48];
            let sender = EncryptionKey::derive_from(cipher_suite, 1_u64, &base_key).expect("a key");
            let receiver =
                DecryptionKey::derive_from(cipher_suite, 1_u64, &base_key).expect("a key");
            let mut counter = MonotonicCounter::default();
            let mut protect = || {
                let frame = MediaFrame::try_new(&mut counter, &frame).expect("a counter");
                frame.encrypt(&sender).expect("protected")
            };
            measure(criterion, "protect", suite, OTHER, size, |bencher| bencher.iter(&mut protect));
            measure(criterion, "unprotect", suite, OTHER, size, |bencher| {
                bencher.iter_batched(
                    &mut protect,
                    |sealed| sealed.decrypt(&receiver).expect("authentic"),
                    BatchSize::SmallInput,
                );
            });
        }
    }
}

/// Adds a benchmark to the group of its direction and cipher suite.
fn measure(
    criterion: &mut Criterion,
    direction: &str,
    suite: &str,
    implementation: &str,
    size: usize,
    work: impl FnMut(&mut Bencher<'_>),
) {
    let mut group = criterion.benchmark_group(format!("{direction} {suite}"));
    group.throughput(Throughput::Bytes(size as u64));
    group.bench_function(BenchmarkId::new(implementation, size), work);
    group.finish();
}

criterion_group! {
    name = frames;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30);
    targets = ours, other
}
criterion_main!(frames);
