//! `man`: prints manual pages.

use std::fs;
use std::path::{Path, PathBuf};

use clap_mangen::Man as Page;
use serde_json::json;

use crate::cli::examples;
use crate::cli::exit::{Error, Result};
use crate::cli::output::Output;
use crate::cli::settings::Settings;

/// Print the manual page, or write the pages of all commands to a directory
///
/// With DIR, writes `wasmstore.1`, `wasmstore-add.1` and so on, replacing existing files, and prints nothing; `man -l FILE` shows a
/// page. Without DIR, prints `wasmstore.1`. JSON: {"page":"…"}; with DIR {"directory":"…","pages":["wasmstore.1",…]}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ManArgs {
    /// Write all pages to this directory; create it if it is missing
    dir: Option<PathBuf>,
}

impl ManArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let mut command = settings.command_line().disable_help_subcommand(true);
        command.build();
        let Some(dir) = self.dir else {
            let (_, page) = render(command)?;
            if out.is_json() {
                return out.json(&json!({ "page": String::from_utf8_lossy(&page) }));
            }
            return out.bytes(&page);
        };
        let mut pages = Vec::new();
        collect(command, &mut pages)?;
        write(&dir, &pages)?;
        out.json_only(&json!({
            "directory": dir.to_string_lossy(),
            "pages": pages.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        }))
    }
}

/// Appends the pages of a command and of its visible subcommands to `pages`. A page is a file name and the content.
fn collect(command: clap::Command, pages: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    let subcommands: Vec<_> = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .cloned()
        .collect();
    pages.push(render(command)?);
    for command in subcommands {
        collect(command, pages)?;
    }
    Ok(())
}

fn render(command: clap::Command) -> Result<(String, Vec<u8>)> {
    let source = concat!("wasmstore ", env!("CARGO_PKG_VERSION"));
    let name = command.get_display_name().unwrap_or_default();
    let words = name.trim_start_matches("wasmstore").trim_start_matches('-');
    let examples = examples::of(&words.replace('-', " ")).join("\n");
    // `clap_mangen` would rewrap the lines of this text, which has tables.
    let notes = command.get_after_help().map(ToString::to_string);
    let page = Page::new(command.after_help(None)).source(source);
    let mut text = Vec::new();
    page.render(&mut text).map_err(Error::Output)?;
    for (title, lines) in [("EXAMPLES", examples), ("NOTES", notes.unwrap_or_default())] {
        if !lines.is_empty() {
            text.extend(section(title, &lines).into_bytes());
        }
    }
    Ok((page.get_filename(), text))
}

/// Returns a section of a manual page in the format of man(7). man(1) does not rewrap its lines.
fn section(title: &str, lines: &str) -> String {
    let escape = |line: &str| {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        // roff interprets a line that begins with `.` or `'` as a request. `\&`, a character without width, prevents that.
        let guard = if line.starts_with(['.', '\'']) {
            "\\&"
        } else {
            ""
        };
        format!("{guard}{line}\n")
    };
    let lines: String = lines.lines().map(escape).collect();
    format!(".SH {title}\n.nf\n{lines}.fi\n")
}

fn write(dir: &Path, pages: &[(String, Vec<u8>)]) -> Result<()> {
    let failed = |path: PathBuf| move |source| Error::OutputFile { path, source };
    fs::create_dir_all(dir).map_err(failed(dir.to_owned()))?;
    for (name, text) in pages {
        let path = dir.join(name);
        fs::write(&path, text).map_err(failed(path))?;
    }
    Ok(())
}
