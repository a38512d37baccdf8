//! The source of each setting.

use std::fmt;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _};

use super::commands::Cli;
use super::file::File;

/// The source of a setting's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// The flag with this name.
    Flag(String),
    /// The environment variable with this name.
    Environment(String),
    /// The settings file.
    File,
    /// The default.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(out, "flag --{name}"),
            Self::Environment(name) => write!(out, "variable {name}"),
            Self::File => out.write_str("file"),
            Self::Default => out.write_str("default"),
        }
    }
}

#[derive(Debug)]
struct Setting {
    key: String,
    /// The value as TOML; `None` if the setting is not set.
    value: Option<String>,
    source: Source,
}

/// The settings of a command. `Display` writes a settings file with the sources as comments.
#[derive(Debug, Default)]
pub(crate) struct Sources(Vec<Setting>);

impl Sources {
    /// Collects the settings of the command `name` from its parsed arguments.
    pub(crate) fn from_matches(name: &str, matches: &ArgMatches, file: &File) -> Self {
        let cli = Cli::command();
        let Some(command) = cli.find_subcommand(name) else { return Self::default() };
        let settings = command.get_arguments().filter_map(|arg| {
            let key = arg.get_id().as_str();
            let flag = arg.get_long()?.to_owned();
            let variable = arg.get_env()?.to_string_lossy().into_owned();
            let source = match matches.value_source(key) {
                Some(ValueSource::CommandLine) => Source::Flag(flag),
                Some(ValueSource::EnvVariable) => Source::Environment(variable),
                _ if file.contains(key) => Source::File,
                _ => Source::Default,
            };
            let strings: Vec<_> = matches
                .get_raw(key)
                .unwrap_or_default()
                .map(|string| string.to_string_lossy().into_owned())
                .collect();
            let many = matches!(arg.get_action(), clap::ArgAction::Append);
            Some(Setting { key: key.to_owned(), value: to_toml(&strings, many), source })
        });
        Self(settings.collect())
    }

    /// Returns the source of the setting `key`.
    pub(crate) fn get(&self, key: &str) -> Source {
        let setting = self.0.iter().find(|setting| setting.key == key);
        setting.map_or(Source::Default, |setting| setting.source.clone())
    }
}

impl fmt::Display for Sources {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Setting { key, value, source } in &self.0 {
            match value {
                // The file cannot set its own path.
                Some(value) if key == "config" => writeln!(out, "# {key} = {value}  # {source}")?,
                Some(value) => writeln!(out, "{key} = {value}  # {source}")?,
                None => writeln!(out, "# {key} is not set")?,
            }
        }
        Ok(())
    }
}

/// Writes strings as a TOML value; returns `None` if there are none.
fn to_toml(strings: &[String], many: bool) -> Option<String> {
    let to_value = |string: &String| {
        if string.parse::<bool>().is_ok() || string.parse::<u64>().is_ok() {
            string.clone()
        } else {
            toml::Value::String(string.clone()).to_string()
        }
    };
    match strings {
        [] => None,
        [string] if !many => Some(to_value(string)),
        _ => Some(format!("[{}]", strings.iter().map(to_value).collect::<Vec<_>>().join(", "))),
    }
}
