//! `size`: prints the sizes of the parts of a module.

use clap::builder::{PossibleValuesParser, TypedValueParser as _};

use crate::cli::args::ReadArgs;
use crate::cli::content_name::{ContentName, describe, json_of_file};
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::printable;
use crate::wire::{PartJson, PartKind, PartSelection, SizesJson};

/// Print how large the parts of a module are
///
/// Prints the size in bytes, the share of the module and the name of each section, in order; with --by, of the largest functions, crates
/// (in C++ namespaces and classes) or data segments. JSON:
/// {"hash":"…","size":N,"sections":{"parts":[{"name":"…","size":N,…}],"size":N,"total":N,
/// "left_out":N}}, or "functions", "crates" or "data_segments" in place of "sections"; the hash of a file is null
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SizeArgs {
    /// The module's path, hash or digest; or a file on disk, which begins with `./`, `../` or `file:`
    #[arg(value_name = "PATH|HASH|FILE", value_parser = ContentName::parse)]
    name: ContentName,
    /// List these parts
    #[arg(long, value_name = "PARTS", default_value_t = PartKind::Section,
        value_parser = PossibleValuesParser::new(PartKind::ALL.map(PartKind::as_str)).map(|name| part_kind(&name)))]
    by: PartKind,
    /// List this many of the largest parts [default: all sections; 20 functions, crates or data segments]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    top: Option<u32>,
    #[command(flatten)]
    read: ReadArgs,
}

/// Returns the kind of parts with this name, which clap has checked.
fn part_kind(name: &str) -> PartKind {
    let mut kinds = PartKind::ALL.into_iter();
    let kind = kinds.find(|kind| kind.as_str() == name);
    kind.unwrap_or(PartKind::Section)
}

impl SizeArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let selection = PartSelection {
            by: Some(self.by),
            top: self.top.map(|top| top as usize),
        };
        let name = match &self.name {
            ContentName::Module(name) => name,
            ContentName::File(file) => {
                let described = describe(file, &self.read)?;
                let (hash, facts) = (described.details.hash, &described.facts.facts);
                let sizes = SizesJson::of(hash, facts, selection);
                if !out.is_json() {
                    return print(&sizes, self.by, out);
                }
                return out.json(&json_of_file(&sizes));
            }
        };
        let revision = settings.revision(&self.read)?;
        let sizes = settings.open()?.sizes(&revision, name, selection)?;
        if out.is_json() {
            out.json(&sizes)
        } else {
            print(&sizes, self.by, out)
        }
    }
}

/// Prints a table of the parts. The last line is their number and their total size.
fn print(sizes: &SizesJson, by: PartKind, out: &mut Output) -> Result<()> {
    let Some(list) = sizes.parts(by) else {
        return Ok(());
    };
    let width = sizes.size.to_string().len().max("bytes".len());
    out.line(format_args!("{:>width$}  {:>6}  {by}", "bytes", "share"))?;
    let mut line = |size: u64, name: &str| {
        let share = 100.0 * size as f64 / sizes.size.max(1) as f64;
        out.line(format_args!("{size:>width$}  {share:>5.1}%  {name}"))
    };
    for part in &list.parts {
        line(part.size, &printable(&label(part)))?;
    }
    let total = match list.left_out {
        0 => format!("all {}", list.total),
        _ => format!("{} of {}", list.parts.len(), list.total),
    };
    line(list.size, &total)
}

/// Returns the name of a part, and details that distinguish it from other parts with the same name.
fn label(part: &PartJson) -> String {
    let module = part.module.map(|module| format!("module[{module}] "));
    let module = module.unwrap_or_default();
    match (&part.custom, part.functions, part.address) {
        (Some(custom), ..) => format!("{} {custom:?}", part.name),
        (_, Some(functions), _) => format!("{} ({functions})", part.name),
        (.., Some(address)) => format!("{module}{} at {address:#x}", part.name),
        _ => format!("{module}{}", part.name),
    }
}
