//! Combines flags, environment variables and the settings file.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{OsStr, Resettable};
use clap::{ArgMatches, Command as ClapCommand, CommandFactory as _, FromArgMatches as _};

use super::commands::{Cli, Command};
use super::file::{File, FileError};
use super::sources::Sources;
use super::validate::{SettingsConflict, validate};

/// Why the settings cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// Invalid flags or variables, with the parser's message; also a request for help.
    #[error(transparent)]
    Arguments(#[from] clap::Error),
    /// The settings file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// Two settings conflict.
    #[error(transparent)]
    Conflict(#[from] SettingsConflict),
}

/// The command to run, with its settings.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The command with its settings.
    pub(crate) command: Command,
    /// The source of each setting.
    pub(crate) sources: Sources,
}

/// Reads the command line, the environment, and the settings file that they name.
pub(crate) fn load(line: impl IntoIterator<Item = OsString>) -> Result<Loaded, LoadError> {
    let line: Vec<_> = line.into_iter().collect();
    let cli = without_empty_variables(Cli::command());
    let serve = cli.find_subcommand("serve").cloned().unwrap_or_default();

    // Parses once to find the file, and again with its values as defaults.
    let first = cli.clone().try_get_matches_from(&line)?;
    let file = match config_path(&first) {
        Some(path) => File::read(&path, &serve)?,
        None => File::default(),
    };
    let cli = cli.mut_subcommands(|command| file.apply(command));
    let matches = cli.try_get_matches_from(&line)?;

    let command = Cli::from_arg_matches(&matches)?.command;
    let sources = match matches.subcommand() {
        Some((name, matches)) => Sources::from_matches(name, matches, &file),
        None => Sources::default(),
    };
    if let Command::Serve(config) | Command::Config(config) = &command {
        validate(config, &sources)?;
    }
    Ok(Loaded { command, sources })
}

fn config_path(matches: &ArgMatches) -> Option<PathBuf> {
    let (_, command) = matches.subcommand()?;
    command.try_get_one::<PathBuf>("config").ok().flatten().cloned()
}

/// Ignores empty environment variables: a Compose file cannot leave one unset.
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
        let Command::Config(config) = loaded.command else { panic!("the config command") };
        Ok((config, loaded.sources.to_string()))
    }

    #[test]
    fn a_flag_takes_precedence_over_the_file_and_the_file_over_the_default() {
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
    fn the_printed_settings_are_a_valid_settings_file() {
        let (_, printed) = load_with("log_format = 'json'", &[]).expect("settings");
        let (config, again) = load_with(&printed, &[]).expect("the same settings");
        assert_eq!(config.log_format, crate::config::LogFormat::Json);
        assert!(again.contains("log_format = \"json\"  # file"), "{again}");
    }

    #[test]
    fn conflicting_settings_are_refused() {
        let error = load_with("in_memory = true\ndata = '/data'", &[]).expect_err("both");
        assert!(matches!(error, LoadError::Conflict(_)), "{error}");
    }
}
