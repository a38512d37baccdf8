//! How the server adapts to a link whose capacity changes.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::clients_of_group;
use crate::client::EncodingHistory;
use crate::media::{ClientReport, LinkConfig, LinkStep, LinkTrace};
use crate::scenario::Scenario;

/// Sending more than this share of the capacity counts as overshoot.
const OVERSHOOT_FACTOR: f64 = 1.1;
/// Sending this share of the previous rate, or of the capacity, counts as recovered.
const RECOVERED_FACTOR: f64 = 0.8;

/// The adaptation to one client's link.
#[derive(Debug, Serialize)]
pub(crate) struct LinkReport {
    pub(crate) group: String,
    pub(crate) steps: Vec<LinkStepReport>,
    pub(crate) trace: LinkTrace,
}

/// The adaptation to one change of the capacity.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct LinkStepReport {
    pub(crate) at: f64,
    pub(crate) down_kbps: u32,
    /// Seconds until the server sent no more than the reduced capacity for at least a second; later
    /// bandwidth probes do not count.
    pub(crate) overshoot_seconds: Option<f64>,
    /// Seconds until the server sent four fifths of the rate before the reduction again; `None` if it
    /// did not before the next change.
    pub(crate) rate_recovery_seconds: Option<f64>,
    /// Seconds until every video stream had at least the encoding from before the reduction.
    pub(crate) quality_recovery_seconds: Option<f64>,
}

impl LinkReport {
    pub(super) fn of(scenario: &Scenario, clients: &[&ClientReport]) -> Vec<Self> {
        let mut all = Vec::new();
        for (at, group) in scenario.participants.iter().enumerate() {
            let Some(link) = group.link.as_ref().filter(|link| !link.steps.is_empty()) else {
                continue;
            };
            for client in clients_of_group(scenario, at, clients) {
                let Some(trace) = &client.trace else { continue };
                let histories: Vec<&EncodingHistory> = client.encoding_histories().collect();
                let steps = evaluate_steps(link, trace, client.since, &histories);
                let group = group.name.clone();
                all.push(Self { group, steps, trace: trace.clone() });
            }
        }
        all
    }
}

/// Returns the adaptation to each change of a link, from its trace and the encoding histories of its
/// video streams.
pub(crate) fn evaluate_steps(
    link: &LinkConfig,
    trace: &LinkTrace,
    since: Option<Instant>,
    histories: &[&EncodingHistory],
) -> Vec<LinkStepReport> {
    let mut steps = steps(trace, link.down_kbps, &link.steps);
    if let Some(since) = since {
        add_quality_recovery(&mut steps, link.down_kbps, since, histories);
    }
    steps
}

fn steps(trace: &LinkTrace, first: Option<u32>, steps: &[LinkStep]) -> Vec<LinkStepReport> {
    let reading = |seconds: f64| (seconds / trace.interval_seconds).round() as usize;
    let mut capacity = first.unwrap_or(u32::MAX);
    // The rate before the last reduction.
    let mut previous_kbps = 0.0;
    let mut begin = 0;
    let mut reports = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let end = steps.get(number + 1).map_or(trace.sent_kbps.len(), |next| reading(next.at));
        let from = reading(step.at).min(trace.sent_kbps.len());
        let after = &trace.sent_kbps[from..end.min(trace.sent_kbps.len()).max(from)];
        let before = &trace.sent_kbps[begin.min(from)..from];
        begin = from;
        let is_reduction = step.down_kbps < capacity;
        if is_reduction {
            let last = &before[before.len() / 2..];
            previous_kbps = last.iter().sum::<f64>() / last.len().max(1) as f64;
        }
        capacity = step.down_kbps;
        let seconds = |at: usize| (at + 1) as f64 * trace.interval_seconds;
        let within = |kbps: &f64| *kbps <= f64::from(capacity) * OVERSHOOT_FACTOR;
        let settled =
            after.windows(reading(1.0).max(1)).position(|second| second.iter().all(within));
        let over = settled.unwrap_or(after.len()) as f64 * trace.interval_seconds;
        let wanted = previous_kbps.min(f64::from(capacity)) * RECOVERED_FACTOR;
        let back = after.windows(2).position(|two| two.iter().sum::<f64>() / 2.0 >= wanted);
        reports.push(LinkStepReport {
            at: step.at,
            down_kbps: step.down_kbps,
            overshoot_seconds: is_reduction.then_some(over),
            rate_recovery_seconds: back.filter(|_| !is_reduction).map(seconds),
            quality_recovery_seconds: None,
        });
    }
    reports
}

/// Sets when the encodings were as high again as before the reduction.
fn add_quality_recovery(
    steps: &mut [LinkStepReport],
    first: Option<u32>,
    since: Instant,
    histories: &[&EncodingHistory],
) {
    let moment = |at: f64| since + Duration::from_secs_f64(at);
    let ends: Vec<Option<f64>> = steps.iter().skip(1).map(|next| Some(next.at)).collect();
    let mut capacity = first.unwrap_or(u32::MAX);
    let mut before: Vec<Option<u8>> = Vec::new();
    for (step, end) in steps.iter_mut().zip(ends.into_iter().chain([None])) {
        let at = moment(step.at);
        let is_reduction = step.down_kbps < std::mem::replace(&mut capacity, step.down_kbps);
        if is_reduction {
            before = histories.iter().map(|history| history.encoding_at(at)).collect();
            continue;
        }
        let wanted =
            histories.iter().zip(&before).filter_map(|(history, known)| Some((history, (*known)?)));
        let reached: Option<Vec<Instant>> =
            wanted.map(|(history, encoding)| history.first_at_least(encoding, at)).collect();
        let last = reached.and_then(|all| all.into_iter().max());
        let last = last.filter(|last| end.is_none_or(|end| *last < moment(end)));
        step.quality_recovery_seconds = last.map(|last| (last - at).as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use signaling_protocol::Source;

    use super::*;
    use crate::frame_stamp::FrameStamp;

    #[test]
    fn overshoot_is_measured_on_a_reduction_and_recovery_on_an_increase() {
        let down = [vec![2_000.0; 8], vec![1_500.0, 1_200.0], vec![800.0; 4], vec![1_400.0; 2]];
        let sent_kbps = [down.concat(), vec![900.0, 900.0, 1_500.0, 1_900.0]].concat();
        let trace = LinkTrace { interval_seconds: 0.25, sent_kbps, ..LinkTrace::default() };
        let changes =
            [LinkStep { at: 2.0, down_kbps: 1_000 }, LinkStep { at: 4.0, down_kbps: 4_000 }];
        let reports = steps(&trace, Some(4_000), &changes);
        assert_eq!(reports[0].overshoot_seconds, Some(0.5));
        assert_eq!(reports[0].rate_recovery_seconds, None);
        assert_eq!(reports[1].overshoot_seconds, None);
        assert_eq!(reports[1].rate_recovery_seconds, Some(0.75));
    }

    #[test]
    fn quality_has_recovered_when_the_previous_encoding_is_back() {
        let since = Instant::now();
        let stamp = |encoding| FrameStamp {
            sent_us: 0,
            number: 0,
            sender: 1,
            source: Source::Camera,
            encoding,
        };
        let mut history = EncodingHistory::default();
        for (at, encoding) in [(0.0, 2), (1.5, 0), (3.0, 1), (3.75, 2)] {
            history.record(since + Duration::from_secs_f64(at), &stamp(encoding));
        }
        let step = |at, down_kbps| LinkStepReport {
            at,
            down_kbps,
            overshoot_seconds: None,
            rate_recovery_seconds: None,
            quality_recovery_seconds: None,
        };
        let recovered_after = |end: Option<f64>| {
            let mut steps = vec![step(1.0, 1_000), step(2.0, 4_000)];
            steps.extend(end.map(|at| step(at, 500)));
            add_quality_recovery(&mut steps, Some(4_000), since, &[&history]);
            steps[1].quality_recovery_seconds
        };
        assert_eq!(recovered_after(None), Some(1.75));
        assert_eq!(recovered_after(Some(3.5)), None, "too late");
    }

    #[test]
    fn without_recovery_there_is_no_recovery_time() {
        let sent_kbps = [vec![2_000.0; 4], vec![500.0; 8]].concat();
        let trace = LinkTrace { interval_seconds: 0.25, sent_kbps, ..LinkTrace::default() };
        let changes =
            [LinkStep { at: 1.0, down_kbps: 1_000 }, LinkStep { at: 2.0, down_kbps: 4_000 }];
        assert_eq!(steps(&trace, None, &changes)[1].rate_recovery_seconds, None);
    }
}
