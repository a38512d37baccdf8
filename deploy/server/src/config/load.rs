//! Puts flags, variables and file together.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{OsStr, Resettable};
use clap::{ArgMatches, Command as ClapCommand, CommandFactory as _, FromArgMatches as _};

use super::check::{self, Contradiction};
use super::file::{File, FileError};
use super::sources::Sources;
use super::{Cli, Command};

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// Flags or variables, in the words of the parser; asking for help is one of these.
    #[error(transparent)]
    Arguments(#[from] clap::Error),
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Settings that cannot all be meant.
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
}

/// What to do, and where each setting comes from.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// What to do.
    pub(crate) command: Command,
    /// Where each setting comes from.
    pub(crate) sources: Sources,
}

/// Reads the command line, the environment, and the file that these name.
pub(crate) fn load(line: impl IntoIterator<Item = OsString>) -> Result<Loaded, LoadError> {
    let line: Vec<_> = line.into_iter().collect();
    let cli = without_empty_variables(Cli::command());
    let serve = cli.find_subcommand("serve").cloned().unwrap_or_default();

    // Once to learn where the file is, and once more with what it says.
    let first = cli.clone().try_get_matches_from(&line)?;
    let file = match path(&first) {
        Some(path) => File::read(&path, &serve)?,
        None => File::default(),
    };
    let cli = cli.mut_subcommands(|command| file.apply(command));
    let matches = cli.try_get_matches_from(&line)?;

    let command = Cli::from_arg_matches(&matches)?.command;
    let sources = match matches.subcommand() {
        Some((name, matches)) => Sources::of(name, matches, &file),
        None => Sources::default(),
    };
    if let Command::Serve(config) | Command::Config(config) = &command {
        check::check(config, &sources)?;
    }
    Ok(Loaded { command, sources })
}

fn path(matches: &ArgMatches) -> Option<PathBuf> {
    let (_, command) = matches.subcommand()?;
    command.try_get_one::<PathBuf>("config").ok().flatten().cloned()
}

/// An empty variable says nothing: Compose files cannot leave one out.
fn without_empty_variables(cli: ClapCommand) -> ClapCommand {
    cli.mut_subcommands(|command| {
        command.mut_args(|arg| {
            let empty = |name| std::env::var_os(name).is_some_and(|value| value.is_empty());
            if arg.get_env().is_some_and(empty) { arg.env(Resettable::<OsStr>::Reset) } else { arg }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ServeConfig;
    use std::io::Write as _;

    fn load_with(text: &str, flags: &[&str]) -> Result<(ServeConfig, String), LoadError> {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(text.as_bytes()).expect("written");
        let path = file.path().to_str().expect("text");
        let line = ["orange-meets", "config", "--config", path].into_iter();
        let loaded = load(line.chain(flags.iter().copied()).map(OsString::from))?;
        let Command::Config(config) = loaded.command else { panic!("it prints") };
        Ok((config, loaded.sources.to_string()))
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let text =
            "media_port = 9000\nmedia_workers = 3\nin_memory = true\nadvertise = '192.0.2.1'";
        let (config, printed) = load_with(text, &["--media-port", "9100"]).expect("settings");
        assert_eq!(config.media_port, 9100);
        assert_eq!(config.workers(), 3);
        assert!(config.in_memory);
        assert_eq!(config.advertise.len(), 1);
        assert_eq!(config.http.port(), 8080);
        for line in [
            "media_port = 9100  # flag --media-port",
            "media_workers = 3  # file",
            "in_memory = true  # file",
            "advertise = [\"192.0.2.1\"]  # file",
            "http = \"127.0.0.1:8080\"  # default",
            "# allow_origin is not set",
        ] {
            assert!(printed.lines().any(|one| one == line), "{line}: {printed}");
        }
    }

    #[test]
    fn what_is_printed_can_be_a_file_of_settings() {
        let (_, printed) = load_with("log_format = 'json'", &[]).expect("settings");
        let (config, again) = load_with(&printed, &[]).expect("the same settings");
        assert_eq!(config.log_format, crate::config::LogFormat::Json);
        assert!(again.contains("log_format = \"json\"  # file"), "{again}");
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        let error = load_with("in_memory = true\ndata = '/data'", &[]).expect_err("both");
        assert!(matches!(error, LoadError::Contradiction(_)), "{error}");
    }
}
