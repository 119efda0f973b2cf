//! `hook`: what git calls when something is pushed.

use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use crate::cli::exit::{Error, Result};
use crate::cli::output::{self, Output};
use crate::cli::settings::{Settings, text_variable, variable};
use crate::config::{ModuleLimits, Options, PushLimits};
use crate::names::Author;
use crate::remote::receive_hooks;
use crate::store::{Dropping, ObjectFormat, Pusher, Store};

/// Check or publish a push: the store's hooks call this
///
/// Environment: WASMSTORE_PUSH_METHODS has the methods that who pushes may use, joined by commas, or `*`; DELETE is needed to delete
/// and rewrite. WASMSTORE_PUSH_AUTHOR is whose commits they may push. Who pushes over ssh or by a path may add and not rewrite,
/// unless these say otherwise. WASMSTORE_PUSH_MAX_MODULE_BYTES, WASMSTORE_PUSH_MAX_SECTION_BYTES and
/// WASMSTORE_PUSH_MAX_PATHS limit it.
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(in crate::cli) struct HookArgs {
    /// Which
    #[arg(value_enum)]
    hook: Name,
}

/// The hooks of githooks(5) that a store has.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Name {
    PreReceive,
    ProcReceive,
}

impl HookArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let pusher = pusher()?;
        let push = PushLimits::default();
        let options = Options {
            modules: limits()?,
            push: PushLimits {
                paths_max: number("WASMSTORE_PUSH_MAX_PATHS")?.unwrap_or(push.paths_max),
                ..push
            },
            ..Options::default()
        };
        let store = Store::open_or_create(&settings.root()?, options, ObjectFormat::default())?;
        match self.hook {
            Name::PreReceive => {
                let quarantine = variable("GIT_QUARANTINE_PATH").map(PathBuf::from);
                let input = io::stdin().lock();
                let objections =
                    receive_hooks::pre_receive(&store, input, quarantine.as_deref(), &pusher)?;
                for objection in &objections {
                    output::complain(&objection.to_string(), settings.color());
                }
                match objections.len() {
                    0 => Ok(()),
                    count => Err(Error::Refused(count)),
                }
            }
            Name::ProcReceive => {
                let input = io::stdin().lock();
                Ok(receive_hooks::proc_receive(
                    &store,
                    input,
                    out.raw(),
                    &pusher,
                )?)
            }
        }
    }
}

fn limits() -> Result<ModuleLimits> {
    let usual = ModuleLimits::default();
    let module = number("WASMSTORE_PUSH_MAX_MODULE_BYTES")?;
    let section = number("WASMSTORE_PUSH_MAX_SECTION_BYTES")?;
    Ok(ModuleLimits {
        module_bytes_max: module.unwrap_or(usual.module_bytes_max),
        section_bytes_max: section.unwrap_or(usual.section_bytes_max),
    })
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
        dropping: match may_drop {
            true => Dropping::Allowed,
            false => Dropping::Refused,
        },
        author,
    })
}
