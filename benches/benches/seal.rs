//! Values a second, sealed and opened, beside what the cryptography alone takes for the same values: RSA-OAEP and AES-GCM of
//! aws-lc-rs, called by hand. Unsealing has to reach 0.8 of it.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a bench fails by panicking, and criterion makes its functions"
)]

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use seatrial_seal::PrivateKey;

const SIZES: [usize; 4] = [16, 1 << 10, 64 << 10, 1 << 20];
const LABEL: &[u8] = b"default/sealed-secret";

/// What unsealing cannot do without.
fn bare(key: &OaepPrivateDecryptingKey, sealed: &[u8]) -> usize {
    let size = key.key_size_bytes();
    let mut room = vec![0; key.min_output_size()];
    let session = key.decrypt(&OAEP_SHA256_MGF1SHA256, &sealed[2..2 + size], &mut room, Some(LABEL)).unwrap();
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, session).unwrap());
    let mut value = sealed[2 + size..].to_vec();
    cipher.open_in_place(Nonce::assume_unique_for_key([0; 12]), Aad::empty(), &mut value).unwrap().len()
}

fn values(c: &mut Criterion) {
    let key = PrivateDecryptingKey::generate(KeySize::Rsa4096).unwrap();
    let pkcs8 = key.as_der() as Result<Pkcs8V1Der<'_>, _>;
    let ours = PrivateKey::from_pkcs8(pkcs8.unwrap().as_ref()).unwrap();
    let bare_key = OaepPrivateDecryptingKey::new(key).unwrap();
    let mut group = c.benchmark_group("seal");
    group.sample_size(20);
    for size in SIZES {
        let value = vec![7; size];
        let sealed = seatrial_seal::seal(ours.public(), &value, LABEL).unwrap();
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_with_input(BenchmarkId::new("unseal", size), &sealed, |b, sealed| {
            b.iter(|| seatrial_seal::unseal(&ours, sealed, LABEL).unwrap().len());
        });
        group.bench_with_input(BenchmarkId::new("unseal-bare", size), &sealed, |b, sealed| {
            b.iter(|| bare(&bare_key, sealed));
        });
        group.bench_with_input(BenchmarkId::new("seal", size), &value, |b, value| {
            b.iter(|| seatrial_seal::seal(ours.public(), value, LABEL).unwrap().len());
        });
    }
    group.finish();
}

criterion_group!(benches, values);
criterion_main!(benches);
