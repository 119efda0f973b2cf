//! The entry point: parses the command line, runs the command and returns the exit code.

use std::error::Error as _;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{ArgMatches, CommandFactory, FromArgMatches};

use super::color::ColorChoice;
use super::command_line::CommandLine;
use super::commands::{Command, overview};
use super::config::{self, ConfigError, ServerFlags};
use super::examples;
use super::exit::{self, Error};
use super::hints;
use super::logging;
use super::misplaced_arguments::for_malformed;
use super::output::{self, Output};
use super::settings::Settings;
use super::usage_error::{self, UsageError};
use crate::names;

/// Runs the command that the arguments name, and returns the exit code. The first argument is the program's name.
pub fn run(args: Vec<OsString>) -> ExitCode {
    let color = ColorChoice::from_args(&args);
    let (parsed, matches) = match parse(&args) {
        Ok(parsed) => parsed,
        Err(error) => return report_unparsed(&error, &args, color),
    };
    let command_name = matches.subcommand_name().map(str::to_owned);
    let CommandLine { globals, command } = match resolve_server_settings(parsed, matches) {
        Ok(resolved) => resolved,
        Err(error) => return fail(&error.into(), color),
    };
    let color = globals.color;
    if let Err(error) = logging::start(&globals, command.as_ref()) {
        return fail(&error, color);
    }
    let mut out = Output::stdout(globals.json, color);
    let settings = Settings::new(globals, CommandLine::command, command_name);
    let is_overview = command.is_none();
    let result = match command {
        Some(command) => command.run(&settings, &mut out),
        None => overview(&settings, &mut out),
    };
    logging::flush();
    let error = match result.and(out.finish()) {
        Ok(()) => {
            // The overview itself says that there is no store, so no note is needed.
            if !is_overview {
                note_missing_store(&settings);
            }
            return ExitCode::SUCCESS;
        }
        Err(Error::Closed) => return ExitCode::SUCCESS,
        // The differences have been printed already, so no error follows.
        Err(error @ Error::Differences) => return ExitCode::from(error.code()),
        Err(error) => error,
    };
    let code = fail(&error, color);
    if !settings.is_quiet()
        && let Some(hint) = hints::for_error(&error, &settings)
    {
        output::print_hint(&hint, color);
    }
    code
}

/// Prints a note if the directory that the command has read contains no store: the command's output is empty then, and the user may have
/// mistyped the directory.
fn note_missing_store(settings: &Settings) {
    if let Some(root) = settings.missing_root()
        && !settings.is_quiet()
    {
        let root = root.display();
        output::print_note(&format!(
            "there is no store at {root} yet: --root DIR or WASMSTORE_ROOT selects another one"
        ));
    }
}

fn parse(args: &[OsString]) -> Result<(CommandLine, ArgMatches), clap::Error> {
    let command = examples::add_to_help(CommandLine::command());
    let matches = command.try_get_matches_from(args)?;
    Ok((CommandLine::from_arg_matches(&matches)?, matches))
}

/// Combines the flags of `server` with its environment variables and its configuration file. Leaves any other command as it is.
fn resolve_server_settings(
    parsed: CommandLine,
    mut matches: ArgMatches,
) -> Result<CommandLine, ConfigError> {
    let (server, matches) = match (parsed.command, matches.remove_subcommand()) {
        (Some(Command::Server(server)), Some((_, matches))) => (server, matches),
        (command, _) => return Ok(CommandLine { command, ..parsed }),
    };
    let globals = parsed.globals;
    let flags = ServerFlags {
        server,
        globals,
        matches,
    };
    let (server, globals) = config::resolve(&Arc::new(flags))?;
    Ok(CommandLine {
        globals,
        command: Some(Command::Server(server)),
    })
}

/// Reports arguments that clap rejected, or prints the help or version that they request. If the only fault is a malformed name, such as a
/// branch name, the exit code is the one for malformed names, not the one for usage errors.
fn report_unparsed(error: &clap::Error, args: &[OsString], color: ColorChoice) -> ExitCode {
    if let Some(name) = error.source().and_then(|source| source.downcast_ref()) {
        let code = fail(&Error::Name(names::Error::clone(name)), color);
        let misplaced = || {
            let (words, args) = selected_command(args);
            for_malformed(name, &words, &args)
        };
        if let Some(hint) = hints::for_name(name).or_else(misplaced)
            && !is_quiet(args)
        {
            output::print_hint(&hint, color);
        }
        return code;
    }
    if error.use_stderr() {
        return report_usage(error, args, color);
    }
    let styled = error.render();
    let text = if color.is_enabled(io::stdout().is_terminal()) {
        styled.ansi().to_string()
    } else {
        styled.to_string()
    };
    let mut out = Output::stdout(false, color);
    match out.bytes(text.as_bytes()).and(out.finish()) {
        Ok(()) | Err(Error::Closed) => ExitCode::SUCCESS,
        Err(error) => fail(&error, color),
    }
}

fn as_text(args: &[OsString]) -> Vec<String> {
    let args = args.iter().map(|arg| arg.to_string_lossy());
    args.map(String::from).collect()
}

/// Returns the words of the command that the arguments select, and the arguments as text.
fn selected_command(args: &[OsString]) -> (String, Vec<String>) {
    let args = as_text(args);
    let mut root = CommandLine::command();
    let (words, _) = usage_error::selected(&mut root, &args);
    (words, args)
}

fn report_usage(error: &clap::Error, os_args: &[OsString], color: ColorChoice) -> ExitCode {
    let args = as_text(os_args);
    let mut root = CommandLine::command();
    let (words, command) = usage_error::selected(&mut root, &args);
    let error = UsageError::new(error, (&words, &args), command);
    output::print_error(&error.message, color);
    if !is_quiet(os_args) {
        output::print_hint(&error.hint, color);
    }
    ExitCode::from(exit::USAGE)
}

/// Returns whether arguments that clap rejected contain `--quiet`.
fn is_quiet(args: &[OsString]) -> bool {
    let mut flags = args.iter().take_while(|arg| *arg != "--");
    flags.any(|arg| arg == "-q" || arg == "--quiet")
}

fn fail(error: &Error, color: ColorChoice) -> ExitCode {
    output::print_error(&error.chain(), color);
    if let Error::Query(error) = error {
        output::print_excerpt(&error.excerpt());
    }
    ExitCode::from(error.code())
}
