//! The commands. Each command is one file, which defines its arguments and its output; this file registers it.
//!
//! To add a command, write `commands/NAME.rs` with a struct `NameArgs` that derives [`clap::Args`] and has a method
//! `run(self, &Settings, &mut Output) -> Result<()>`, and add it to the two lists below. The struct's doc comment is the help text.

mod add;
mod audit;
mod backup;
mod branch;
mod bucket;
mod clone;
mod commit;
mod complete;
mod completions;
mod contains;
mod copy;
mod diff;
mod diff_text;
mod export;
mod filename;
mod find;
mod gc;
mod hash;
mod hook;
mod import;
mod info;
mod init;
mod list;
mod log;
mod login;
mod logout;
mod man;
mod merge;
mod mirror;
mod mirror_status;
mod mv;
mod oci;
mod overview;
mod path_log;
mod reindex;
mod remove;
mod restore;
mod rollback;
mod search;
mod server;
mod set;
mod show;
mod size;
mod snapshot;
mod tag;
mod verify;
mod version;
mod versions;
mod watch;
mod wit;
mod world;

pub(super) use diff_text::print_verdict;

use super::exit::Result;
use super::output::Output;
use super::settings::Settings;

/// Declares the enum of all commands, into which clap parses the command line, and the method that runs a command.
macro_rules! commands {
    ($($module:ident => $variant:ident($arguments:ident),)*) => {
        /// A command and its arguments, in the order in which the help lists the commands.
        // A process has one value of this type, so its size does not matter.
        #[allow(clippy::large_enum_variant)]
        #[derive(Debug, clap::Subcommand)]
        pub(super) enum Command {
            $(#[allow(missing_docs)] $variant($module::$arguments),)*
        }

        impl Command {
            /// Runs the command.
            pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
                match self {
                    $(Self::$variant(arguments) => arguments.run(settings, out),)*
                }
            }
        }
    };
}

commands! {
    init => Init(InitArgs),
    add => Add(AddArgs),
    find => Find(FindArgs),
    filename => Filename(FilenameArgs),
    hash => Hash(HashArgs),
    contains => Contains(ContainsArgs),
    info => Info(InfoArgs),
    wit => Wit(WitArgs),
    size => Size(SizeArgs),
    list => List(ListArgs),
    search => Search(SearchArgs),
    world => World(WorldArgs),
    set => Set(SetArgs),
    copy => Copy(CopyArgs),
    mv => Mv(MvArgs),
    remove => Remove(RemoveArgs),
    versions => Versions(VersionsArgs),
    version => Version(VersionArgs),
    audit => Audit(AuditArgs),
    snapshot => Snapshot(SnapshotArgs),
    commit => Commit(CommitArgs),
    log => Log(LogArgs),
    show => Show(ShowArgs),
    diff => Diff(DiffArgs),
    restore => Restore(RestoreArgs),
    rollback => Rollback(RollbackArgs),
    branch => Branch(BranchArgs),
    merge => Merge(MergeArgs),
    tag => Tag(TagArgs),
    gc => Gc(GcArgs),
    watch => Watch(WatchArgs),
    export => Export(ExportArgs),
    import => Import(ImportArgs),
    oci => Oci(OciArgs),
    backup => Backup(BackupArgs),
    mirror => Mirror(MirrorArgs),
    bucket => Bucket(BucketArgs),
    clone => Clone(CloneArgs),
    login => Login(LoginArgs),
    logout => Logout(LogoutArgs),
    verify => Verify(VerifyArgs),
    reindex => Reindex(ReindexArgs),
    hook => Hook(HookArgs),
    server => Server(ServerArgs),
    complete => Complete(CompleteArgs),
    completions => Completions(CompletionsArgs),
    man => Man(ManArgs),
}

pub(super) use overview::run as overview;
