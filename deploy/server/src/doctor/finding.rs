//! What was found, in words.

use std::fmt;

/// What one look has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What was looked at.
    pub(crate) what: &'static str,
    /// How it is.
    pub(crate) verdict: Verdict,
}

/// How it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As it should be.
    Good(String),
    /// People can meet, with less.
    Poor(Trouble),
    /// People cannot meet, or not all of them.
    Bad(Trouble),
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// What was seen.
    pub(crate) seen: String,
    /// Why, most likely.
    pub(crate) cause: String,
    /// What to do.
    pub(crate) fix: String,
}

impl Finding {
    pub(crate) fn good(what: &'static str, words: impl Into<String>) -> Self {
        Self { what, verdict: Verdict::Good(words.into()) }
    }

    pub(crate) fn poor(what: &'static str, seen: String, cause: &str, fix: &str) -> Self {
        Self { what, verdict: Verdict::Poor(Trouble::new(seen, cause, fix)) }
    }

    pub(crate) fn bad(what: &'static str, seen: String, cause: &str, fix: &str) -> Self {
        Self { what, verdict: Verdict::Bad(Trouble::new(seen, cause, fix)) }
    }

    pub(crate) fn is_bad(&self) -> bool {
        matches!(self.verdict, Verdict::Bad(_))
    }
}

impl Trouble {
    fn new(seen: String, cause: &str, fix: &str) -> Self {
        Self { seen, cause: cause.to_owned(), fix: fix.to_owned() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mark, trouble) = match &self.verdict {
            Verdict::Good(words) => return writeln!(out, "good  {}: {words}", self.what),
            Verdict::Poor(trouble) => ("poor", trouble),
            Verdict::Bad(trouble) => ("BAD ", trouble),
        };
        writeln!(out, "{mark}  {}: {}", self.what, trouble.seen)?;
        writeln!(out, "        cause: {}", trouble.cause)?;
        writeln!(out, "        fix: {}", trouble.fix)
    }
}
