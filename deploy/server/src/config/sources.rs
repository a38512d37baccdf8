//! Where each setting comes from.

use std::fmt;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _};

use super::Cli;
use super::file::File;

/// Where one setting comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A flag, with its name.
    Flag(String),
    /// An environment variable, with its name.
    Environment(String),
    /// The file.
    File,
    /// Nobody has said anything.
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
    /// As TOML, if there is one.
    value: Option<String>,
    source: Source,
}

/// All settings of a command; displayed, a file of settings with the sources as comments.
#[derive(Debug, Default)]
pub(crate) struct Sources(Vec<Setting>);

impl Sources {
    /// Those of a command that was understood.
    pub(crate) fn of(name: &str, matches: &ArgMatches, file: &File) -> Self {
        let cli = Cli::command();
        let Some(command) = cli.find_subcommand(name) else { return Self::default() };
        let settings = command.get_arguments().filter_map(|arg| {
            let key = arg.get_id().as_str();
            let flag = arg.get_long()?.to_owned();
            let variable = arg.get_env()?.to_string_lossy().into_owned();
            let source = match matches.value_source(key) {
                Some(ValueSource::CommandLine) => Source::Flag(flag),
                Some(ValueSource::EnvVariable) => Source::Environment(variable),
                _ if file.says(key) => Source::File,
                _ => Source::Default,
            };
            let words: Vec<_> = matches
                .get_raw(key)
                .unwrap_or_default()
                .map(|word| word.to_string_lossy().into_owned())
                .collect();
            let many = matches!(arg.get_action(), clap::ArgAction::Append);
            Some(Setting { key: key.to_owned(), value: toml_of(&words, many), source })
        });
        Self(settings.collect())
    }

    /// Where a setting comes from.
    pub(crate) fn get(&self, key: &str) -> Source {
        let setting = self.0.iter().find(|setting| setting.key == key);
        setting.map_or(Source::Default, |setting| setting.source.clone())
    }
}

impl fmt::Display for Sources {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Setting { key, value, source } in &self.0 {
            match value {
                // Where the file is cannot be set in the file.
                Some(value) if key == "config" => writeln!(out, "# {key} = {value}  # {source}")?,
                Some(value) => writeln!(out, "{key} = {value}  # {source}")?,
                None => writeln!(out, "# {key} is not set")?,
            }
        }
        Ok(())
    }
}

fn toml_of(words: &[String], many: bool) -> Option<String> {
    let one = |word: &String| {
        if word.parse::<bool>().is_ok() || word.parse::<u64>().is_ok() {
            word.clone()
        } else {
            toml::Value::String(word.clone()).to_string()
        }
    };
    match words {
        [] => None,
        [word] if !many => Some(one(word)),
        _ => Some(format!("[{}]", words.iter().map(one).collect::<Vec<_>>().join(", "))),
    }
}
