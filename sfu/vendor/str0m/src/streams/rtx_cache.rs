use std::time::Duration;
use std::time::Instant;

use std::sync::Arc;

use crate::io::DATAGRAM_MAX_PACKET_SIZE;
use crate::packet::Vp8Patch;
use crate::rtp_::{ExtensionValues, Frequency, MediaTime, Pt, RtpHeader, SeqNo, Ssrc};

use super::RtpPacket;
use super::rtx_cache_buf::EvictingBuffer;

const RTX_CACHE_SIZE_QUANTIZER: usize = 25;
const RTX_CACHE_QUANTIZE_SLOTS: usize = DATAGRAM_MAX_PACKET_SIZE / RTX_CACHE_SIZE_QUANTIZER;

/// A sent packet, without what most packets have no use for.
#[derive(Debug)]
pub(crate) struct Sent {
    seq_no: SeqNo,
    time: MediaTime,
    timestamp: Instant,
    payload: Arc<[u8]>,
    rtp_time: u32,
    ssrc: Ssrc,
    pt: Pt,
    marker: bool,
    vp8_patch: Option<Vp8Patch>,
    header: Option<Box<RtpHeader>>,
    /// The header as it was written, of a packet that is sent again as it was.
    written: Option<Box<[u8]>>,
    padding: u8,
}

impl Sent {
    /// A packet that was handed over at `timestamp`.
    pub(crate) fn new(
        header: &RtpHeader,
        seq_no: SeqNo,
        timestamp: Instant,
        clock_rate: Frequency,
        payload: Arc<[u8]>,
        vp8_patch: Option<Vp8Patch>,
    ) -> Self {
        let plain = header.csrc_count == 0 && header.ext_vals == ExtensionValues::default();
        Self {
            seq_no,
            time: MediaTime::new(header.timestamp.into(), clock_rate),
            timestamp,
            payload,
            rtp_time: header.timestamp,
            ssrc: header.ssrc,
            pt: header.payload_type,
            marker: header.marker,
            vp8_patch,
            header: (!plain).then(|| Box::new(header.clone())),
            written: None,
            padding: 0,
        }
    }

    /// The packet is sent again as it was, with this header and so many bytes of padding.
    pub(crate) fn written(&mut self, header: &[u8], padding: u8) {
        self.written = Some(header.into());
        self.padding = padding;
    }

    /// Writes the packet to `buf` as it was, and returns the length of its header, if it is sent again
    /// like that.
    pub(crate) fn write_again(&self, buf: &mut Vec<u8>) -> Option<usize> {
        let header = self.written.as_deref()?;
        buf.clear();
        buf.extend_from_slice(header);
        write_payload(buf, &self.payload, self.vp8_patch.as_ref(), self.padding);
        Some(header.len())
    }

    pub(crate) fn payload_size(&self) -> usize {
        self.payload.len()
    }

    pub(crate) fn seq_no(&self) -> SeqNo {
        self.seq_no
    }

    pub(crate) fn header(&self) -> RtpHeader {
        match &self.header {
            Some(header) => RtpHeader::clone(header),
            None => RtpHeader {
                sequence_number: *self.seq_no as u16,
                marker: self.marker,
                payload_type: self.pt,
                timestamp: self.rtp_time,
                ssrc: self.ssrc,
                ..Default::default()
            },
        }
    }

    /// A packet that was queued before.
    pub(crate) fn of(packet: RtpPacket) -> Self {
        let RtpPacket {
            seq_no,
            time,
            mut header,
            payload,
            vp8_patch,
            timestamp,
            ..
        } = packet;
        // These are set anew for every resend.
        header.ext_vals.mid = None;
        header.ext_vals.rid = None;
        header.ext_vals.rid_repair = None;
        let clock_rate = time.frequency();
        Self::new(&header, seq_no, timestamp, clock_rate, payload, vp8_patch)
    }

    fn restore(&self, packet: &mut RtpPacket) {
        packet.header = self.header();
        packet.seq_no = self.seq_no;
        packet.time = self.time;
        packet.timestamp = self.timestamp;
        packet.payload = self.payload.clone();
        packet.vp8_patch = self.vp8_patch;
        packet.nackable = true;
    }
}

/// Appends a payload and its padding (RFC 3550 section 5.1).
pub(crate) fn write_payload(
    buf: &mut Vec<u8>,
    payload: &[u8],
    vp8_patch: Option<&Vp8Patch>,
    padding: u8,
) {
    match vp8_patch {
        Some(patch) => {
            let start = buf.len();
            buf.resize(start + payload.len(), 0);
            patch.copy_to(payload, &mut buf[start..]);
        }
        None => buf.extend_from_slice(payload),
    }
    if padding > 0 {
        buf.resize(buf.len() + usize::from(padding) - 1, 0);
        buf.push(padding);
    }
}

#[derive(Debug)]
pub(crate) struct RtxCache {
    // Data, new additions here probably need to be cleared in [`clear`].
    packet_by_seq_no: EvictingBuffer<Sent>,

    // The packet that was last asked for.
    restored: Option<Box<RtpPacket>>,

    // Technically we want [Option<SeqNo>; X] to indicate the absence of
    // a SeqNo. However We can half the storage space by using the sentinel
    // values SeqNo::MAX to indicate None
    seq_no_by_quantized_size: [SeqNo; RTX_CACHE_QUANTIZE_SLOTS],
}

impl RtxCache {
    pub fn new(max_packet_count: usize, max_packet_age: Duration) -> Self {
        Self {
            packet_by_seq_no: EvictingBuffer::new(10, max_packet_age, max_packet_count),
            restored: None,
            seq_no_by_quantized_size: [SeqNo::MAX; RTX_CACHE_QUANTIZE_SLOTS],
        }
    }

    #[cfg(test)]
    pub fn cache_sent_packet(&mut self, packet: RtpPacket, now: Instant) {
        assert!(packet.nackable);
        self.cache(Sent::of(packet), now);
    }

    pub(crate) fn cache(&mut self, sent: Sent, now: Instant) {
        let seq_no = sent.seq_no;
        let quantized_size = sent.payload.len() / RTX_CACHE_SIZE_QUANTIZER;
        self.packet_by_seq_no.push(*seq_no, now, sent);
        self.seq_no_by_quantized_size[quantized_size] = seq_no;
        self.remove_old_packets(now);
    }

    pub fn last_cached_seq_no(&self) -> Option<SeqNo> {
        Some(self.packet_by_seq_no.last_position()?.into())
    }

    pub(crate) fn get(&self, seq_no: SeqNo) -> Option<&Sent> {
        self.packet_by_seq_no.get(*seq_no)
    }

    pub fn get_cached_packet_by_seq_no(&mut self, seq_no: SeqNo) -> Option<&mut RtpPacket> {
        let sent = self.packet_by_seq_no.get(*seq_no)?;
        let packet = self.restored.get_or_insert_with(|| Box::new(RtpPacket::blank()));
        sent.restore(packet);
        Some(packet)
    }

    pub fn get_cached_packet_smaller_than(&mut self, max_size: usize) -> Option<&mut RtpPacket> {
        let quantized_size = max_size / RTX_CACHE_SIZE_QUANTIZER;

        let seq_no = self.seq_no_by_quantized_size[..quantized_size]
            .iter()
            .rev()
            .filter(|seq_no| !seq_no.is_max())
            .find(|seq_no| self.packet_by_seq_no.contains(***seq_no))?;

        self.get_cached_packet_by_seq_no(*seq_no)
    }

    fn remove_old_packets(&mut self, now: Instant) {
        self.packet_by_seq_no.maybe_evict(now);
    }

    pub(crate) fn last_packet(&self) -> Option<&[u8]> {
        let packet = self.packet_by_seq_no.last()?;
        Some(packet.payload.as_ref())
    }

    pub(crate) fn clear(&mut self) {
        self.packet_by_seq_no.clear();
        self.restored = None;
        self.seq_no_by_quantized_size = [SeqNo::MAX; RTX_CACHE_QUANTIZE_SLOTS];
    }
}

#[cfg(test)]
mod test {
    use super::*;

    fn after(now: Instant, millis: u64) -> Instant {
        now + Duration::from_millis(millis)
    }

    fn packet(now: Instant, seq_no: u64, millis: u64) -> RtpPacket {
        RtpPacket {
            header: RtpHeader::default(),
            seq_no: seq_no.into(),
            time: MediaTime::from_90khz(0),
            payload: millis.to_be_bytes().into(),
            vp8_patch: None,
            timestamp: after(now, millis),
            last_sender_info: None,
            nackable: true,
        }
    }

    #[test]
    fn rtx_cache_0_sized() {
        let now = Instant::now();
        let mut rtx_cache = RtxCache::new(0, Duration::from_secs(3));
        rtx_cache.cache_sent_packet(packet(now, 1, 10), after(now, 10));
        assert_eq!(
            Some(&mut packet(now, 1, 10)),
            rtx_cache.get_cached_packet_by_seq_no(1.into())
        );
        assert_eq!(
            Some(&mut packet(now, 1, 10)),
            rtx_cache.get_cached_packet_smaller_than(1000)
        );
    }

    #[test]
    fn rtx_cache_0_duration() {
        let now = Instant::now();
        let mut rtx_cache = RtxCache::new(10, Duration::from_secs(0));
        rtx_cache.cache_sent_packet(packet(now, 1, 10), after(now, 10));
        assert_eq!(None, rtx_cache.get_cached_packet_by_seq_no(1.into()));
        assert_eq!(None, rtx_cache.get_cached_packet_smaller_than(1000));
    }

    #[test]
    fn rtx_cache_1_sized() {
        let now = Instant::now();
        let mut rtx_cache = RtxCache::new(1, Duration::from_secs(3));
        rtx_cache.cache_sent_packet(packet(now, 1, 10), after(now, 10));
        assert_eq!(
            Some(&mut packet(now, 1, 10)),
            rtx_cache.get_cached_packet_by_seq_no(1.into())
        );
        assert_eq!(
            Some(&mut packet(now, 1, 10)),
            rtx_cache.get_cached_packet_smaller_than(1000)
        );
        assert_eq!(
            Some(&mut packet(now, 1, 10)),
            rtx_cache.get_cached_packet_smaller_than(25)
        );
        assert_eq!(None, rtx_cache.get_cached_packet_smaller_than(24));
        rtx_cache.cache_sent_packet(packet(now, 2, 20), after(now, 20));
        assert_eq!(
            Some(&mut packet(now, 2, 20)),
            rtx_cache.get_cached_packet_by_seq_no(2.into())
        );
    }

    #[test]
    fn rtx_cache_100_sized_backwards() {
        let now = Instant::now();
        let mut rtx_cache = RtxCache::new(100, Duration::from_secs(3));

        for i in 1..=200 {
            let seq_no = 201 - i;
            let pkt = packet(now, seq_no, (201 - i) * 10);
            let now = after(now, i * 10);
            rtx_cache.cache_sent_packet(pkt, now);
        }

        assert_eq!(
            Some(&mut packet(now, 200, 2000)),
            rtx_cache.get_cached_packet_by_seq_no(200.into())
        );
        assert_eq!(None, rtx_cache.get_cached_packet_by_seq_no(100.into()));
        assert_eq!(None, rtx_cache.get_cached_packet_by_seq_no(101.into()));
    }

    #[test]
    fn rtx_cache_eviction() {
        let now = Instant::now();
        // Cache can take all entries
        let mut rtx_cache = RtxCache::new(400, Duration::from_secs(1));
        for i in 1..=200 {
            let seq_no = i;
            let pkt = packet(now, seq_no, i * 10);
            let now = after(now, i * 10);
            rtx_cache.cache_sent_packet(pkt, now);
        }

        assert_eq!(None, rtx_cache.get_cached_packet_by_seq_no(99.into()));

        assert_eq!(
            Some(&mut packet(now, 100, 1000)),
            rtx_cache.get_cached_packet_by_seq_no(100.into())
        );
        assert_eq!(
            Some(&mut packet(now, 200, 2000)),
            rtx_cache.get_cached_packet_by_seq_no(200.into())
        );
    }
}
