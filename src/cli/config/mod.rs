//! The settings of a server: flags, environment variables and a configuration file.
//!
//! `server_args` and the other `*_args` files define the flags, their types and their defaults; clap parses them. `file` reads the
//! configuration file (`wasmstore.toml`), in which each flag is a key under its long name. `combine` merges the three layers: a flag
//! takes precedence over its variable, and the variable over the file. It also records which layer set each setting.
//!
//! The file and the variables may contain keys and passwords. Error messages therefore repeat only names of keys, numbers and branch
//! names, never any other value.

mod bucket_args;
mod combine;
mod error;
mod file;
mod file_value;
mod limit_args;
mod replica_args;
mod resolve;
mod schedule_args;
mod server_args;
mod source;
mod value;
mod value_impls;
mod value_types;

pub(super) use error::ConfigError;
#[cfg(fuzzing)]
pub use file::parse_configuration;
pub(super) use resolve::resolve;
pub(super) use server_args::{ServerArgs, ServerFlags};
pub(super) use value_types::{AtLeast, Seconds};
