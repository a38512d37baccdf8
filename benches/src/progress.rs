//! How far a run is, on the terminal (nothing if standard error is no terminal).

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::scenario::Scenario;

pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn begin(scenario: &Scenario) -> Self {
        let bar = ProgressBar::new(1_000);
        let style = ProgressStyle::with_template("{prefix:>16} [{bar:30}] {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(scenario.name.clone());
        bar.set_message("measuring a bare sendto");
        Self(bar)
    }

    pub(crate) fn gathered(&self, there: u32, all: u32) {
        self.0.set_position(u64::from(there) * 1_000 / u64::from(all.max(1)));
        self.0.set_message(format!("{there} of {all} are there"));
    }

    pub(crate) fn stage(&self, what: &'static str) {
        self.0.set_message(what);
    }

    pub(crate) fn measured(&self, gone: Duration, of: Duration) {
        let share = gone.as_secs_f64() / of.as_secs_f64().max(0.001);
        self.0.set_position((share * 1_000.0) as u64);
        self.0.set_message(format!("measuring, {} of {} s", gone.as_secs(), of.as_secs()));
    }

    pub(crate) fn end(&self) {
        self.0.finish_and_clear();
    }
}
