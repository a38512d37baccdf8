//! The part of STUN (RFC 8489) and TURN (RFC 8656) that an allocation takes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use sha1::Sha1;

pub(super) const ALLOCATE: u16 = 0x003;
pub(super) const REFRESH: u16 = 0x004;
pub(super) const CREATE_PERMISSION: u16 = 0x008;
/// Longer than any response to these requests.
pub(super) const MAX_MESSAGE_BYTES: usize = 2048;

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER: usize = 20;
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const LIFETIME: u16 = 0x000d;
const XOR_PEER_ADDRESS: u16 = 0x0012;
const REALM: u16 = 0x0014;
const NONCE: u16 = 0x0015;
const XOR_RELAYED_ADDRESS: u16 = 0x0016;
const REQUESTED_TRANSPORT: u16 = 0x0019;
/// UDP as the value of REQUESTED-TRANSPORT (RFC 8656 section 18.7).
const UDP: [u8; 4] = [17, 0, 0, 0];

/// A long-term credential (RFC 8489 section 9.2).
pub(super) struct Credential {
    username: String,
    realm: Vec<u8>,
    nonce: Vec<u8>,
    key: [u8; 16],
}

impl Credential {
    /// Derives the key from user name, realm and password.
    pub(super) fn new(username: &str, password: &str, realm: Vec<u8>, nonce: Vec<u8>) -> Self {
        let key = Md5::new()
            .chain_update(username)
            .chain_update(":")
            .chain_update(&realm)
            .chain_update(":")
            .chain_update(password)
            .finalize()
            .into();
        Self { username: username.to_owned(), realm, nonce, key }
    }
}

/// A STUN request, as bytes.
pub(super) struct Request(Vec<u8>);

impl Request {
    /// Creates a request without attributes, with a random transaction id.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub(super) fn new(method: u16) -> std::io::Result<Self> {
        let mut transaction = [0; 12];
        getrandom::fill(&mut transaction).map_err(std::io::Error::other)?;
        let mut bytes = method.to_be_bytes().to_vec();
        bytes.extend([0, 0]);
        bytes.extend(COOKIE);
        bytes.extend(transaction);
        Ok(Self(bytes))
    }

    /// Creates an Allocate request for a UDP port, signed if a credential is given.
    pub(super) fn allocation(credential: Option<&Credential>) -> std::io::Result<Self> {
        let request = Self::new(ALLOCATE)?.with(REQUESTED_TRANSPORT, &UDP);
        Ok(match credential {
            Some(credential) => request.signed(credential),
            None => request,
        })
    }

    /// Adds a LIFETIME attribute.
    pub(super) fn lifetime(self, seconds: u32) -> Self {
        self.with(LIFETIME, &seconds.to_be_bytes())
    }

    /// Adds an XOR-PEER-ADDRESS attribute with port 0: permissions ignore the port.
    pub(super) fn peer(self, ip: IpAddr) -> Self {
        let (family, bytes) = match ip {
            IpAddr::V4(ip) => (1, ip.octets().to_vec()),
            IpAddr::V6(ip) => (2, ip.octets().to_vec()),
        };
        let mut value = vec![0, family, COOKIE[0], COOKIE[1]];
        let mask = self.0.get(4..HEADER).unwrap_or_default();
        value.extend(bytes.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
        self.with(XOR_PEER_ADDRESS, &value)
    }

    /// Adds the credential and MESSAGE-INTEGRITY, which must be the last attribute.
    pub(super) fn signed(self, credential: &Credential) -> Self {
        let mut message = self
            .with(USERNAME, credential.username.as_bytes())
            .with(REALM, &credential.realm)
            .with(NONCE, &credential.nonce);
        // The signed header's length includes the attribute itself (RFC 8489 section 14.5).
        let length = message.0.len();
        message = message.with(MESSAGE_INTEGRITY, &[0; 20]);
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<Sha1>::new_from_slice(&credential.key).expect("a key of any length");
        mac.update(message.0.get(..length).unwrap_or_default());
        message.0.truncate(length + 4);
        message.0.extend(mac.finalize().into_bytes());
        message
    }

    /// Returns the encoded request.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Appends an attribute and updates the length in the header.
    fn with(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        self.0.extend(kind.to_be_bytes());
        self.0.extend(length.to_be_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        let length = u16::try_from(self.0.len() - HEADER).unwrap_or(u16::MAX).to_be_bytes();
        self.0[2..4].copy_from_slice(&length);
        self
    }
}

/// A response to a [`Request`].
pub(super) struct Response {
    /// The method of the request.
    pub(super) method: u16,
    /// `Err` carries the error code.
    pub(super) result: Result<(), u16>,
    pub(super) realm: Option<Vec<u8>>,
    pub(super) nonce: Option<Vec<u8>>,
    /// The allocated address.
    pub(super) relayed_address: Option<SocketAddr>,
}

impl Response {
    /// Parses a response. Returns `None` if the bytes are no response to `request`.
    pub(super) fn parse(bytes: &[u8], request: &Request) -> Option<Self> {
        let kind = u16::from_be_bytes(bytes.get(..2)?.try_into().ok()?);
        let method = u16::from_be_bytes(request.0.get(..2)?.try_into().ok()?);
        let failed = kind == method | 0x0110;
        let same = bytes.get(4..HEADER)? == request.0.get(4..HEADER)?;
        if !same || !(failed || kind == method | 0x0100) {
            return None;
        }
        let result = if failed { Err(0) } else { Ok(()) };
        let mut response = Self { method, result, realm: None, nonce: None, relayed_address: None };
        let mut rest = bytes.get(HEADER..)?;
        while let Some((head, after)) = rest.split_first_chunk::<4>() {
            let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let value = after.get(..length)?;
            match u16::from_be_bytes([head[0], head[1]]) {
                ERROR_CODE if failed => {
                    response.result =
                        Err(u16::from(value.get(2)? & 7) * 100 + u16::from(*value.get(3)?));
                }
                REALM => response.realm = Some(value.to_vec()),
                NONCE => response.nonce = Some(value.to_vec()),
                XOR_RELAYED_ADDRESS => {
                    response.relayed_address = parse_xor_address(value, bytes.get(4..HEADER)?)
                }
                _ => {}
            }
            rest = after.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        Some(response)
    }
}

/// Parses a XOR-MAPPED-ADDRESS value (RFC 8489 section 14.2).
fn parse_xor_address(value: &[u8], mask: &[u8]) -> Option<SocketAddr> {
    let port = u16::from_be_bytes([value.get(2)? ^ mask.first()?, value.get(3)? ^ mask.get(1)?]);
    let bytes: Vec<u8> = value.get(4..)?.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
    let ip = match *value.get(1)? {
        1 => IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        2 => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}
