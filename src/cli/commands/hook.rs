//! `hook`: the implementation of the store's git hooks.

use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use crate::cli::bucket::open_if_copy;
use crate::cli::environment::{text_variable, variable};
use crate::cli::exit::{Error, Result};
use crate::cli::output::{self, Output};
use crate::cli::settings::Settings;
use crate::config::{NameRules, Options};
use crate::names::Author;
use crate::remote::{self, receive_hooks};
use crate::store::{DropPolicy, ObjectFormat, Pusher, Store};

/// Validate or publish a push; the store's git hooks run this command
///
/// Environment: WASMSTORE_PUSH_METHODS contains the methods that the pusher may use, joined by commas, or `*`; deleting and rewriting
/// refs needs DELETE. WASMSTORE_PUSH_AUTHOR is the only author, committer and tagger that the pusher may push. If these variables are not
/// set, as in pushes over ssh or to a path, the pusher may add commits but not rewrite history. WASMSTORE_PUSH_MAX_MODULE_BYTES,
/// WASMSTORE_PUSH_MAX_SECTION_BYTES, WASMSTORE_PUSH_MAX_VALIDATION_FUEL, WASMSTORE_PUSH_MAX_PATHS, WASMSTORE_PUSH_MAX_PATH_BYTES and
/// WASMSTORE_PUSH_MAX_TREE_PATH_BYTES limit the push. WASMSTORE_PUSH_PORTABLE_NAMES=true requires portable names, like
/// wasmstore.portableNames in the store's configuration.
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(in crate::cli) struct HookArgs {
    /// The name of the hook
    #[arg(value_enum)]
    hook: HookName,
}

/// The hooks of a store, by their names in githooks(5).
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum HookName {
    PreReceive,
    ProcReceive,
}

impl HookArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        // This process inherits the limits on memory and CPU time that the server sets for git processes. They are removed here, because
        // the checks of a push have their own limits.
        if variable("WASMSTORE_PUSH_METHODS").is_some() {
            remote::lift_limits();
        }
        let pusher = pusher()?;
        let root = settings.root()?;
        let mut options = Options::of_store(&root)?;
        override_limits(&mut options)?;
        options.names = NameRules {
            portable: variable("WASMSTORE_PUSH_PORTABLE_NAMES")
                .is_some_and(|value| value == "true"),
        };
        let store = match open_if_copy(&root, options)? {
            Some(copy) => copy,
            None => Store::open_or_create(&root, options, ObjectFormat::default())?,
        };
        match self.hook {
            HookName::PreReceive => {
                let quarantine = variable("GIT_QUARANTINE_PATH").map(PathBuf::from);
                let input = io::stdin().lock();
                let objections =
                    receive_hooks::pre_receive(&store, input, quarantine.as_deref(), &pusher)?;
                for objection in &objections {
                    output::print_error(&objection.to_string(), settings.color());
                }
                match objections.len() {
                    0 => Ok(()),
                    count => Err(Error::PushRefused(count)),
                }
            }
            HookName::ProcReceive => {
                let input = io::stdin().lock();
                receive_hooks::proc_receive(&store, input, out.writer(), &pusher)?;
                Ok(())
            }
        }
    }
}

/// Replaces limits by those of the server that runs the push. The server passes them in environment variables.
fn override_limits(options: &mut Options) -> Result<()> {
    let (modules, push) = (&mut options.modules, &mut options.push);
    override_limit(
        &mut modules.module_bytes_max,
        "WASMSTORE_PUSH_MAX_MODULE_BYTES",
    )?;
    override_limit(
        &mut modules.section_bytes_max,
        "WASMSTORE_PUSH_MAX_SECTION_BYTES",
    )?;
    override_limit(
        &mut modules.validation_fuel_max,
        "WASMSTORE_PUSH_MAX_VALIDATION_FUEL",
    )?;
    override_limit(&mut push.paths_max, "WASMSTORE_PUSH_MAX_PATHS")?;
    override_limit(&mut push.path_bytes_max, "WASMSTORE_PUSH_MAX_PATH_BYTES")?;
    override_limit(
        &mut push.tree_path_bytes_max,
        "WASMSTORE_PUSH_MAX_TREE_PATH_BYTES",
    )
}

fn override_limit<N: FromStr>(limit: &mut N, variable: &'static str) -> Result<()> {
    if let Some(number) = number(variable)? {
        *limit = number;
    }
    Ok(())
}

fn number<N: FromStr>(variable: &'static str) -> Result<Option<N>> {
    let text = text_variable(variable)?;
    let number = text.map(|text| text.parse().map_err(|_| Error::Number(variable)));
    number.transpose()
}

fn pusher() -> Result<Pusher> {
    let methods = text_variable("WASMSTORE_PUSH_METHODS")?.unwrap_or_default();
    let may_drop = methods
        .split(',')
        .any(|method| method == "*" || method == "DELETE");
    let author = text_variable("WASMSTORE_PUSH_AUTHOR")?;
    let author = author.map(|author| Author::parse(&author)).transpose()?;
    Ok(Pusher {
        drop_policy: if may_drop {
            DropPolicy::Allowed
        } else {
            DropPolicy::Refused
        },
        author,
    })
}
