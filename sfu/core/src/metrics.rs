//! The counters of a worker: plain numbers that only grow. The shell exports them as metrics.

use std::fmt;

/// The kind of a datagram, by its first two bytes (RFC 7983, RFC 5761).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PacketKind {
    /// STUN: connectivity checks and their responses.
    Stun,
    /// DTLS.
    Dtls,
    /// RTP.
    Rtp,
    /// RTCP.
    Rtcp,
    /// None of these.
    Unknown,
}

impl PacketKind {
    /// All values.
    pub const ALL: [Self; 5] = [Self::Stun, Self::Dtls, Self::Rtp, Self::Rtcp, Self::Unknown];

    /// Returns the kind of a datagram.
    #[must_use]
    pub fn of(datagram: &[u8]) -> Self {
        match datagram {
            [0..=3, _, ..] => Self::Stun,
            [20..=63, _, ..] => Self::Dtls,
            [128..=191, 192..=223, ..] => Self::Rtcp,
            [128..=191, _, ..] => Self::Rtp,
            _ => Self::Unknown,
        }
    }

    /// Returns the name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stun => "stun",
            Self::Dtls => "dtls",
            Self::Rtp => "rtp",
            Self::Rtcp => "rtcp",
            Self::Unknown => "unknown",
        }
    }
}

/// The direction of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flow {
    /// From a client.
    Received,
    /// To a client.
    Sent,
}

impl Flow {
    /// Both values.
    pub const ALL: [Self; 2] = [Self::Received, Self::Sent];

    /// Returns the name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Sent => "sent",
        }
    }
}

/// The reason for dropping a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// The datagram is longer than any client's packets.
    TooLong,
    /// The datagram is not STUN, DTLS, RTP or RTCP, or it is malformed.
    Malformed,
    /// No connection has proved to own the source address.
    UnknownAddress,
    /// The STUN request is for an unknown connection.
    UnknownUfrag,
    /// The integrity check of the STUN request failed.
    BadIntegrity,
    /// The STUN request comes from an address that belongs to another participant.
    AddressTaken,
    /// The m-line is not announced as a track, or the codec is unknown.
    UnannouncedTrack,
    /// The subscriber has not negotiated the codec.
    NoCodec,
    /// The packet precedes the slot's switch to this source.
    BeforeSwitch,
    /// The packet is video, and the worker is overloaded.
    Shed,
}

impl DropReason {
    /// All values.
    pub const ALL: [Self; 10] = [
        Self::TooLong,
        Self::Malformed,
        Self::UnknownAddress,
        Self::UnknownUfrag,
        Self::BadIntegrity,
        Self::AddressTaken,
        Self::UnannouncedTrack,
        Self::NoCodec,
        Self::BeforeSwitch,
        Self::Shed,
    ];

    /// Returns the name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::UnknownAddress => "unknown_address",
            Self::UnknownUfrag => "unknown_ufrag",
            Self::BadIntegrity => "bad_integrity",
            Self::AddressTaken => "address_taken",
            Self::UnannouncedTrack => "unannounced_track",
            Self::NoCodec => "no_codec",
            Self::BeforeSwitch => "before_switch",
            Self::Shed => "shed",
        }
    }
}

/// The hop-by-hop protection of a connection's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SrtpProfile {
    /// AES-GCM (RFC 7714), the cheaper one.
    AeadGcm,
    /// AES counter mode with an 80-bit HMAC-SHA1 (RFC 3711).
    CmSha1,
}

impl SrtpProfile {
    /// All values.
    pub const ALL: [Self; 2] = [Self::AeadGcm, Self::CmSha1];

    /// Returns the profile with an authentication tag of this length in bytes.
    pub(crate) fn of_tag(length: usize) -> Option<Self> {
        match length {
            16 => Some(Self::AeadGcm),
            10 => Some(Self::CmSha1),
            _ => None,
        }
    }

    /// Returns the name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AeadGcm => "aead_gcm",
            Self::CmSha1 => "cm_sha1_80",
        }
    }
}

/// A number of packets and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// The number of packets.
    pub packets: u64,
    /// The sum of their sizes: UDP payloads, or RTP payloads of forwarded packets.
    pub bytes: u64,
}

impl Traffic {
    pub(crate) fn add(&mut self, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes as u64;
    }
}

/// The counters of a worker.
#[derive(Clone, Default)]
pub struct Counters {
    traffic: [[Traffic; PacketKind::ALL.len()]; Flow::ALL.len()],
    dropped: [u64; DropReason::ALL.len()],
    srtp: [u64; SrtpProfile::ALL.len()],
    /// RTP packets forwarded to subscribers, one per subscriber, with the bytes of their payloads.
    pub forwarded: Traffic,
    /// RTP packets sent to other workers, one per worker, with the bytes of their payloads.
    pub cascaded: Traffic,
    /// Key frame requests (PLI, FIR) received from subscribers.
    pub key_frame_requests_received: u64,
    /// Key frame requests sent to publishers.
    pub key_frame_requests_sent: u64,
    /// Generic NACKs received from subscribers.
    pub nacks_received: u64,
    /// Generic NACKs sent to publishers.
    pub nacks_sent: u64,
    /// Switches to a higher encoding of the same track.
    pub switches_up: u64,
    /// Switches to a lower encoding of the same track.
    pub switches_down: u64,
    /// Contained panics, each of which closed one connection.
    pub panics: u64,
    /// Connections that failed with an error of str0m.
    pub failures: u64,
    /// Connections suspended because nothing was received.
    pub inactive_connections: u64,
    /// Offers that were answered.
    pub offers_accepted: u64,
    /// Offers that were refused.
    pub offers_refused: u64,
}

impl Counters {
    /// Returns the datagrams of a kind in one direction.
    #[must_use]
    pub fn traffic(&self, flow: Flow, kind: PacketKind) -> Traffic {
        self.traffic[flow as usize][kind as usize]
    }

    /// Returns the packets dropped for a reason.
    #[must_use]
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }

    /// Returns the connections with this protection, counted at the first media packet.
    #[must_use]
    pub fn srtp(&self, profile: SrtpProfile) -> u64 {
        self.srtp[profile as usize]
    }

    pub(crate) fn count(&mut self, flow: Flow, datagram: &[u8]) -> PacketKind {
        let kind = PacketKind::of(datagram);
        self.traffic[flow as usize][kind as usize].add(datagram.len());
        kind
    }

    pub(crate) fn drop(&mut self, reason: DropReason) {
        self.dropped[reason as usize] += 1;
    }

    /// Counts a switch of a subscription to `encoding`; a beginning (`None` before) is none.
    pub(crate) fn count_switch(&mut self, before: Option<usize>, encoding: usize) {
        match before {
            Some(before) if before < encoding => self.switches_up += 1,
            Some(before) if before > encoding => self.switches_down += 1,
            Some(_) | None => {}
        }
    }

    pub(crate) fn count_srtp(&mut self, profile: SrtpProfile) {
        self.srtp[profile as usize] += 1;
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for flow in Flow::ALL {
            for kind in PacketKind::ALL {
                map.entry(&(flow.name(), kind.name()), &self.traffic(flow, kind));
            }
        }
        for reason in DropReason::ALL {
            map.entry(&("dropped", reason.name()), &self.dropped(reason));
        }
        map.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_has_its_own_counter() {
        for (place, kind) in PacketKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
        }
        for (place, flow) in Flow::ALL.into_iter().enumerate() {
            assert_eq!(flow as usize, place);
        }
        for (place, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
        for (place, profile) in SrtpProfile::ALL.into_iter().enumerate() {
            assert_eq!(profile as usize, place);
        }
    }

    #[test]
    fn switches_up_and_down_are_counted_and_beginnings_are_not() {
        let mut counters = Counters::default();
        for (before, encoding) in [(None, 2), (Some(2), 0), (Some(0), 1), (Some(1), 2)] {
            counters.count_switch(before, encoding);
        }
        assert_eq!((counters.switches_up, counters.switches_down), (2, 1));
    }

    #[test]
    fn datagrams_are_classified_by_their_first_bytes() {
        assert_eq!(PacketKind::of(&[0, 1]), PacketKind::Stun);
        assert_eq!(PacketKind::of(&[22, 254]), PacketKind::Dtls);
        assert_eq!(PacketKind::of(&[0x80, 111]), PacketKind::Rtp);
        assert_eq!(PacketKind::of(&[0x80, 0x80 | 111]), PacketKind::Rtp, "with the marker bit");
        assert_eq!(PacketKind::of(&[0x80, 200]), PacketKind::Rtcp);
        assert_eq!(PacketKind::of(&[0xff, 0]), PacketKind::Unknown);
        assert_eq!(PacketKind::of(&[]), PacketKind::Unknown);
    }
}
