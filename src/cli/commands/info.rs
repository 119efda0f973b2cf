//! `info`: prints a description of a module.

use crate::cli::args::ReadArgs;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::{ModuleRef, printable};
use crate::wire;

/// Print the contents of a module
///
/// Prints kind, size in bytes, digest, hash, imports, exports, custom sections and producers, one per line. JSON:
/// {"hash":"…","digest":"sha256:…","size":N,"kind":"module"|"component","imports":[{"module":"…"|null,"name":"…","kind":"…"}],
/// "exports":[{"name":"…","kind":"…"}],"custom_sections":["…"],"producers":{"language":[{"name":"…","version":"…"}]}}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct InfoArgs {
    /// The module's path, hash or digest
    #[arg(value_name = "PATH|HASH", value_parser = ModuleRef::parse)]
    name: ModuleRef,
    #[command(flatten)]
    read: ReadArgs,
}

impl InfoArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let revision = settings.revision(&self.read)?;
        let info = settings.open()?.info(&revision, &self.name)?;
        if out.is_json() {
            out.json(&info)
        } else {
            print(&info, out)
        }
    }
}

fn print(info: &wire::InfoJson, out: &mut Output) -> Result<()> {
    out.text(format_args!(
        "kind: {}\nsize: {}\ndigest: {}\nhash: {}\n",
        printable(&info.kind),
        info.size,
        printable(&info.digest),
        printable(&info.hash)
    ))?;
    section(out, "imports", &info.imports, |import| {
        let from = import.module.as_ref().map(|module| format!("{module}."));
        format!(
            "{}{}: {}",
            from.unwrap_or_default(),
            import.name,
            import.kind
        )
    })?;
    section(out, "exports", &info.exports, |export| {
        format!("{}: {}", export.name, export.kind)
    })?;
    section(out, "custom sections", &info.custom_sections, String::clone)?;
    let producers: Vec<_> = info.producers.iter().collect();
    section(out, "producers", &producers, |(field, tools)| {
        let tools = tools.iter();
        let tools: Vec<_> = tools
            .map(|tool| format!("{} {}", tool.name, tool.version))
            .collect();
        format!("{field}: {}", tools.join(", "))
    })
}

/// Prints a heading and an indented line for each item; nothing if there are none.
fn section<T>(
    out: &mut Output,
    heading: &str,
    items: &[T],
    line: impl Fn(&T) -> String,
) -> Result<()> {
    if !items.is_empty() {
        out.text(format_args!("{heading}:\n"))?;
    }
    for item in items {
        out.text(format_args!("  {}\n", printable(line(item).trim_end())))?;
    }
    Ok(())
}
