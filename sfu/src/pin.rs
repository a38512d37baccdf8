//! Workers pinned to one processor each.
//!
//! The system moves threads to idle processors, and each move costs a cold cache. On a machine that
//! does nothing else, a worker performs better with a processor of its own; on a shared one it would
//! wait for other processes there while other processors idle.

use std::io;

/// The reason for which workers cannot be pinned.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// Two workers would have to share a processor.
    #[error(
        "{workers} media workers cannot be pinned to {processors} processors; ask for fewer workers, or do not pin them"
    )]
    TooFew {
        /// The number of workers.
        workers: u16,
        /// The number of processors that this process may use.
        processors: usize,
    },
    /// The system does not support it.
    #[error("media workers cannot be pinned here: {0}; do not pin them")]
    Unsupported(#[source] io::Error),
}

/// A processor that this process may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Processor(usize);

/// Returns a processor for each worker.
pub(crate) fn processors(workers: u16) -> Result<Vec<Processor>, PinError> {
    choose(workers, &system::allowed().map_err(PinError::Unsupported)?)
}

fn choose(workers: u16, allowed: &[usize]) -> Result<Vec<Processor>, PinError> {
    match allowed.get(..usize::from(workers)) {
        Some(chosen) => Ok(chosen.iter().copied().map(Processor).collect()),
        None => Err(PinError::TooFew { workers, processors: allowed.len() }),
    }
}

impl Processor {
    /// Pins the current thread to the processor.
    pub(crate) fn pin_current_thread(self) -> io::Result<()> {
        system::pin_current_thread(self.0)
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;

    use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
    use nix::unistd::Pid;

    /// The calling thread.
    const SELF: Pid = Pid::from_raw(0);

    pub(super) fn allowed() -> io::Result<Vec<usize>> {
        let set = sched_getaffinity(SELF)?;
        Ok((0..CpuSet::count()).filter(|cpu| set.is_set(*cpu) == Ok(true)).collect())
    }

    pub(super) fn pin_current_thread(cpu: usize) -> io::Result<()> {
        let mut set = CpuSet::new();
        set.set(cpu)?;
        Ok(sched_setaffinity(SELF, &set)?)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;

    pub(super) fn allowed() -> io::Result<Vec<usize>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn pin_current_thread(_: usize) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_worker_has_one_of_the_allowed_processors() {
        assert_eq!(choose(2, &[3, 5, 9]).unwrap(), [Processor(3), Processor(5)]);
        let error = choose(4, &[3, 5, 9]).unwrap_err();
        assert!(error.to_string().starts_with("4 media workers cannot be pinned to 3 processors"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_pinned_thread_runs_on_its_processor_only() {
        let [processor] = processors(1).unwrap()[..] else { panic!("one worker, one processor") };
        let after = std::thread::spawn(move || {
            processor.pin_current_thread().unwrap();
            system::allowed().unwrap()
        });
        assert_eq!(after.join().unwrap(), [processor.0]);
    }
}
