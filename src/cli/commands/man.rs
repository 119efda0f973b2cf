//! `man`: the manual pages.

use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap_mangen::Man as Page;
use serde_json::json;

use crate::cli::args::CommandLine;
use crate::cli::exit::{Error, Result};
use crate::cli::output::Output;
use crate::cli::settings::Settings;

/// Print the manual page, or write that of every command to a folder
///
/// With DIR, writes `wasmstore.1`, `wasmstore-add.1` and so on, over those that are there, and prints nothing; `man -l FILE` shows
/// one. Without it, prints `wasmstore.1`. JSON: {"page":"…"}; with DIR {"directory":"…","pages":["wasmstore.1",…]}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ManArgs {
    /// Write all pages to this folder, creating it if it is missing
    dir: Option<PathBuf>,
}

impl ManArgs {
    pub fn run(self, _: &Settings, out: &mut Output) -> Result<()> {
        let mut command = CommandLine::command().disable_help_subcommand(true);
        command.build();
        let Some(dir) = self.dir else {
            let (_, page) = render(command)?;
            return match out.is_json() {
                true => out.json(&json!({ "page": String::from_utf8_lossy(&page) })),
                false => out.bytes(&page),
            };
        };
        let mut pages = Vec::new();
        collect(command, &mut pages)?;
        write(&dir, &pages)?;
        match out.is_json() {
            true => out.json(&json!({
                "directory": dir.to_string_lossy(),
                "pages": pages.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            })),
            false => Ok(()),
        }
    }
}

/// The pages of a command and of the commands in it, but for hidden ones: file name and content.
fn collect(command: clap::Command, pages: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    let within: Vec<_> = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .cloned()
        .collect();
    pages.push(render(command)?);
    for command in within {
        collect(command, pages)?;
    }
    Ok(())
}

fn render(command: clap::Command) -> Result<(String, Vec<u8>)> {
    let source = concat!("wasmstore ", env!("CARGO_PKG_VERSION"));
    let (page, mut text) = (Page::new(command).source(source), Vec::new());
    page.render(&mut text).map_err(Error::Output)?;
    Ok((page.get_filename(), text))
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
