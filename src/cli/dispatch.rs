//! From the arguments to the exit code.

use std::error::Error as _;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use super::args::Command;
use super::color::When;
use super::commands::overview;
use super::config;
use super::exit::{self, Error, Result};
use super::hint;
use super::logging;
use super::output::{self, Output};
use super::settings::Settings;
use crate::names;

/// Does what the arguments say, the program's name first, and returns the exit code.
pub fn run(args: Vec<OsString>) -> ExitCode {
    let color = When::asked(&args);
    let args = match config::read(args) {
        Ok(args) => args,
        Err(config::Error::Arguments(error)) => return refuse(error, color),
        Err(error) => return fail(&error.into(), color),
    };
    let color = args.globals.color;
    logging::start(&args.globals, args.command.as_ref());
    let mut out = Output::stdout(args.globals.json, color);
    let settings = Settings::new(args.globals);
    let done = dispatch(args.command, &settings, &mut out);
    let error = match done.and(out.finish()) {
        Ok(()) | Err(Error::Closed) => return ExitCode::SUCCESS,
        Err(error) => error,
    };
    let code = fail(&error, color);
    if !settings.is_quiet()
        && let Some(hint) = hint::after(&error, &settings)
    {
        output::advise(&hint, color);
    }
    code
}

fn dispatch(command: Option<Command>, settings: &Settings, out: &mut Output) -> Result<()> {
    let Some(command) = command else {
        return overview(settings, out);
    };
    match command {
        Command::Init(init) => init.run(settings, out),
        Command::Add(add) => add.run(settings, out),
        Command::Find(find) => find.run(settings, out),
        Command::Filename(filename) => filename.run(settings, out),
        Command::Hash(hash) => hash.run(settings, out),
        Command::Contains(contains) => contains.run(settings, out),
        Command::Info(info) => info.run(settings, out),
        Command::List(list) => list.run(settings, out),
        Command::Set(set) => set.run(settings, out),
        Command::Remove(remove) => remove.run(settings, out),
        Command::Versions(versions) => versions.run(settings, out),
        Command::Version(version) => version.run(settings, out),
        Command::Audit(audit) => audit.run(settings, out),
        Command::Snapshot(snapshot) => snapshot.run(settings, out),
        Command::Commit(commit) => commit.run(settings, out),
        Command::Log(log) => log.run(settings, out),
        Command::Show(show) => show.run(settings, out),
        Command::Diff(diff) => diff.run(settings, out),
        Command::Restore(restore) => restore.run(settings, out),
        Command::Rollback(rollback) => rollback.run(settings, out),
        Command::Branch(branch) => branch.run(settings, out),
        Command::Merge(merge) => merge.run(settings, out),
        Command::Gc(gc) => gc.run(settings, out),
        Command::Watch(watch) => watch.run(settings, out),
        Command::Export(export) => export.run(settings, out),
        Command::Import(import) => import.run(settings, out),
        Command::Backup(backup) => backup.run(settings, out),
        Command::Mirror(mirror) => mirror.run(settings, out),
        Command::Clone(clone) => clone.run(settings, out),
        Command::Verify(verify) => verify.run(settings, out),
        Command::Reindex(reindex) => reindex.run(settings, out),
        Command::Hook(hook) => hook.run(settings, out),
        Command::Server(server) => server.run(settings, out),
        Command::Completions(completions) => completions.run(out),
        Command::Man(man) => man.run(out),
    }
}

/// Answers arguments that clap did not take, a plea for help among them. A malformed name is a failure of ours, not of the
/// command line's form.
fn refuse(error: clap::Error, color: When) -> ExitCode {
    if let Some(name) = error.source().and_then(|source| source.downcast_ref()) {
        return fail(&Error::Name(names::Error::clone(name)), color);
    }
    let text = error.render();
    let is_terminal = if error.use_stderr() {
        io::stderr().is_terminal()
    } else {
        io::stdout().is_terminal()
    };
    let text = if color.is_on(is_terminal) {
        text.ansi().to_string()
    } else {
        text.to_string()
    };
    if error.use_stderr() {
        let _ = io::stderr().write_all(text.as_bytes());
        return ExitCode::from(exit::USAGE);
    }
    let mut out = Output::stdout(false, color);
    match out.bytes(text.as_bytes()).and(out.finish()) {
        Ok(()) | Err(Error::Closed) => ExitCode::SUCCESS,
        Err(error) => fail(&error, color),
    }
}

fn fail(error: &Error, color: When) -> ExitCode {
    output::complain(&error.chain(), color);
    ExitCode::from(error.code())
}
