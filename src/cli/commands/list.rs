//! `list`: lists modules.

use std::ops::ControlFlow;

use crate::cli::args::ReadArgs;
use crate::cli::exit::Result;
use crate::cli::local_time;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::show_each::show_each;
use crate::names::TreePath;
use crate::remote::StoreOperations;
use crate::store::{self, ListedModule, ModuleKind, Revision};
use crate::wire::{ListedModuleJson, Modules};

/// Print the hash and path of every module
///
/// Prints lines of `<hash>` tab `/<path>`, sorted by path. With --long, prints size in bytes, date of the last change in local time, kind,
/// hash and path in columns. JSON: {"/<path>":"<hash>",…}; with --long, [{"path":"/…","hash":"…","size":N,"kind":"module"|"component"|null,
/// "commit":"…"|null,"date":<unix seconds>|null},…], with the commit of the last change
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ListArgs {
    /// List only the modules in this directory
    #[arg(default_value = "/", value_parser = TreePath::parse)]
    prefix: TreePath,
    /// Print size, date of the last change and kind, too
    #[arg(short, long)]
    long: bool,
    #[command(flatten)]
    read: ReadArgs,
}

impl ListArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let revision = settings.revision(&self.read)?;
        let store = settings.open()?;
        if self.long {
            return self.print_details(store.as_ref(), &revision, out);
        }
        let modules = store.list(&revision, &self.prefix)?;
        self.check_found(modules.len())?;
        if out.is_json() {
            return out.json(&Modules(&modules));
        }
        for (path, hash) in modules {
            out.text(format_args!("{hash}\t{path}\n"))?;
        }
        Ok(())
    }

    fn print_details(
        &self,
        store: &dyn StoreOperations,
        revision: &Revision,
        out: &mut Output,
    ) -> Result<()> {
        let mut count = 0;
        let find = |visit: &mut dyn FnMut(ListedModule) -> ControlFlow<()>| {
            store.list_details(revision, &self.prefix, visit)
        };
        if out.is_json() {
            let mut array = out.array();
            show_each(find, |listed| {
                count += 1;
                array.push(&ListedModuleJson::from(listed))
            })?;
            self.check_found(count)?;
            return array.end();
        }
        // The width of the size column depends on the largest module, so all modules are collected before the first is printed.
        let mut modules = Vec::new();
        show_each(find, |listed| {
            modules.push(listed);
            Ok(())
        })?;
        self.check_found(modules.len())?;
        let sizes = modules.iter().map(|listed| listed.size_bytes);
        let width = sizes.max().unwrap_or_default().to_string().len();
        for listed in modules {
            let date = listed
                .last_change
                .map(|change| local_time::sortable(change.date_s));
            let date = date.unwrap_or_else(|| "-".to_owned());
            let kind = listed.kind.map_or("-", ModuleKind::as_str);
            let ListedModule {
                size_bytes,
                hash,
                path,
                ..
            } = listed;
            out.line(format_args!(
                "{size_bytes:>width$}  {date:<19}  {kind:<9}  {hash}  {path}"
            ))?;
        }
        Ok(())
    }

    /// Fails if no module was found in a directory other than the root: directories without modules do not exist.
    fn check_found(&self, count: usize) -> Result<()> {
        if count == 0 && !self.prefix.is_root() {
            return Err(store::Error::NoDirectory(self.prefix.to_string()).into());
        }
        Ok(())
    }
}
