//! `info`: what is in a module.

use crate::cli::args::Reading;
use crate::cli::exit::Result;
use crate::cli::output::{Output, printable};
use crate::cli::settings::Settings;
use crate::names::ModuleRef;
use crate::store;
use crate::wire;

/// Print what is in a module
///
/// Prints kind, size in bytes, digest, hash, imports, exports, custom sections and producers, one a line. JSON:
/// {"hash":"…","digest":"sha256:…","size":N,"kind":"module"|"component","imports":[{"module":"…"|null,"name":"…","kind":"…"}],
/// "exports":[{"name":"…","kind":"…"}],"custom_sections":["…"],"producers":{"language":[{"name":"…","version":"…"}]}}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Info {
    /// The module's path, hash or digest
    #[arg(value_name = "PATH|HASH", value_parser = ModuleRef::parse)]
    name: ModuleRef,
    #[command(flatten)]
    reading: Reading,
}

impl Info {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let at = settings.at(&self.reading)?;
        let info = settings.open()?.info(&at, &self.name)?;
        match out.is_json() {
            true => out.json(&wire::Info::from(&info)),
            false => print(&info, out),
        }
    }
}

fn print(info: &store::Info, out: &mut Output) -> Result<()> {
    let module = &info.module;
    out.text(format_args!(
        "kind: {}\nsize: {}\ndigest: {}\nhash: {}\n",
        module.kind, module.size_bytes, info.digest, info.hash
    ))?;
    section(out, "imports", &module.imports, |import| {
        let from = import.module.as_ref().map(|module| format!("{module}."));
        format!(
            "{}{}: {}",
            from.unwrap_or_default(),
            import.name,
            import.kind
        )
    })?;
    section(out, "exports", &module.exports, |export| {
        format!("{}: {}", export.name, export.kind)
    })?;
    section(
        out,
        "custom sections",
        &module.custom_sections,
        String::clone,
    )?;
    section(out, "producers", &module.producers, |(field, tools)| {
        let tool = |(name, version): &(String, String)| format!("{name} {version}");
        let tools: Vec<_> = tools.iter().map(tool).collect();
        format!("{field}: {}", tools.join(", "))
    })
}

/// A heading and indented lines; nothing if there are none.
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
