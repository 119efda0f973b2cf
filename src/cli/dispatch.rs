//! From the arguments to the exit code.

use std::error::Error as _;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use super::color::When;
use super::commands::overview;
use super::config;
use super::exit::{self, Error};
use super::hints;
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
    let result = match args.command {
        Some(command) => command.run(&settings, &mut out),
        None => overview(&settings, &mut out),
    };
    let error = match result.and(out.finish()) {
        Ok(()) | Err(Error::Closed) => return ExitCode::SUCCESS,
        Err(error) => error,
    };
    let code = fail(&error, color);
    if !settings.is_quiet()
        && let Some(hint) = hints::after(&error, &settings)
    {
        output::advise(&hint, color);
    }
    code
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
