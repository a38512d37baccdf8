//! The way to the server: ICE checks (RFC 8445, the server being ICE-lite), and DTLS on it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::{digest, hmac};
use dimpl::{Dtls, DtlsCertificate, Output};
use str0m::ice::{StunMessage, TransId};

use super::sdp::Remote;
use super::srtp::Keys;
use super::{ClientError, Outbox};

/// Between checks until the first is answered, and from then on (consent, RFC 7675).
const CHECK: Duration = Duration::from_millis(50);
const CONSENT: Duration = Duration::from_millis(2_500);
/// After a check that was not answered, as browsers do it.
const DOUBT: Duration = Duration::from_millis(900);
/// Without an answer for so long the way is lost.
const LOST: Duration = Duration::from_secs(15);
/// RFC 8445 section 5.1.2.1, of a peer-reflexive host.
const PRIORITY: u32 = 110 << 24 | 0xffff << 8 | 0xff;

/// The certificate and the DTLS settings that all clients of a process share.
#[derive(Clone)]
pub(crate) struct Identity {
    certificate: DtlsCertificate,
    config: Arc<dimpl::Config>,
    /// RFC 8122: SHA-256 in hexadecimal digits with colons.
    pub(crate) fingerprint: String,
}

impl Identity {
    pub(crate) fn generate() -> Result<Self, ClientError> {
        let certificate = dimpl::certificate::generate_self_signed_certificate()
            .map_err(|error| ClientError::Dtls(error.to_string()))?;
        let config = dimpl::Config::builder()
            .with_crypto_provider(dimpl::crypto::aws_lc_rs::default_provider())
            .build()
            .map_err(|error| ClientError::Dtls(error.to_string()))?;
        let print = sha256(&certificate.certificate);
        let fingerprint = print.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>();
        Ok(Self { certificate, config: Arc::new(config), fingerprint: fingerprint.join(":") })
    }
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

/// The way to the server, until there are keys and after.
pub(crate) struct Transport {
    pub(crate) server: SocketAddr,
    username: String,
    password: String,
    expected_fingerprint: String,
    dtls: Dtls,
    active: bool,
    dtls_due: Option<Instant>,
    check_due: Instant,
    answered: Option<Instant>,
    checked: Option<Instant>,
    /// Of the last check that was answered.
    pub(crate) round_trip: Duration,
    began: Instant,
    tie_breaker: u64,
    checks: u64,
    buffer: Vec<u8>,
}

impl Transport {
    /// `active`: the client begins the DTLS handshake.
    pub(crate) fn new(
        now: Instant,
        identity: &Identity,
        remote: &Remote,
        local_ufrag: &str,
        active: bool,
        tie_breaker: u64,
    ) -> Result<Self, ClientError> {
        let usable = remote.candidates.iter().find(|candidate| candidate.is_ipv4());
        let server = *usable.ok_or_else(|| ClientError::Sdp("no UDP candidate of IPv4".into()))?;
        let mut dtls = Dtls::new_12(identity.config.clone(), identity.certificate.clone(), now);
        dtls.set_active(active);
        Ok(Self {
            server,
            username: format!("{}:{local_ufrag}", remote.ufrag),
            password: remote.password.clone(),
            expected_fingerprint: remote.fingerprint.clone(),
            dtls,
            active,
            dtls_due: None,
            check_due: now,
            answered: None,
            checked: None,
            round_trip: Duration::ZERO,
            began: now,
            tie_breaker,
            checks: 0,
            buffer: vec![0; 2_048],
        })
    }

    pub(crate) fn poll_timeout(&self) -> Instant {
        self.dtls_due.map_or(self.check_due, |due| due.min(self.check_due))
    }

    /// The keys of both directions (ours first) as soon as there are any.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        out: &mut Outbox,
    ) -> Result<Option<(Keys, Keys)>, ClientError> {
        if now >= self.check_due {
            if now > self.answered.unwrap_or(self.began) + LOST {
                return Err(ClientError::Lost);
            }
            self.check(out)?;
            let unanswered = self.checked.replace(now).is_some();
            let interval = match (self.answered, unanswered) {
                (None, _) => CHECK,
                (Some(_), true) => DOUBT,
                (Some(_), false) => CONSENT,
            };
            self.check_due = now + interval;
        }
        if self.dtls_due.is_some_and(|due| now >= due) {
            self.dtls.handle_timeout(now).map_err(|error| ClientError::Dtls(error.to_string()))?;
            return self.drain(now, out);
        }
        Ok(None)
    }

    fn check(&mut self, out: &mut Outbox) -> Result<(), ClientError> {
        self.checks += 1;
        let id = TransId::new();
        let request = StunMessage::binding_request(
            &self.username,
            id,
            true,
            self.tie_breaker,
            PRIORITY,
            true,
        );
        let password = Some(self.password.as_bytes());
        let length = request
            .to_bytes(password, &mut self.buffer, sha1_hmac)
            .map_err(|error| ClientError::Ice(error.to_string()))?;
        out.push(&self.buffer[..length]);
        Ok(())
    }

    /// A STUN message: an answer to a check, or a check of a full ICE agent's, which is answered.
    pub(crate) fn handle_stun(
        &mut self,
        now: Instant,
        datagram: &[u8],
        local_password: &str,
        own: SocketAddr,
        out: &mut Outbox,
    ) -> Result<Option<(Keys, Keys)>, ClientError> {
        let Ok(message) = StunMessage::parse(datagram) else { return Ok(None) };
        if message.is_binding_request() {
            if message.verify(local_password.as_bytes(), sha1_hmac) {
                let reply = StunMessage::binding_reply(message.trans_id(), own);
                let password = Some(local_password.as_bytes());
                let length = reply
                    .to_bytes(password, &mut self.buffer, sha1_hmac)
                    .map_err(|error| ClientError::Ice(error.to_string()))?;
                out.push(&self.buffer[..length]);
            }
            return Ok(None);
        }
        let ours = message.is_successful_binding_response()
            && message.verify(self.password.as_bytes(), sha1_hmac);
        if !ours {
            return Ok(None);
        }
        if let Some(checked) = self.checked.take() {
            self.round_trip = now - checked;
        }
        if self.answered.replace(now).is_none() {
            self.check_due = now + CONSENT;
            // The way is there: the handshake begins.
            self.dtls.handle_timeout(now).map_err(|error| ClientError::Dtls(error.to_string()))?;
            return self.drain(now, out);
        }
        Ok(None)
    }

    pub(crate) fn handle_dtls(
        &mut self,
        now: Instant,
        datagram: &[u8],
        out: &mut Outbox,
    ) -> Result<Option<(Keys, Keys)>, ClientError> {
        self.dtls.handle_packet(datagram).map_err(|error| ClientError::Dtls(error.to_string()))?;
        self.drain(now, out)
    }

    fn drain(
        &mut self,
        now: Instant,
        out: &mut Outbox,
    ) -> Result<Option<(Keys, Keys)>, ClientError> {
        let mut keys = None;
        loop {
            match self.dtls.poll_output(&mut self.buffer) {
                Output::Packet(packet) => out.push(packet),
                Output::BufferTooSmall { needed } => self.buffer.resize(needed, 0),
                Output::Timeout(at) => {
                    // Far off means never.
                    self.dtls_due = Some(at.max(now)).filter(|at| *at < now + LOST);
                    return Ok(keys);
                }
                Output::PeerCert(certificate) => {
                    let print: String =
                        sha256(certificate).iter().map(|byte| format!("{byte:02x}")).collect();
                    if print != self.expected_fingerprint {
                        return Err(ClientError::Dtls("not the certificate of the answer".into()));
                    }
                }
                Output::KeyingMaterial(material, profile) => {
                    let (client, server) = Keys::from_dtls(&material, profile)?;
                    keys = Some(if self.active { (client, server) } else { (server, client) });
                }
                Output::CloseNotify => return Err(ClientError::Lost),
                Output::Connected | Output::ApplicationData(_) | _ => {}
            }
        }
    }
}

/// HMAC-SHA1, which STUN authenticates with (RFC 8489 section 14.5).
fn sha1_hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let mut context = hmac::Context::with_key(&key);
    for part in parts {
        context.update(part);
    }
    context.sign().as_ref().try_into().expect("SHA-1 has 20 bytes")
}
