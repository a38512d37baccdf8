//! The progress bar of a run; hidden if standard error is not a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::scenario::Scenario;

/// The progress bar of one run.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Shows the bar.
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let bar = ProgressBar::new(1_000);
        let style = ProgressStyle::with_template("{prefix:>16} [{bar:30}] {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(scenario.name.clone());
        bar.set_message("measuring a bare sendto");
        Self(bar)
    }

    /// Shows how many participants have joined.
    pub(crate) fn joined(&self, complete: u32, all: u32) {
        self.0.set_position(u64::from(complete) * 1_000 / u64::from(all.max(1)));
        self.0.set_message(format!("{complete} of {all} have joined"));
    }

    /// Shows the current stage.
    pub(crate) fn stage(&self, what: &'static str) {
        self.0.set_message(what);
    }

    /// Shows how much of the measurement has passed.
    pub(crate) fn measuring(&self, elapsed: Duration, of: Duration) {
        let share = elapsed.as_secs_f64() / of.as_secs_f64().max(0.001);
        self.0.set_position((share * 1_000.0) as u64);
        self.0.set_message(format!("measuring, {} of {} s", elapsed.as_secs(), of.as_secs()));
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
