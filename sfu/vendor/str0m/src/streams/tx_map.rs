use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Instant;

use crate::rtp_::{MidRid, Ssrc};

use super::StreamTx;

/// Boxed, as a table has room for more than it holds, and a stream takes near 2 kB.
type Table = HashMap<Ssrc, Box<StreamTx>, BuildHasherDefault<SsrcHasher>>;

/// Outgoing streams by SSRC. Those that have sent nothing for a while rest: whatever goes over all
/// streams for what is due leaves them out, until somebody asks for one of them by name.
#[derive(Debug, Default)]
pub(crate) struct TxMap {
    awake: Table,
    resting: Table,

    // Speaks for all of them in RTCP.
    first: Option<Ssrc>,
}

impl TxMap {
    pub fn or_insert_with(
        &mut self,
        ssrc: Ssrc,
        make: impl FnOnce() -> StreamTx,
    ) -> &mut StreamTx {
        self.first.get_or_insert(ssrc);
        self.wake(&ssrc);
        self.awake.entry(ssrc).or_insert_with(|| Box::new(make()))
    }

    pub fn get_mut(&mut self, ssrc: &Ssrc) -> Option<&mut StreamTx> {
        self.wake(ssrc);
        self.awake.get_mut(ssrc).map(|s| &mut **s)
    }

    pub fn get_mut_by_midrid(&mut self, midrid: MidRid) -> Option<&mut StreamTx> {
        let resting = self.resting.values().find(|s| s.is_midrid(midrid));
        if let Some(ssrc) = resting.map(|s| s.ssrc()) {
            self.wake(&ssrc);
        }
        self.awake_mut().find(|s| s.is_midrid(midrid))
    }

    pub fn remove(&mut self, ssrc: &Ssrc) -> Option<Box<StreamTx>> {
        let removed = self.awake.remove(ssrc).or_else(|| self.resting.remove(ssrc));
        self.choose_first();
        removed
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&StreamTx) -> bool) {
        self.awake.retain(|_, s| keep(s));
        self.resting.retain(|_, s| keep(s));
        self.choose_first();
    }

    pub fn contains_key(&self, ssrc: &Ssrc) -> bool {
        self.awake.contains_key(ssrc) || self.resting.contains_key(ssrc)
    }

    pub fn first(&self) -> Option<Ssrc> {
        self.first
    }

    pub fn values(&self) -> impl Iterator<Item = &StreamTx> {
        self.awake.values().chain(self.resting.values()).map(|s| &**s)
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut StreamTx> {
        let resting = self.resting.values_mut();
        self.awake.values_mut().chain(resting).map(|s| &mut **s)
    }

    /// Those for which something may be due.
    pub fn awake(&self) -> impl Iterator<Item = &StreamTx> {
        self.awake.values().map(|s| &**s)
    }

    pub fn awake_mut(&mut self) -> impl Iterator<Item = &mut StreamTx> {
        self.awake.values_mut().map(|s| &mut **s)
    }

    /// Those that have been idle for long enough rest from now on. Of those that can carry padding one
    /// stays awake: what a link carries is found out by padding where there is no media.
    pub fn rest(&mut self, now: Instant) {
        let mut padding = self.awake().filter(|s| s.padding_enabled()).count();
        let rests = |_: &Ssrc, stream: &mut Box<StreamTx>| {
            let pads = stream.padding_enabled();
            let rests = stream.is_idle(now) && (!pads || padding > 1);
            padding -= usize::from(rests && pads);
            rests
        };
        for (ssrc, mut stream) in self.awake.extract_if(rests) {
            stream.reset_buffers();
            self.resting.insert(ssrc, stream);
        }
    }

    fn wake(&mut self, ssrc: &Ssrc) {
        if self.resting.is_empty() || self.awake.contains_key(ssrc) {
            return;
        }
        if let Some(stream) = self.resting.remove(ssrc) {
            self.awake.insert(*ssrc, stream);
        }
    }

    fn choose_first(&mut self) {
        if !self.first.is_some_and(|first| self.contains_key(&first)) {
            let first = self.values().map(|s| s.ssrc()).next();
            self.first = first;
        }
    }
}

/// Spreads the SSRCs over a map. They are our own choice, and random: nobody can make them collide.
#[derive(Debug, Default)]
struct SsrcHasher(u64);

impl Hasher for SsrcHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, value: u32) {
        // The golden ratio's multiple has its entropy in the upper bits, the map looks at both ends.
        let spread = (self.0 ^ u64::from(value)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = spread ^ spread >> 32;
    }
}
