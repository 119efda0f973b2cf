//! `diff`: compares the modules of two commits, or two modules.

use std::ops::ControlFlow;

use super::diff_text;
use crate::cli::change_line::print_change;
use crate::cli::color::DiffColor;
use crate::cli::content_name::ContentName;
use crate::cli::diff_side::DiffSide;
use crate::cli::exit::{Error, Result};
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::show_each::show_each;
use crate::names::{ModuleRef, TreePath, printable};
use crate::remote::StoreOperations;
use crate::store::{
    ChangeFilter, CommitFilter, ModuleComparison, PathChange, Revision, compare_validated,
};
use crate::wire;

/// Print which modules differ between two commits, or how two modules differ
///
/// A and B are two commits, branches or tags, or two modules: the path of a module on the branch, its hash or digest, or a file. `./`,
/// `../` and `file:` mark a file, and a leading slash marks a path. Without B, A is the path of a module, which is compared with its
/// version before. For two commits, prints one line for each path that differs, sorted: `A` tab `/<path>` tab `<hash>` for a module that
/// only B has, `D` with the same columns for a module that only A has, and `M` tab `/<path>` tab `<old hash>` tab `<new hash>` for an
/// updated module. For two modules that differ, prints `M` tab A tab B. Indented lines below an `M` line show the differences: the verdict
/// `same`, `compatible` or `breaking` on whether B can stand in for A, with the reasons; kind, size in bytes, imports and exports with
/// their types, names of custom sections, producers, sizes of sections. In the indented lines, `+` marks items that only the new module
/// has, `-` items that only the old module has, and `~` items that differ. Exits with 0 even if there are differences, unless --exit-code
/// is given.
/// JSON: [{"path":"/…","action":"added"|"removed","hash":"…"},{"path":"/…","action":"updated","hash":{"old":"…","new":"…"},
/// "verdict":"same"|"compatible"|"breaking","reasons":{"breaking":["…"],"compatible":["…"],"left_out":N},
/// "size":{"old":N,"new":N},"kind":{"old":"module"|"component","new":…},
/// "imports":[{"module":"…"|null,"name":"…","old":"<type>"|null,"new":"<type>"|null}],"exports":[{"name":"…","old":…,"new":…}],
/// "custom_sections":{"added":["…"],"removed":["…"]},
/// "producers":[{"field":"…","name":"…","old":"<version>"|null,"new":"<version>"|null}],
/// "sections":[{"kind":"…","name":"…","old":N|null,"new":N|null}]}]; "name" only for custom sections; if one of the two is not a valid
/// module,
/// "not_compared":"<reason>" replaces everything after the hash. For two modules: one such object instead of an array, with
/// "name":{"old":"A","new":"B"} instead of path and action; the hash of a file is null
#[derive(Debug, clap::Args)]
#[command(override_usage = "wasmstore diff <A> <B> [PATH]\n       wasmstore diff <PATH>")]
pub(in crate::cli) struct DiffArgs {
    /// The old commit, branch, tag, module or file; or the only PATH
    #[arg(value_name = "A")]
    old: String,
    /// The new commit, branch, tag, module or file
    #[arg(value_name = "B")]
    new: Option<String>,
    /// Compare only this module or directory of two commits
    #[arg(default_value = "/", hide_default_value = true, value_parser = TreePath::parse)]
    path: TreePath,
    /// Exit with 1 if there are differences
    #[arg(long)]
    exit_code: bool,
}

impl DiffArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let store = settings.open()?;
        let store = store.as_ref();
        let branch = settings.branch()?;
        let tree = settings.remember(Revision::Branch(branch.clone()));
        let old = DiffSide::parse(&self.old, store, branch.clone())?;
        let Some(new_name) = &self.new else {
            let has_differences = self.with_version_before(store, &tree, old, out)?;
            return self.finish(has_differences);
        };
        let names = (&*self.old, &**new_name);
        let new = DiffSide::parse(new_name, store, branch)?;
        let has_differences = match (old, new) {
            (DiffSide::Revision(old), DiffSide::Revision(new)) => {
                let (old, new) = (store.pin(&old)?, settings.remember(new));
                self.commits(store, (&old, &store.pin(&new)?), out)?
            }
            (DiffSide::Content(old), DiffSide::Content(new)) if self.path.is_root() => {
                compare_contents(store, &tree, names, (old, new), out)?
            }
            (DiffSide::Content(_), DiffSide::Content(_)) => {
                return Err(Error::Usage(
                    "PATH works only if A and B are commits, branches or tags, but they are modules or files",
                ));
            }
            (old, new) => {
                let kinds = (old.kind(), new.kind());
                let new_name = new_name.clone();
                return Err(Error::MixedDiff(self.old, new_name, kinds.0, kinds.1));
            }
        };
        self.finish(has_differences)
    }

    fn finish(&self, has_differences: bool) -> Result<()> {
        if has_differences && self.exit_code {
            return Err(Error::Differences);
        }
        Ok(())
    }

    /// Compares the module at a path with the newest other module that the path had before, and returns whether there are differences.
    ///
    /// # Errors
    /// The only argument is not the path of a module, or the path has only one version.
    fn with_version_before(
        &self,
        store: &dyn StoreOperations,
        tree: &Revision,
        side: DiffSide,
        out: &mut Output,
    ) -> Result<bool> {
        let kind = side.kind();
        let DiffSide::Content(ContentName::Module(ModuleRef::Path(path))) = side else {
            return Err(Error::OneSide(self.old.clone(), kind));
        };
        let tree = store.pin(tree)?;
        let current = store
            .hash(&tree, &ModuleRef::Path(path.clone()))?
            .to_string();
        let mut before = None;
        let all = (&ChangeFilter::default(), &CommitFilter::default());
        store.log_path(&tree, &path, all, &mut |commit| {
            before = commit.module.flatten().filter(|hash| *hash != current);
            match before {
                Some(_) => ControlFlow::Break(()),
                None => ControlFlow::Continue(()),
            }
        })?;
        let before = before.ok_or_else(|| Error::OnlyVersion(path.to_string()))?;
        let old = ModuleRef::parse(&before)?;
        let sides = (old, ModuleRef::Path(path));
        let sides = (ContentName::Module(sides.0), ContentName::Module(sides.1));
        compare_contents(store, &tree, (&before, &self.old), sides, out)
    }

    /// Prints the differences between two trees, and returns whether there are any.
    fn commits(
        &self,
        store: &dyn StoreOperations,
        (old, new): (&Revision, &Revision),
        out: &mut Output,
    ) -> Result<bool> {
        let mut has_differences = false;
        // Differences are printed while they are found, because there may be millions.
        let find = |visit: &mut dyn FnMut(PathChange) -> ControlFlow<()>| {
            store.diff(old, new, &self.path, visit)
        };
        if out.is_json() {
            let mut array = out.array();
            show_each(find, |change| {
                has_differences = true;
                let comparison = store.compare(old, new, &change)?;
                match wire::PathDiff::new(&change, comparison.as_ref()) {
                    Some(diff) => array.push(&diff),
                    None => Ok(()),
                }
            })?;
            array.end()?;
            return Ok(has_differences);
        }
        show_each(find, |change| {
            has_differences = true;
            print_change(&change, out)?;
            match store.compare(old, new, &change)? {
                Some(comparison) => print_comparison(&comparison, out),
                None => Ok(()),
            }
        })?;
        Ok(has_differences)
    }
}

/// Prints the differences between two modules or files, and returns whether there are any. `names` are printed as the names of the two: the
/// arguments of the command, or the hash of an older version.
fn compare_contents(
    store: &dyn StoreOperations,
    tree: &Revision,
    names: (&str, &str),
    sides: (ContentName, ContentName),
    out: &mut Output,
) -> Result<bool> {
    let tree = &store.pin(tree)?;
    let (hashes, is_same, comparison) = match &sides {
        (ContentName::Module(old), ContentName::Module(new)) => {
            let compared = store.compare_modules(tree, old, new)?;
            let hashes = (Some(compared.old), Some(compared.new));
            (hashes, compared.old == compared.new, compared.comparison)
        }
        (old, new) => {
            let (old, new) = (old.read(store, tree)?, new.read(store, tree)?);
            let diff = compare_validated((names.0, &old.1), (names.1, &new.1))?;
            let comparison = ModuleComparison::Compared(diff);
            ((old.0, new.0), old.1 == new.1, comparison)
        }
    };
    if out.is_json() {
        out.json(&wire::NamedModulesDiff::new(names, hashes, &comparison))?;
    } else if !is_same {
        out.colored(DiffColor::Updated, "M")?;
        let (old, new) = (printable(names.0), printable(names.1));
        out.text(format_args!("\t{old}\t{new}\n"))?;
        print_comparison(&comparison, out)?;
    }
    Ok(!is_same)
}

fn print_comparison(comparison: &ModuleComparison, out: &mut Output) -> Result<()> {
    match comparison {
        ModuleComparison::Compared(diff) => diff_text::print(diff, out),
        ModuleComparison::NotComparable(reason) => diff_text::print_reason(reason, out),
    }
}
