//! SRTP and SRTCP with AES-GCM (RFC 7714).

use aes::cipher::{KeyIvInit as _, StreamCipher as _};
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use dimpl::SrtpProfile;

use super::ClientError;
use super::rtp::Header;

const SALT: usize = 12;
/// Bytes of the authentication tag.
const TAG: usize = 16;
/// Bytes of the SRTCP index and its E flag after the packet.
const INDEX: usize = 4;
const ENCRYPTED: u32 = 0x8000_0000;

/// The keys of one direction.
pub(crate) struct Keys {
    rtp: (LessSafeKey, [u8; SALT]),
    rtcp: (LessSafeKey, [u8; SALT]),
    rtcp_index: u32,
}

impl Keys {
    /// Derives the keys of both directions from the keying material that DTLS exports (RFC 5764
    /// section 4.2). Returns those of the DTLS client and of the DTLS server.
    pub(crate) fn from_dtls(
        material: &[u8],
        profile: SrtpProfile,
    ) -> Result<(Self, Self), ClientError> {
        let key = match profile {
            SrtpProfile::AEAD_AES_128_GCM => 16,
            SrtpProfile::AEAD_AES_256_GCM => 32,
            SrtpProfile::AES128_CM_SHA1_80 | _ => {
                return Err(ClientError::Profile(profile.to_string()));
            }
        };
        if material.len() < 2 * (key + SALT) {
            return Err(ClientError::Profile("too little keying material".into()));
        }
        let (keys, salts) = material.split_at(2 * key);
        let client = Self::derive(&keys[..key], &salts[..SALT])?;
        let server = Self::derive(&keys[key..], &salts[SALT..2 * SALT])?;
        Ok((client, server))
    }

    /// Derives session keys (RFC 3711 section 4.3, labels of section 4.3.2).
    fn derive(master: &[u8], master_salt: &[u8]) -> Result<Self, ClientError> {
        let derive = |label: u8, length: usize| {
            let mut iv = [0u8; 16];
            iv[..SALT].copy_from_slice(master_salt);
            iv[7] ^= label;
            let mut out = vec![0u8; length];
            match <[u8; 16]>::try_from(master) {
                Ok(key) => ctr::Ctr128BE::<aes::Aes128>::new(&key.into(), &iv.into())
                    .apply_keystream(&mut out),
                Err(_) => {
                    let key = <[u8; 32]>::try_from(master).expect("16 or 32 by the caller");
                    ctr::Ctr128BE::<aes::Aes256>::new(&key.into(), &iv.into())
                        .apply_keystream(&mut out);
                }
            }
            out
        };
        let key = |label| {
            let algorithm = if master.len() == 16 { &AES_128_GCM } else { &AES_256_GCM };
            UnboundKey::new(algorithm, &derive(label, master.len()))
                .map(LessSafeKey::new)
                .map_err(|_| ClientError::Profile("the key has the wrong length".into()))
        };
        let salt = |label| <[u8; SALT]>::try_from(derive(label, SALT)).expect("as asked for");
        Ok(Self { rtp: (key(0)?, salt(2)), rtcp: (key(3)?, salt(5)), rtcp_index: 0 })
    }

    fn rtp_nonce(&self, ssrc: u32, seq: u64) -> Nonce {
        let mut nonce = self.rtp.1;
        mask(&mut nonce[2..6], &ssrc.to_be_bytes());
        // The rollover counter and the sequence number.
        mask(&mut nonce[6..12], &seq.to_be_bytes()[2..]);
        Nonce::assume_unique_for_key(nonce)
    }

    fn rtcp_nonce(&self, ssrc: [u8; 4], index: u32) -> Nonce {
        let mut nonce = self.rtcp.1;
        mask(&mut nonce[2..6], &ssrc);
        mask(&mut nonce[8..12], &index.to_be_bytes());
        Nonce::assume_unique_for_key(nonce)
    }

    /// Protects a packet in place. `seq` is the extended sequence number, from zero.
    pub(crate) fn protect(&self, packet: &mut Vec<u8>, header: usize, ssrc: u32, seq: u64) {
        let nonce = self.rtp_nonce(ssrc, seq);
        let (clear, payload) = packet.split_at_mut(header);
        let tag = self.rtp.0.seal_in_place_separate_tag(nonce, Aad::from(&*clear), payload);
        packet.extend_from_slice(tag.expect("a packet is not too long").as_ref());
    }

    /// Decrypts a packet's payload into `out`; returns `false` if it does not authenticate.
    pub(crate) fn unprotect(
        &self,
        packet: &[u8],
        header: &Header,
        seq: u64,
        out: &mut Vec<u8>,
    ) -> bool {
        let nonce = self.rtp_nonce(header.ssrc, seq);
        out.clear();
        out.extend_from_slice(&packet[header.length..]);
        let aad = Aad::from(&packet[..header.length]);
        let Ok(payload) = self.rtp.0.open_in_place(nonce, aad, out) else { return false };
        let mut length = payload.len();
        if header.padded {
            length = length.saturating_sub(payload.last().copied().unwrap_or(0).into());
        }
        out.truncate(length);
        true
    }

    /// Protects a compound RTCP packet in place.
    pub(crate) fn protect_rtcp(&mut self, packet: &mut Vec<u8>) {
        let index = self.rtcp_index;
        self.rtcp_index += 1;
        let Some((clear, payload)) = packet.split_first_chunk_mut::<8>() else { return };
        let [_, _, _, _, ssrc @ ..] = *clear;
        let trailer = (index | ENCRYPTED).to_be_bytes();
        let nonce = self.rtcp_nonce(ssrc, index);
        let aad = Aad::from([&clear[..], &trailer[..]].concat());
        let tag = self.rtcp.0.seal_in_place_separate_tag(nonce, aad, payload);
        packet.extend_from_slice(tag.expect("a packet is not too long").as_ref());
        packet.extend_from_slice(&trailer);
    }

    /// Decrypts a compound RTCP packet; returns `None` if it does not authenticate.
    pub(crate) fn unprotect_rtcp(&self, packet: &[u8]) -> Option<Vec<u8>> {
        let (packet, trailer) = packet.split_last_chunk::<INDEX>()?;
        let (clear, sealed) = packet.split_first_chunk::<8>()?;
        let index = u32::from_be_bytes(*trailer);
        let [_, _, _, _, ssrc @ ..] = *clear;
        let nonce = self.rtcp_nonce(ssrc, index & !ENCRYPTED);
        let aad = Aad::from([&clear[..], &trailer[..]].concat());
        let mut opened = sealed.to_vec();
        let length = self.rtcp.0.open_in_place(nonce, aad, &mut opened).ok()?.len();
        opened.truncate(length);
        Some([&clear[..], &opened].concat())
    }
}

/// Bytes that SRTP adds to a packet.
pub(crate) const OVERHEAD: usize = TAG;

fn mask(bytes: &mut [u8], with: &[u8]) {
    for (byte, with) in bytes.iter_mut().zip(with) {
        *byte ^= with;
    }
}

#[cfg(test)]
mod tests {
    use super::super::rtp::write_header;
    use super::*;

    /// RFC 7714 section 16.1.1: AEAD_AES_128_GCM, with the session key and salt given there.
    fn rfc_keys() -> Keys {
        let key: Vec<u8> = (0..16).collect();
        let salt = *b"Quid pro quo";
        let key = || LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).expect("16 bytes"));
        Keys { rtp: (key(), salt), rtcp: (key(), salt), rtcp_index: 0 }
    }

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> =
            hex.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    #[test]
    fn a_packet_is_protected_as_in_rfc_7714() {
        let mut packet = bytes("8040f17b 8041f8d3 5501a0b2");
        packet.extend_from_slice(b"Gallia est omnis divisa in partes tres");
        rfc_keys().protect(&mut packet, 12, 0x5501_a0b2, 0xf17b);
        let expected = bytes(
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f \
             42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
        );
        assert_eq!(packet, expected);
        let header = Header::parse(&packet).expect("a whole packet");
        let mut payload = Vec::new();
        assert!(rfc_keys().unprotect(&packet, &header, 0xf17b, &mut payload));
        assert_eq!(payload, b"Gallia est omnis divisa in partes tres");
        assert!(!rfc_keys().unprotect(&packet, &header, 0xf17c, &mut payload));
    }

    #[test]
    fn rtcp_is_decrypted_with_the_same_keys_only() {
        let material: Vec<u8> = (0..56).collect();
        let (mut client, server) =
            Keys::from_dtls(&material, SrtpProfile::AEAD_AES_128_GCM).expect("enough material");
        let clear = bytes("80c90001 00000007");
        for _ in 0..3 {
            let mut packet = clear.clone();
            client.protect_rtcp(&mut packet);
            assert_eq!(client.unprotect_rtcp(&packet).as_deref(), Some(&clear[..]));
            assert_eq!(server.unprotect_rtcp(&packet), None);
        }
        let mut media = Vec::new();
        write_header(&mut media, (0, false), 1, 2, 3, &[]);
        assert!(Keys::from_dtls(&material[..55], SrtpProfile::AEAD_AES_128_GCM).is_err());
    }
}
