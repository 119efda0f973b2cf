//! The arguments that several commands share.

use std::path::PathBuf;

use clap::ValueHint;
use clap::builder::{PathBufValueParser, TypedValueParser as _};

use super::color::ColorChoice;
use super::local_time::parse_revision;
use super::root_setting::RootSetting;
use crate::names::{Author, BranchName, Message};
use crate::store::Revision;

/// The arguments of every command. They may stand before or after the command's name.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct GlobalArgs {
    /// Use the store in this directory, on the server at this URL, or on the server of the login with this name [env: WASMSTORE_ROOT]
    #[arg(long, global = true, value_name = "DIR|URL|@NAME", value_hint = ValueHint::DirPath,
        value_parser = PathBufValueParser::new().try_map(RootSetting::parse))]
    pub root: Option<RootSetting>,
    /// Send the key in this file to the server, instead of WASMSTORE_KEY or the key of `login`
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub key_file: Option<PathBuf>,
    /// Work on this branch [env: WASMSTORE_BRANCH]
    #[arg(long, global = true, value_name = "NAME", value_parser = BranchName::parse)]
    pub branch: Option<BranchName>,
    /// Commit as this author [env: WASMSTORE_AUTHOR; default: git's user.name and user.email]
    #[arg(long, global = true, value_name = "NAME <MAIL>", value_parser = Author::parse)]
    pub author: Option<Author>,
    /// Print JSON; errors are printed as text
    #[arg(long, global = true)]
    pub json: bool,
    /// Log more to standard error; repeat for debug output
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Print only errors to standard error
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Color messages and help; `auto` means on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
}

/// The arguments of every command that reads.
#[derive(Debug, clap::Args)]
pub(super) struct ReadArgs {
    /// Read from this commit instead of the branch's tip
    #[arg(long, value_name = "COMMIT", value_parser = parse_revision)]
    pub commit: Option<Revision>,
}

/// The arguments of every command that makes a commit.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct WriteArgs {
    /// Use this commit message instead of the default one
    #[arg(short, long, value_name = "TEXT", value_parser = Message::parse)]
    pub message: Option<Message>,
}
