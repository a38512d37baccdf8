//! The settings file: TOML, one key per setting, no sections.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Command;
use clap::builder::Resettable;
use toml::{Table, Value};

/// Why the settings file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// The file cannot be read.
    #[error(
        "the settings file {path} cannot be read: {source}; it is set with --config or ORANGE_CONFIG"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not valid TOML.
    #[error("{path} is not valid TOML: {source}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A key is not the name of a setting.
    #[error("{path}: there is no setting {key:?}; {advice}")]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// A similar key, or where to find all of them.
        advice: String,
    },
    /// A value is invalid for its setting.
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

/// The settings in the file, as the strings that their flags would take.
#[derive(Debug, Default)]
pub(crate) struct File {
    path: PathBuf,
    values: BTreeMap<String, Vec<String>>,
}

impl File {
    /// Reads a file and validates it against the settings of the `serve` command.
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
            let strings = to_strings(&value).and_then(|strings| {
                validate(serve, &key, &strings)?;
                Ok(strings)
            });
            match strings {
                Ok(strings) => file.values.insert(key, strings),
                Err(reason) => return Err(FileError::BadValue { path: file.path, key, reason }),
            };
        }
        Ok(file)
    }

    /// Returns `true` if the file sets `key`.
    pub(crate) fn contains(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// Replaces the defaults of a command's settings by the values in the file.
    pub(crate) fn apply(&self, mut command: Command) -> Command {
        let known: Vec<_> =
            self.values.keys().filter(|key| has_setting(&command, key)).cloned().collect();
        for key in known {
            let strings = self.values[&key].clone();
            command = command.mut_arg(&key, |arg| arg.default_values(strings));
        }
        command
    }
}

fn has_setting(command: &Command, key: &str) -> bool {
    command.get_arguments().any(|arg| arg.get_id() == key)
}

/// Returns the keys that a file may set: all settings but the path of the file.
fn keys(serve: &Command) -> impl Iterator<Item = &str> {
    let all = serve.get_arguments().map(|arg| arg.get_id().as_str());
    all.filter(|key| !["config", "help"].contains(key))
}

fn advice(key: &str, serve: &Command) -> String {
    let most_similar = keys(serve)
        .map(|known| (strsim::jaro_winkler(&key.to_lowercase().replace('-', "_"), known), known))
        .max_by(|one, other| one.0.total_cmp(&other.0));
    match most_similar {
        Some((similarity, known)) if similarity > 0.8 => format!("did you mean {known}?"),
        _ => "`orange-meets config` prints all settings".to_owned(),
    }
}

fn to_strings(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Integer(number) => Ok(vec![number.to_string()]),
        Value::Boolean(flag) => Ok(vec![flag.to_string()]),
        Value::Array(values) => {
            let nested: Result<Vec<_>, _> = values.iter().map(to_strings).collect();
            Ok(nested?.concat())
        }
        Value::Table(_) => Err("there are no sections; write key = value".to_owned()),
        Value::Float(_) | Value::Datetime(_) => {
            Err("no setting is a fraction or a date; put text in quotation marks".to_owned())
        }
    }
}

/// Parses strings as the values of their flag, so that errors name the file and the key.
fn validate(serve: &Command, key: &str, strings: &[String]) -> Result<(), String> {
    let Some(arg) = serve.get_arguments().find(|arg| arg.get_id() == key) else { return Ok(()) };
    let many = matches!(arg.get_action(), clap::ArgAction::Append);
    if strings.len() > 1 && !many {
        return Err("the setting takes one value, not several".to_owned());
    }
    let parser = Command::new("file").no_binary_name(true).arg(
        arg.clone()
            .env(Resettable::<clap::builder::OsStr>::Reset)
            .action(if many { clap::ArgAction::Append } else { clap::ArgAction::Set })
            .num_args(1),
    );
    let name = arg.get_long().unwrap_or(key);
    let line = strings.iter().map(|string| format!("--{name}={string}"));
    parser.try_get_matches_from(line).map(drop).map_err(|error| {
        let message = error.to_string();
        let first = message.lines().next().unwrap_or_default();
        first.trim_start_matches("error: ").to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::commands::Cli;
    use clap::CommandFactory as _;

    fn parse(text: &str) -> Result<File, String> {
        let cli = Cli::command();
        let serve = cli.find_subcommand("serve").expect("the serve command");
        File::parse(Path::new("meet.toml"), text, serve).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_contains_the_settings_that_it_sets() {
        let file = parse("media_port = 9000\nadvertise = [\"203.0.113.7\", \"2001:db8::7\"]")
            .expect("valid settings");
        assert!(file.contains("media_port") && file.contains("advertise"));
        assert!(!file.contains("http"));
    }

    #[test]
    fn an_error_in_the_file_names_the_file_and_the_fix() {
        for (text, expected) in [
            ("media_prot = 9000", "did you mean media_port?"),
            ("colour = 'red'", "orange-meets config"),
            ("config = 'other.toml'", "no setting \"config\""),
            ("media_port = 70000", "media_port: invalid value '70000'"),
            ("http = 'here'", "http: invalid value 'here'"),
            ("log_format = 'xml'", "log_format: invalid value 'xml'"),
            ("in_memory = 'perhaps'", "in_memory: invalid value 'perhaps'"),
            ("http = ['127.0.0.1:1', '127.0.0.1:2']", "takes one value"),
            ("[http]\nport = 80", "no sections"),
            ("media_port = 80.5", "no setting is a fraction"),
            ("domain = 'https://meet.example'", "write the name alone"),
            ("trusted_proxies = ['10.0.0.0/33']", "write a network"),
            ("media_port =", "is not valid TOML"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains("meet.toml") && error.contains(expected), "{text}: {error}");
        }
    }
}
