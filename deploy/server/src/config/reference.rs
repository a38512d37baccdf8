//! Writes `docs/configuration.md` from the settings' declarations.

use std::fmt::Write as _;
use std::path::Path;

use clap::{ArgAction, Command, CommandFactory as _};

use super::Cli;

const HEAD: &str = "# Settings

<!-- Written from deploy/server/src/config; `make generate` writes it anew. -->

Nothing has to be set to try it on one machine. Each setting is a flag of `orange-meets serve`, an
environment variable, or a key of a TOML file that `--config` names. A flag wins over a variable,
a variable over the file. An empty variable counts as not set. Several values are separated by
commas, in the file they are a list.

`orange-meets config` takes the same flags, prints every setting with its value and where that
comes from, and fails on what cannot be meant. What it prints is a valid file.

| key | flag | variable | default |
|---|---|---|---|
";

fn reference() -> String {
    let cli = Cli::command();
    let serve = cli.find_subcommand("serve").expect("it serves");
    let mut page = HEAD.to_owned();
    let mut words = String::new();
    for (key, row, help) in rows(serve) {
        page.push_str(&row);
        write!(words, "\n## `{key}`\n\n{help}\n").expect("text");
    }
    page + &words
}

/// Key, row of the table and words of each setting.
fn rows(serve: &Command) -> impl Iterator<Item = (&str, String, String)> {
    serve.get_arguments().filter_map(|arg| {
        let (key, flag) = (arg.get_id().as_str(), arg.get_long()?);
        let variable = arg.get_env()?.to_str()?;
        let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
        let names = arg.get_value_names().filter(|_| !is_switch);
        let value = names.map(|names| format!(" {}", names[0])).unwrap_or_default();
        let default = arg.get_default_values().first().and_then(|value| value.to_str());
        let default = default.map_or(String::new(), |value| format!("`{value}`"));
        let row = format!("| [`{key}`](#{key}) | `--{flag}{value}` | `{variable}` | {default} |\n");
        let help = arg.get_long_help().or(arg.get_help())?.to_string();
        let choices = arg.get_possible_values();
        let mut help = help.trim_end_matches('.').to_owned() + ".";
        if !is_switch {
            for choice in choices {
                let words = choice.get_help().map(ToString::to_string).unwrap_or_default();
                write!(help, "\n- `{}`: {words}", choice.get_name()).expect("text");
            }
        }
        Some((key, row, help))
    })
}

#[test]
fn the_page_of_settings_is_the_one_that_the_code_writes() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let fresh = reference();
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&page, fresh).expect("written");
        return;
    }
    let stale = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(stale == fresh, "docs/configuration.md is stale: run `make generate`");
}
