//! The file of settings: TOML, one key a setting, without sections.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Command;
use clap::builder::Resettable;
use toml::{Table, Value};

/// Why a file of settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// It cannot be read.
    #[error(
        "the settings in {path} cannot be read: {source}; --config or ORANGE_CONFIG names the file"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no TOML.
    #[error("{path} is no TOML: {source}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// There is no such setting.
    #[error("{path}: there is no setting {key:?}; {advice}")]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// What was meant, perhaps.
        advice: String,
    },
    /// A value is of no use for its setting.
    #[error("{path}: {key}: {reason}")]
    BadValue {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// Why.
        reason: String,
    },
}

/// A file's settings, as the words that a flag would have.
#[derive(Debug, Default)]
pub(crate) struct File {
    path: PathBuf,
    values: BTreeMap<String, Vec<String>>,
}

impl File {
    /// Reads a file and holds it against the settings of `serve`.
    pub(crate) fn read(path: &Path, serve: &Command) -> Result<Self, FileError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| FileError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(path, &text, serve)
    }

    fn parse(path: &Path, text: &str, serve: &Command) -> Result<Self, FileError> {
        let table: Table = text.parse().map_err(|source| FileError::Syntax {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        let mut file = Self { path: path.to_owned(), values: BTreeMap::new() };
        for (key, value) in table {
            if !keys(serve).any(|known| known == key) {
                let advice = advice(&key, serve);
                return Err(FileError::UnknownKey { path: file.path, key, advice });
            }
            let words = words(&value).and_then(|words| {
                accepted(serve, &key, &words)?;
                Ok(words)
            });
            match words {
                Ok(words) => file.values.insert(key, words),
                Err(reason) => return Err(FileError::BadValue { path: file.path, key, reason }),
            };
        }
        Ok(file)
    }

    /// Whether the file has this setting.
    pub(crate) fn says(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// The file's settings in place of the defaults of a command.
    pub(crate) fn apply(&self, mut command: Command) -> Command {
        let known: Vec<_> = self.values.keys().filter(|key| has(&command, key)).cloned().collect();
        for key in known {
            let words = self.values[&key].clone();
            command = command.mut_arg(&key, |arg| arg.default_values(words));
        }
        command
    }
}

fn has(command: &Command, key: &str) -> bool {
    command.get_arguments().any(|arg| arg.get_id() == key)
}

/// What a file may set: everything but where the file is.
fn keys(serve: &Command) -> impl Iterator<Item = &str> {
    let all = serve.get_arguments().map(|arg| arg.get_id().as_str());
    all.filter(|key| !["config", "help"].contains(key))
}

fn advice(key: &str, serve: &Command) -> String {
    let near = keys(serve)
        .map(|known| (strsim::jaro_winkler(&key.to_lowercase().replace('-', "_"), known), known))
        .max_by(|one, other| one.0.total_cmp(&other.0));
    match near {
        Some((likeness, known)) if likeness > 0.8 => format!("{known} is meant, perhaps"),
        _ => "`orange-meets config` prints all there are".to_owned(),
    }
}

fn words(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Integer(number) => Ok(vec![number.to_string()]),
        Value::Boolean(said) => Ok(vec![said.to_string()]),
        Value::Array(values) => {
            let nested: Result<Vec<_>, _> = values.iter().map(words).collect();
            Ok(nested?.concat())
        }
        Value::Table(_) => Err("settings are not in sections; write key = value".to_owned()),
        Value::Float(_) | Value::Datetime(_) => {
            Err("no setting is a fraction or a date; write it in quotation marks".to_owned())
        }
    }
}

/// Reads words as those of the flag, to say here, with the file's name, what is wrong with them.
fn accepted(serve: &Command, key: &str, words: &[String]) -> Result<(), String> {
    let Some(arg) = serve.get_arguments().find(|arg| arg.get_id() == key) else { return Ok(()) };
    let many = matches!(arg.get_action(), clap::ArgAction::Append);
    if words.len() > 1 && !many {
        return Err("one value is wanted, not several".to_owned());
    }
    let alone = Command::new("file").no_binary_name(true).arg(
        arg.clone()
            .env(Resettable::<clap::builder::OsStr>::Reset)
            .action(if many { clap::ArgAction::Append } else { clap::ArgAction::Set })
            .num_args(1),
    );
    let name = arg.get_long().unwrap_or(key);
    let line = words.iter().map(|word| format!("--{name}={word}"));
    alone.try_get_matches_from(line).map(drop).map_err(|error| {
        let told = error.to_string();
        let first = told.lines().next().unwrap_or_default();
        first.trim_start_matches("error: ").to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Cli;
    use clap::CommandFactory as _;

    fn parse(text: &str) -> Result<File, String> {
        let cli = Cli::command();
        let serve = cli.find_subcommand("serve").expect("it serves");
        File::parse(Path::new("meet.toml"), text, serve).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_has_the_settings_that_it_names() {
        let file = parse("media_port = 9000\nadvertise = [\"203.0.113.7\", \"2001:db8::7\"]")
            .expect("good settings");
        assert!(file.says("media_port") && file.says("advertise") && !file.says("http"));
    }

    #[test]
    fn what_is_wrong_with_a_file_is_named_with_its_fix() {
        for (text, told) in [
            ("media_prot = 9000", "media_port is meant"),
            ("colour = 'red'", "orange-meets config"),
            ("config = 'other.toml'", "no setting \"config\""),
            ("media_port = 70000", "media_port: invalid value '70000'"),
            ("http = 'here'", "http: invalid value 'here'"),
            ("log_format = 'xml'", "log_format: invalid value 'xml'"),
            ("in_memory = 'perhaps'", "in_memory: invalid value 'perhaps'"),
            ("http = ['127.0.0.1:1', '127.0.0.1:2']", "one value is wanted"),
            ("[http]\nport = 80", "not in sections"),
            ("media_port = 80.5", "no setting is a fraction"),
            ("domain = 'https://meet.example'", "write the name alone"),
            ("trusted_proxies = ['10.0.0.0/33']", "write a network"),
            ("media_port =", "is no TOML"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains("meet.toml") && error.contains(told), "{text}: {error}");
        }
    }
}
