//! Generates `docs/configuration.md` from the settings' declarations.

use std::fmt::Write as _;
use std::path::Path;

use clap::{ArgAction, Command, CommandFactory as _};

use super::commands::Cli;

const HEAD: &str = "# Settings

<!-- Generated from deploy/server/src/config/serve_config.rs by `make generate`. -->

No setting is required on one machine. Each setting is a flag of `orange-meets serve`, an
environment variable, or a key of the TOML file given with `--config`. Flags take precedence over
environment variables, and these over the file. An empty variable counts as not set. Separate
several values with commas; in the file, write a list.

`orange-meets config` accepts the same flags, validates the settings, and prints each with its value
and source. Its output is a valid settings file.

| key | flag | variable | default |
|---|---|---|---|
";

fn generate_page() -> String {
    let cli = Cli::command();
    let serve = cli.find_subcommand("serve").expect("the serve command");
    let mut page = HEAD.to_owned();
    let mut sections = String::new();
    for (key, row, help) in rows(serve) {
        page.push_str(&row);
        write!(sections, "\n## `{key}`\n\n{help}\n").expect("text");
    }
    page + &sections
}

/// Returns key, table row and help text of each setting.
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
                let meaning = choice.get_help().map(ToString::to_string).unwrap_or_default();
                write!(help, "\n- `{}`: {meaning}", choice.get_name()).expect("text");
            }
        }
        Some((key, row, help))
    })
}

#[test]
fn configuration_page_is_up_to_date() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let generated = generate_page();
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&page, generated).expect("written");
        return;
    }
    let committed = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(committed == generated, "docs/configuration.md is out of date: run `make generate`");
}
