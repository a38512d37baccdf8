//! The settings: flags, environment variables, and a TOML file, in this order of precedence.
//!
//! Every setting of the server is declared once, as a field of [`ServeConfig`]. The field's name is
//! the key in the file, whose values go through the same parser as the flag's, and
//! `docs/configuration.md` is generated from the same declarations.

mod commands;
#[cfg(test)]
mod documentation;
mod file;
mod load;
mod serve_config;
mod sources;
mod validate;
mod value_parsers;

pub(crate) use commands::{Command, DoctorConfig, HealthcheckConfig, RoomsAction, RoomsConfig};
pub(crate) use load::{LoadError, Loaded, load};
pub(crate) use serve_config::{LogFormat, ServeConfig};
