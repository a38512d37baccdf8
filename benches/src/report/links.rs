//! How a sender of media follows a link that narrows and widens.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::of_group;
use crate::client::Shown;
use crate::media::{Figures, Link, LinkStep, LinkTrace};
use crate::scenario::Scenario;

/// More than the link carries, and than a sender's bursts explain.
const OVER: f64 = 1.1;
/// What counts as having found what was before, or what the link carries.
const BACK: f64 = 0.8;

/// What one client's link has seen.
#[derive(Debug, Serialize)]
pub(crate) struct LinkFigures {
    pub(crate) group: String,
    pub(crate) steps: Vec<StepFigures>,
    pub(crate) trace: LinkTrace,
}

/// What followed a change of the link.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct StepFigures {
    pub(crate) at: f64,
    pub(crate) down_kbps: u32,
    /// Seconds until no more was sent than the narrower link carries, for at least a second: a probe
    /// later on is none of it.
    pub(crate) overshoot_seconds: Option<f64>,
    /// Seconds until four fifths of what was sent before the link narrowed were sent again; none
    /// if that did not happen until the next change.
    pub(crate) recovery_seconds: Option<f64>,
    /// Seconds until every picture was at least as good again as before the link narrowed.
    pub(crate) quality_seconds: Option<f64>,
}

impl LinkFigures {
    pub(super) fn of(scenario: &Scenario, figures: &[&Figures]) -> Vec<Self> {
        let mut all = Vec::new();
        for (at, group) in scenario.participants.iter().enumerate() {
            let Some(link) = group.link.as_ref().filter(|link| !link.steps.is_empty()) else {
                continue;
            };
            for one in of_group(scenario, at, figures) {
                let Some(trace) = &one.trace else { continue };
                let pictures: Vec<&Shown> = one.shown().collect();
                let steps = follow(link, trace, one.since, &pictures);
                let group = group.name.clone();
                all.push(Self { group, steps, trace: trace.clone() });
            }
        }
        all
    }
}

/// What followed each change of a link, by its trace and by the pictures that came over it.
pub(crate) fn follow(
    link: &Link,
    trace: &LinkTrace,
    since: Option<Instant>,
    pictures: &[&Shown],
) -> Vec<StepFigures> {
    let mut steps = steps(trace, link.down_kbps, &link.steps);
    if let Some(since) = since {
        add_quality(&mut steps, link.down_kbps, since, pictures);
    }
    steps
}

fn steps(trace: &LinkTrace, first: Option<u32>, steps: &[LinkStep]) -> Vec<StepFigures> {
    let reading = |seconds: f64| (seconds / trace.seconds_each).round() as usize;
    let mut width = first.unwrap_or(u32::MAX);
    // What was sent when the link was widest.
    let mut usual = 0.0;
    let mut begin = 0;
    let mut found = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let end = steps.get(number + 1).map_or(trace.sent_kbps.len(), |next| reading(next.at));
        let from = reading(step.at).min(trace.sent_kbps.len());
        let after = &trace.sent_kbps[from..end.min(trace.sent_kbps.len()).max(from)];
        let before = &trace.sent_kbps[begin.min(from)..from];
        begin = from;
        let narrows = step.down_kbps < width;
        if narrows {
            let last = &before[before.len() / 2..];
            usual = last.iter().sum::<f64>() / last.len().max(1) as f64;
        }
        width = step.down_kbps;
        let seconds = |at: usize| (at + 1) as f64 * trace.seconds_each;
        let within = |kbps: &f64| *kbps <= f64::from(width) * OVER;
        let calm = after.windows(reading(1.0).max(1)).position(|second| second.iter().all(within));
        let over = calm.unwrap_or(after.len()) as f64 * trace.seconds_each;
        let wanted = usual.min(f64::from(width)) * BACK;
        let back = after.windows(2).position(|two| two.iter().sum::<f64>() / 2.0 >= wanted);
        found.push(StepFigures {
            at: step.at,
            down_kbps: step.down_kbps,
            overshoot_seconds: narrows.then_some(over),
            recovery_seconds: back.filter(|_| !narrows).map(seconds),
            quality_seconds: None,
        });
    }
    found
}

/// When pictures were as good again as they had been before the link narrowed.
fn add_quality(steps: &mut [StepFigures], first: Option<u32>, since: Instant, pictures: &[&Shown]) {
    let moment = |at: f64| since + Duration::from_secs_f64(at);
    let ends: Vec<Option<f64>> = steps.iter().skip(1).map(|next| Some(next.at)).collect();
    let mut width = first.unwrap_or(u32::MAX);
    let mut before: Vec<Option<u8>> = Vec::new();
    for (step, end) in steps.iter_mut().zip(ends.into_iter().chain([None])) {
        let at = moment(step.at);
        let narrows = step.down_kbps < std::mem::replace(&mut width, step.down_kbps);
        if narrows {
            before = pictures.iter().map(|shown| shown.at(at)).collect();
            continue;
        }
        let wanted =
            pictures.iter().zip(&before).filter_map(|(shown, known)| Some((shown, (*known)?)));
        let reached: Option<Vec<Instant>> =
            wanted.map(|(shown, encoding)| shown.reached(encoding, at)).collect();
        let last = reached.and_then(|all| all.into_iter().max());
        let last = last.filter(|last| end.is_none_or(|end| *last < moment(end)));
        step.quality_seconds = last.map(|last| (last - at).as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use signaling_protocol::Source;

    use super::*;
    use crate::probe::Probe;

    #[test]
    fn a_step_down_is_followed_and_a_step_up_found() {
        let down = [vec![2_000.0; 8], vec![1_500.0, 1_200.0], vec![800.0; 4], vec![1_400.0; 2]];
        let sent_kbps = [down.concat(), vec![900.0, 900.0, 1_500.0, 1_900.0]].concat();
        let trace = LinkTrace { seconds_each: 0.25, sent_kbps, ..LinkTrace::default() };
        let changes =
            [LinkStep { at: 2.0, down_kbps: 1_000 }, LinkStep { at: 4.0, down_kbps: 4_000 }];
        let found = steps(&trace, Some(4_000), &changes);
        assert_eq!(found[0].overshoot_seconds, Some(0.5));
        assert_eq!(found[0].recovery_seconds, None);
        assert_eq!(found[1].overshoot_seconds, None);
        assert_eq!(found[1].recovery_seconds, Some(0.75));
    }

    #[test]
    fn a_picture_is_as_good_again_when_the_encoding_of_before_is_back() {
        let since = Instant::now();
        let probe =
            |encoding| Probe { sent_us: 0, number: 0, sender: 1, source: Source::Camera, encoding };
        let mut shown = Shown::default();
        for (at, encoding) in [(0.0, 2), (1.5, 0), (3.0, 1), (3.75, 2)] {
            shown.saw(since + Duration::from_secs_f64(at), &probe(encoding));
        }
        let step = |at, down_kbps| StepFigures {
            at,
            down_kbps,
            overshoot_seconds: None,
            recovery_seconds: None,
            quality_seconds: None,
        };
        let good_after = |end: Option<f64>| {
            let mut steps = vec![step(1.0, 1_000), step(2.0, 4_000)];
            steps.extend(end.map(|at| step(at, 500)));
            add_quality(&mut steps, Some(4_000), since, &[&shown]);
            steps[1].quality_seconds
        };
        assert_eq!(good_after(None), Some(1.75));
        assert_eq!(good_after(Some(3.5)), None, "too late");
    }

    #[test]
    fn what_never_comes_back_has_no_time() {
        let sent_kbps = [vec![2_000.0; 4], vec![500.0; 8]].concat();
        let trace = LinkTrace { seconds_each: 0.25, sent_kbps, ..LinkTrace::default() };
        let changes =
            [LinkStep { at: 1.0, down_kbps: 1_000 }, LinkStep { at: 2.0, down_kbps: 4_000 }];
        assert_eq!(steps(&trace, None, &changes)[1].recovery_seconds, None);
    }
}
