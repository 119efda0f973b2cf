//! `login`: saves the API key for a server.

use std::io::{self, IsTerminal as _, Read as _};

use console::Term;
use serde::Serialize;

use crate::cli::exit::{Error, Result};
use crate::cli::logins::{Login, Logins};
use crate::cli::output::{Output, print_note};
use crate::cli::server_key::{KeySource, ServerKey};
use crate::cli::settings::Settings;
use crate::cli::url_or_login::UrlOrLogin;
use crate::names::{LoginName, ServerUrl};
use crate::remote::StoreOperations as _;

/// The maximum number of bytes that are read from standard input for the key.
const INPUT_BYTES_MAX: u64 = 8 << 10;

/// Save a key for a server; commands then send the key to this server
///
/// Reads the key from --key-file, else from standard input; on a terminal from a prompt that does not show it. The key is stored only if
/// the server accepts it, in $XDG_CONFIG_HOME/wasmstore/logins.json (~/.config), which only you can read. It is sent to this server alone.
/// --key-file, WASMSTORE_KEY and WASMSTORE_KEY_FILE of a later command take precedence. Another login to the server replaces the key.
///
/// Prints nothing; with --list, lines of URL, tab and @NAME, and never a key. JSON: {"url":"…","name":"…"|null}; with --list an array of
/// these
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct LoginArgs {
    /// The URL of the server, or the name of an earlier login whose key is replaced
    #[arg(value_name = "URL|@NAME", value_parser = |text: &str| UrlOrLogin::parse(text, ServerUrl::parse_base), required_unless_present = "list")]
    url: Option<UrlOrLogin<ServerUrl>>,
    /// Give the server a short name, so that `--root @NAME` selects it
    #[arg(long, value_parser = LoginName::parse)]
    name: Option<LoginName>,
    /// List the servers that have a login
    #[arg(long, conflicts_with_all = ["url", "name"])]
    list: bool,
}

impl LoginArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        // The login file is read first, so that a failure is reported before the user types the key.
        let logins = Logins::read()?;
        let url = match self.url {
            Some(UrlOrLogin::Url(url)) => url,
            Some(UrlOrLogin::Login(name)) => logins.find_name(&name)?.url().clone(),
            None => return print_list(&logins, out),
        };
        let key = match settings.key_of_flag()? {
            Some(key) => key,
            None => read_key(&url)?,
        };
        settings.client(url.clone(), Some(&key))?.default_branch()?;
        let is_open = settings.client(url.clone(), None)?.default_branch().is_ok();
        let (logins, ()) = Logins::update(|logins| {
            logins.insert(url.clone(), self.name.as_ref(), key.expose().to_owned());
            Ok(())
        })?;
        if !settings.is_quiet() {
            print_note(&format!("the key for {url} is in {:?}", logins.path()));
            if is_open {
                print_note(&format!("{url} accepts requests without a key, too"));
            }
        }
        match logins.find(&url) {
            Some(login) => out.json_only(&describe(login)),
            None => Ok(()),
        }
    }
}

fn print_list(logins: &Logins, out: &mut Output) -> Result<()> {
    if out.is_json() {
        return out.json(&logins.iter().map(describe).collect::<Vec<_>>());
    }
    for login in logins.iter() {
        let name = login.name().map(|name| format!("\t@{name}"));
        out.line(format!("{}{}", login.url(), name.unwrap_or_default()))?;
    }
    Ok(())
}

/// A login as JSON, without its key.
#[derive(Serialize)]
struct LoginJson<'l> {
    url: String,
    name: Option<&'l str>,
}

fn describe(login: &Login) -> LoginJson<'_> {
    LoginJson {
        url: login.url().to_string(),
        name: login.name(),
    }
}

fn read_key(url: &ServerUrl) -> Result<ServerKey> {
    let failed = |source| Error::Input {
        path: "-".into(),
        source,
    };
    let mut text = String::new();
    if io::stdin().is_terminal() {
        let terminal = Term::stderr();
        let prompt = format!("Key for {url} (not shown): ");
        terminal.write_str(&prompt).map_err(failed)?;
        text = terminal.read_secure_line().map_err(failed)?;
    } else {
        let mut input = io::stdin().lock().take(INPUT_BYTES_MAX);
        input.read_to_string(&mut text).map_err(failed)?;
    }
    let key = text.trim_end_matches(['\r', '\n']).to_owned();
    ServerKey::new(key, KeySource::Input)
}
