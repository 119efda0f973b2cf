//! `logout`: deletes the saved API key for a server.

use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser as _};
use serde_json::json;

use crate::cli::exit::{Error, Result};
use crate::cli::logins::Logins;
use crate::cli::output::Output;
use crate::cli::root_setting::RootSetting;
use crate::cli::settings::Settings;
use crate::cli::store_location::StoreLocation;
use crate::names::{self, ServerUrl};

/// Delete the key that `login` saved for a server
///
/// The server still accepts the key; its operator can revoke it. Prints nothing. JSON: {"url":"…"}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct LogoutArgs {
    /// The server
    #[arg(value_name = "URL|@NAME", value_parser = PathBufValueParser::new().try_map(parse))]
    server: (PathBuf, RootSetting),
}

/// Parses the argument, and returns it with the parsed form. Accepts URLs that [`ServerUrl::parse_base`] rejects, such as the URL of a web
/// page, because the login file may contain such a URL.
fn parse(text: PathBuf) -> Result<(PathBuf, RootSetting), names::Error> {
    let setting = match ServerUrl::parse(&text.to_string_lossy()) {
        Ok(url) => RootSetting::Location(StoreLocation::Server(url)),
        Err(_) => RootSetting::parse(text.clone())?,
    };
    Ok((text, setting))
}

impl LogoutArgs {
    pub fn run(self, _: &Settings, out: &mut Output) -> Result<()> {
        let logins = Logins::read()?;
        let (text, server) = self.server;
        let url = match server {
            RootSetting::Location(StoreLocation::Server(url)) => url,
            RootSetting::Location(StoreLocation::Directory(_)) => {
                let text = text.to_string_lossy().into_owned();
                return Err(Error::DirectoryAsServer(text));
            }
            RootSetting::Login(name) => logins.find_name(&name)?.url().clone(),
        };
        let unknown = || Error::NoLogin(url.to_string());
        logins.find(&url).ok_or_else(unknown)?;
        Logins::update(|logins| logins.remove(&url).then_some(()).ok_or_else(unknown))?;
        out.json_only(&json!({"url": url.to_string()}))
    }
}
