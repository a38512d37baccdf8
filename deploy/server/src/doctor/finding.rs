//! The result of one check, and how it is printed.

use std::fmt;

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    check: &'static str,
    outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// The check passed; a summary of what was seen.
    Passed(String),
    /// Meetings work, with limitations.
    Warning(Problem),
    /// Meetings do not work, or not for everyone.
    Error(Problem),
}

/// The problem and its remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Problem {
    symptom: String,
    likely_cause: String,
    fix: String,
}

impl Finding {
    /// Creates the finding of a check that passed.
    pub(crate) fn passed(check: &'static str, summary: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Passed(summary.into()) }
    }

    /// Creates a finding with which meetings work, with limitations.
    pub(crate) fn warning(
        check: &'static str,
        symptom: String,
        likely_cause: &str,
        fix: &str,
    ) -> Self {
        Self { check, outcome: Outcome::Warning(Problem::new(symptom, likely_cause, fix)) }
    }

    /// Creates a finding with which meetings do not work, or not for everyone.
    pub(crate) fn error(
        check: &'static str,
        symptom: String,
        likely_cause: &str,
        fix: &str,
    ) -> Self {
        Self { check, outcome: Outcome::Error(Problem::new(symptom, likely_cause, fix)) }
    }

    /// Returns `true` if meetings do not work, or not for everyone.
    pub(crate) fn is_error(&self) -> bool {
        matches!(self.outcome, Outcome::Error(_))
    }
}

impl Problem {
    fn new(symptom: String, likely_cause: &str, fix: &str) -> Self {
        Self { symptom, likely_cause: likely_cause.to_owned(), fix: fix.to_owned() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (label, problem) = match &self.outcome {
            Outcome::Passed(summary) => return writeln!(out, "ok       {}: {summary}", self.check),
            Outcome::Warning(problem) => ("WARNING", problem),
            Outcome::Error(problem) => ("ERROR  ", problem),
        };
        writeln!(out, "{label}  {}: {}", self.check, problem.symptom)?;
        writeln!(out, "           likely cause: {}", problem.likely_cause)?;
        writeln!(out, "           fix: {}", problem.fix)
    }
}
