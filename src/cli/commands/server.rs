//! `server`: serves the store over HTTP.

pub(in crate::cli) use crate::cli::config::ServerArgs;

use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::server_settings::warn_if_keys_are_exposed;
use crate::cli::settings::Settings;
use crate::cli::{serve, server_check};

impl ServerArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        self.sources.warn_if_exposed();
        warn_if_keys_are_exposed(&self);
        if self.check {
            server_check::run(&self, settings, out)
        } else {
            serve::run(self, settings)
        }
    }
}
