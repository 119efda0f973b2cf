//! `info`: prints a description of a module.

use crate::cli::args::ReadArgs;
use crate::cli::content_name::{ContentName, describe, json_of_file};
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::printable;
use crate::wire;

/// Print the contents of a module
///
/// Prints kind, size in bytes, digest, hash, the name for OCI clients, the version of WebAssembly and the proposals that the module
/// requires, imports and exports with their types, the functions of the interfaces that a component exports, custom sections, producers,
/// metadata and crates, one per line.
/// JSON: {"hash":"…","digest":"sha256:…","size":N,
/// "kind":"module"|"component","imports":[{"module":"…"|null,"name":"…","kind":"…","type":"…",
/// "members":[{"name":"…","type":"…"}]}],"exports":[{"name":"…","kind":"…","type":"…","members":[…]}],"types_left_out":N,"custom_sections":["…"],"producers":{"language":[{"name":"…","version":"…"}]},
/// "oci":{"repository":"…","tag":"…","digest":"sha256:…"},"requires":{"standard":"1.0","included":["…"],"proposals":["…"]},
/// "metadata":{"description":"…",…}}, with a null hash for a file
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct InfoArgs {
    /// The module's path, hash or digest, or the digest of its OCI manifest; or a file on disk, which begins with `./`, `../` or `file:`
    #[arg(value_name = "PATH|HASH|FILE", value_parser = ContentName::parse)]
    name: ContentName,
    #[command(flatten)]
    read: ReadArgs,
}

impl InfoArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let name = match &self.name {
            ContentName::Module(name) => name,
            ContentName::File(file) => {
                let info = wire::InfoJson::from(&describe(file, &self.read)?.details);
                return print_file(&info, out);
            }
        };
        let revision = settings.revision(&self.read)?;
        let info = settings.open()?.info(&revision, name)?;
        if out.is_json() {
            return out.json(&info);
        }
        print(&info, Some(&info.hash), out)
    }
}

/// Prints the description of a file. It has no hash, which depends on the store.
fn print_file(info: &wire::InfoJson, out: &mut Output) -> Result<()> {
    if out.is_json() {
        return out.json(&json_of_file(info));
    }
    print(info, None, out)
}

fn print(info: &wire::InfoJson, hash: Option<&str>, out: &mut Output) -> Result<()> {
    let digest = printable(&info.digest);
    out.text(format_args!(
        "kind: {}\nsize: {}\ndigest: {digest}\n",
        printable(&info.kind),
        info.size,
    ))?;
    if let Some(hash) = hash {
        out.line(format_args!("hash: {}", printable(hash)))?;
    }
    if let Some(oci) = &info.oci {
        let name = format!("{}:{}@{}", oci.repository, oci.tag, oci.digest);
        out.line(format_args!("oci: {}", printable(&name)))?;
    }
    if let Some(requires) = &info.requires {
        let features = requires.included.iter().chain(&requires.proposals);
        let features: String = features.map(|name| format!(", {name}")).collect();
        let standard = &requires.standard;
        let requires = format!("WebAssembly {standard}{features}");
        out.line(format_args!("requires: {}", printable(&requires)))?;
    }
    section(out, "imports", &info.imports, |import| {
        let from = import.module.as_ref().map(|module| format!("{module}."));
        format!(
            "{}{}: {}",
            from.unwrap_or_default(),
            import.name,
            import.ty.as_ref().unwrap_or(&import.kind)
        )
    })?;
    print_exports(&info.exports, out)?;
    if info.types_left_out > 0 {
        let left_out = info.types_left_out;
        out.line(format_args!(
            "types left out: those of {left_out} further imports and exports"
        ))?;
    }
    section(out, "custom sections", &info.custom_sections, String::clone)?;
    let producers: Vec<_> = info.producers.iter().collect();
    section(out, "producers", &producers, |(field, tools)| {
        let tools = tools.iter();
        let tools: Vec<_> = tools
            .map(|tool| format!("{} {}", tool.name, tool.version))
            .collect();
        format!("{field}: {}", tools.join(", "))
    })?;
    match &info.metadata {
        Some(metadata) => print_metadata(metadata, out),
        None => Ok(()),
    }
}

/// Prints the exports, and the functions of each exported interface below it.
fn print_exports(exports: &[wire::ExportJson], out: &mut Output) -> Result<()> {
    if !exports.is_empty() {
        out.line("exports:")?;
    }
    for export in exports {
        let ty = export.ty.as_ref().unwrap_or(&export.kind);
        let line = format!("{}: {ty}", export.name);
        out.line(format_args!("  {}", printable(&line)))?;
        let functions = { export.members.iter() }.filter(|member| is_function(&member.ty));
        for member in functions {
            let line = format!("{}: {}", member.name, member.ty);
            out.line(format_args!("    {}", printable(&line)))?;
        }
    }
    Ok(())
}

/// Returns whether a WIT definition defines a function. All other definitions are types; the command `wit` prints them, `info` does not.
fn is_function(definition: &str) -> bool {
    let starts = [
        "func(",
        "async func(",
        "static func(",
        "static async func(",
        "constructor(",
    ];
    starts.iter().any(|start| definition.starts_with(start))
}

fn print_metadata(metadata: &wire::MetadataJson, out: &mut Output) -> Result<()> {
    let fields = [
        ("name", &metadata.name),
        ("description", &metadata.description),
        ("authors", &metadata.authors),
        ("licenses", &metadata.licenses),
        ("source", &metadata.source),
        ("homepage", &metadata.homepage),
        ("revision", &metadata.revision),
        ("version", &metadata.version),
        ("source map", &metadata.source_map_url),
        ("build id", &metadata.build_id),
        ("external debug info", &metadata.external_debug_info),
    ];
    let fields: Vec<_> = fields
        .iter()
        .filter_map(|(name, text)| text.as_ref().map(|text| format!("{name}: {text}")))
        .collect();
    section(out, "metadata", &fields, String::clone)?;
    let Some(crates) = &metadata.crates else {
        return Ok(());
    };
    if crates.unreadable {
        return out.line("crates: unreadable");
    }
    let mut lines: Vec<_> = crates
        .items
        .iter()
        .map(|listed| format!("{} {}", listed.name, listed.version))
        .collect();
    if crates.left_out > 0 {
        lines.push(format!("and {} more", crates.left_out));
    }
    section(out, "crates", &lines, String::clone)
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
