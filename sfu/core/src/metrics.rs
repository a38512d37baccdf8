//! What a worker counts. Plain numbers that only grow; the shell turns them into metrics.

use std::fmt;

/// What a datagram is, by its first two bytes (RFC 7983, RFC 5761).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PacketKind {
    /// Connectivity checks and their answers.
    Stun,
    /// Handshakes.
    Dtls,
    /// Media.
    Rtp,
    /// Reports and feedback.
    Rtcp,
    /// None of these.
    Unknown,
}

impl PacketKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Stun, Self::Dtls, Self::Rtp, Self::Rtcp, Self::Unknown];

    /// The kind of a datagram.
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

    /// For metrics.
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

/// Which way a datagram goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flow {
    /// From a client.
    Received,
    /// To a client.
    Sent,
}

impl Flow {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Received, Self::Sent];

    /// For metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Sent => "sent",
        }
    }
}

/// Why something that arrived went no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// Longer than any client's packets.
    TooLong,
    /// Neither STUN, DTLS, RTP nor RTCP, or not well-formed.
    Malformed,
    /// From an address that no connection has proved to be its own.
    UnknownAddress,
    /// STUN for no connection here.
    UnknownUfrag,
    /// STUN whose integrity check fails.
    BadIntegrity,
    /// STUN from an address that belongs to another participant.
    AddressTaken,
    /// Media of an m-line that is not announced as a track, or of an unknown codec.
    UnannouncedTrack,
    /// A subscriber has not negotiated the codec.
    NoCodec,
    /// From before its slot carried this track.
    BeforeSwitch,
    /// A picture, while the worker does not keep up.
    Shed,
}

impl DropReason {
    /// All of them.
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

    /// For metrics.
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

/// How a connection's packets are protected hop by hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SrtpProfile {
    /// AES-GCM (RFC 7714): the cheap one.
    AeadGcm,
    /// AES counter mode with an 80-bit HMAC-SHA1 (RFC 3711).
    CmSha1,
}

impl SrtpProfile {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::AeadGcm, Self::CmSha1];

    /// By the length of the authentication tag in bytes.
    pub(crate) fn of_tag(length: usize) -> Option<Self> {
        match length {
            16 => Some(Self::AeadGcm),
            10 => Some(Self::CmSha1),
            _ => None,
        }
    }

    /// For metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AeadGcm => "aead_gcm",
            Self::CmSha1 => "cm_sha1_80",
        }
    }
}

/// A number of packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// How many.
    pub packets: u64,
    /// Their sizes together: UDP payloads, or RTP payloads where packets are forwarded.
    pub bytes: u64,
}

impl Traffic {
    pub(crate) fn add(&mut self, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes as u64;
    }
}

/// What a worker counts.
#[derive(Clone, Default)]
pub struct Counters {
    traffic: [[Traffic; PacketKind::ALL.len()]; Flow::ALL.len()],
    dropped: [u64; DropReason::ALL.len()],
    srtp: [u64; SrtpProfile::ALL.len()],
    /// RTP packets handed to subscribers, with their payloads' bytes: one per subscriber.
    pub forwarded: Traffic,
    /// RTP packets for other workers, with their payloads' bytes: one per worker.
    pub relayed: Traffic,
    /// Key frame requests (PLI, FIR) of subscribers.
    pub key_frames_wanted: u64,
    /// Key frame requests sent to publishers.
    pub key_frames_requested: u64,
    /// Generic NACKs of subscribers.
    pub nacks_received: u64,
    /// Generic NACKs sent to publishers.
    pub nacks_sent: u64,
    /// Pictures that went on in a larger encoding of the same track.
    pub switches_up: u64,
    /// The same in a smaller one.
    pub switches_down: u64,
    /// Panics that cost one participant its connection and nobody else anything.
    pub panics: u64,
    /// Connections given up by str0m with an error.
    pub failures: u64,
    /// Connections given up because nothing came over them.
    pub silences: u64,
    /// Offers answered.
    pub offers_taken: u64,
    /// Offers refused.
    pub offers_refused: u64,
}

impl Counters {
    /// Datagrams of a kind, one way.
    #[must_use]
    pub fn traffic(&self, flow: Flow, kind: PacketKind) -> Traffic {
        self.traffic[flow as usize][kind as usize]
    }

    /// What went no further.
    #[must_use]
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }

    /// Connections by how their packets are protected; counted at the first media packet.
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

    /// A subscription goes on in this encoding; none before: it only begins.
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
    fn every_variant_counts_in_its_own_place() {
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
    fn a_switch_goes_up_or_down_and_a_beginning_is_none() {
        let mut counters = Counters::default();
        for (before, encoding) in [(None, 2), (Some(2), 0), (Some(0), 1), (Some(1), 2)] {
            counters.count_switch(before, encoding);
        }
        assert_eq!((counters.switches_up, counters.switches_down), (2, 1));
    }

    #[test]
    fn datagrams_are_told_apart_by_their_first_bytes() {
        assert_eq!(PacketKind::of(&[0, 1]), PacketKind::Stun);
        assert_eq!(PacketKind::of(&[22, 254]), PacketKind::Dtls);
        assert_eq!(PacketKind::of(&[0x80, 111]), PacketKind::Rtp);
        assert_eq!(PacketKind::of(&[0x80, 0x80 | 111]), PacketKind::Rtp, "with the marker bit");
        assert_eq!(PacketKind::of(&[0x80, 200]), PacketKind::Rtcp);
        assert_eq!(PacketKind::of(&[0xff, 0]), PacketKind::Unknown);
        assert_eq!(PacketKind::of(&[]), PacketKind::Unknown);
    }
}
