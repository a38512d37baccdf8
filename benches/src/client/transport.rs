//! ICE connectivity checks (RFC 8445) towards an ICE-lite server, and DTLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::{digest, hmac};
use dimpl::{Dtls, DtlsCertificate, Output};
use str0m::ice::{StunMessage, TransId};

use super::sdp::Remote;
use super::srtp::Keys;
use super::{ClientError, Outbox};

/// The interval of checks until the first answer.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);
/// The interval of consent checks (RFC 7675).
const CONSENT_INTERVAL: Duration = Duration::from_millis(2_500);
/// The interval after an unanswered check, as in browsers.
const RETRY_INTERVAL: Duration = Duration::from_millis(900);
/// Without an answer for this long, the connection is lost.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(15);
/// The priority of a peer-reflexive candidate (RFC 8445 section 5.1.2.1).
const PRIORITY: u32 = 110 << 24 | 0xffff << 8 | 0xff;

/// The certificate and the DTLS settings that all clients of a process share.
#[derive(Clone)]
pub(crate) struct Identity {
    certificate: DtlsCertificate,
    config: Arc<dimpl::Config>,
    /// SHA-256 of the certificate in the form of RFC 8122.
    pub(crate) fingerprint: String,
}

impl Identity {
    /// Generates a self-signed certificate.
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

/// The ICE and DTLS state of one connection.
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
    /// The round-trip time of the last answered check.
    pub(crate) round_trip: Duration,
    began: Instant,
    tie_breaker: u64,
    checks: u64,
    buffer: Vec<u8>,
}

impl Transport {
    /// Creates the transport. With `active`, the client starts the DTLS handshake.
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

    /// Handles due timers. Returns the SRTP keys of both directions, for sending first, once DTLS has
    /// them.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        out: &mut Outbox,
    ) -> Result<Option<(Keys, Keys)>, ClientError> {
        if now >= self.check_due {
            if now > self.answered.unwrap_or(self.began) + CONNECTION_TIMEOUT {
                return Err(ClientError::Lost);
            }
            self.send_check(out)?;
            let unanswered = self.checked.replace(now).is_some();
            let interval = match (self.answered, unanswered) {
                (None, _) => CHECK_INTERVAL,
                (Some(_), true) => RETRY_INTERVAL,
                (Some(_), false) => CONSENT_INTERVAL,
            };
            self.check_due = now + interval;
        }
        if self.dtls_due.is_some_and(|due| now >= due) {
            self.dtls.handle_timeout(now).map_err(|error| ClientError::Dtls(error.to_string()))?;
            return self.drain(now, out);
        }
        Ok(None)
    }

    fn send_check(&mut self, out: &mut Outbox) -> Result<(), ClientError> {
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

    /// Handles a STUN message: an answer to a check, or a check by a full ICE agent, which is answered.
    pub(crate) fn handle_stun(
        &mut self,
        now: Instant,
        datagram: &[u8],
        local_password: &str,
        local_address: SocketAddr,
        out: &mut Outbox,
    ) -> Result<Option<(Keys, Keys)>, ClientError> {
        let Ok(message) = StunMessage::parse(datagram) else { return Ok(None) };
        if message.is_binding_request() {
            if message.verify(local_password.as_bytes(), sha1_hmac) {
                let reply = StunMessage::binding_reply(message.trans_id(), local_address);
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
            self.check_due = now + CONSENT_INTERVAL;
            // The first answer: starts the DTLS handshake.
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
                    // DTLS returns a far-off time if it has no timer.
                    self.dtls_due = Some(at.max(now)).filter(|at| *at < now + CONNECTION_TIMEOUT);
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
