//! The kinds of names that can complete each argument.

use clap::{Arg, ValueHint};

/// A kind of names that can complete an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CandidateKind {
    /// Modules and directories of the store.
    Paths,
    /// Directories of the store.
    Directories,
    /// Branches.
    Branches,
    /// Tags.
    Tags,
    /// Ids of recent commits.
    Commits,
    /// The names of mirrors.
    Mirrors,
    /// The names of logins, with an `@`.
    Logins,
    /// The URLs of logins.
    Servers,
    /// Files on disk.
    Files,
    /// Files on disk, if the word begins with `./` or `../`.
    MarkedFiles,
    /// Directories on disk.
    LocalDirectories,
}

use CandidateKind::{
    Branches, Commits, Directories, Files, LocalDirectories, Logins, MarkedFiles, Mirrors, Paths,
    Servers, Tags,
};

/// The kinds of names that an argument for a commit accepts.
const REVISIONS: &[CandidateKind] = &[Branches, Tags, Commits];

/// Returns the kinds of names that can complete an argument of a command. Empty for an argument that is not a name, such as a number or a
/// text.
pub(super) fn kinds_of(command: &str, arg: &Arg) -> &'static [CandidateKind] {
    match (command, arg.get_id().as_str()) {
        (_, "root") => &[Logins, LocalDirectories],
        (_, "branch") | ("branch", "name" | "default") | ("merge", "name") => &[Branches],
        (_, "commit")
        | ("commit", "hash")
        | ("branch", "from")
        | ("show", "name")
        | ("tag", "revision")
        | ("watch", "since") => REVISIONS,
        ("tag", "name") => &[Tags],
        ("diff", "old" | "new") => &[Branches, Tags, Commits, Paths, MarkedFiles],
        ("list" | "import", "prefix") => &[Directories],
        ("info" | "wit" | "size", "name") => &[Paths, MarkedFiles],
        ("find" | "filename" | "hash" | "contains", "name")
        | ("versions" | "version" | "audit" | "log" | "set", "path")
        | ("restore" | "rollback" | "diff" | "world" | "export", "path")
        | ("gc", "paths")
        | ("remove", "names")
        | ("copy" | "mv", "sources" | "destination") => &[Paths],
        ("add", "more") => &[Paths, Files],
        ("clone", "url") => &[Logins],
        ("login", "url") => &[Logins, Servers],
        ("logout", "server") => &[Logins, Servers],
        ("mirror push" | "mirror remove", "name") => &[Mirrors],
        ("bucket init", "from") | ("import", "dir") => &[LocalDirectories],
        _ => match arg.get_value_hint() {
            ValueHint::AnyPath | ValueHint::FilePath => &[Files],
            ValueHint::DirPath => &[LocalDirectories],
            _ => &[],
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::{Command, CommandFactory as _};

    use super::*;
    use crate::cli::command_line::CommandLine;

    /// The arguments without completion: each takes a number, a text, a pattern, or a name that the store does not list.
    const NOT_COMPLETED: &[&str] = &[
        "add digest",
        "add if_match",
        "add message",
        "bucket init url",
        "bucket probe url",
        "bucket status url",
        "bucket verify url",
        "clone max_tree_path_bytes",
        "clone timeout",
        "copy if_match",
        "copy message",
        "gc keep_last",
        "gc keep_since",
        "gc message",
        "import exclude",
        "import include",
        "import message",
        "log export",
        "log grew",
        "log import",
        "log max_count",
        "log pager",
        "log since",
        "log skip",
        "login name",
        "merge message",
        "mirror add name",
        "mirror add url",
        "mirror push timeout",
        "mv if_match",
        "mv message",
        "oci show reference",
        "oci tags repository",
        "remove if_match",
        "remove message",
        "restore message",
        "rollback message",
        "search terms",
        "set hash",
        "set if_match",
        "set message",
        "size top",
        "tag message",
        "version index",
        "watch command",
        "watch paths",
        "world name",
    ];

    fn add_not_completed(command: &Command, words: &str, not_completed: &mut BTreeSet<String>) {
        for arg in command.get_arguments() {
            let takes_value = arg.get_num_args().is_some_and(|range| range.takes_values());
            let is_known =
                !kinds_of(words, arg).is_empty() || !arg.get_possible_values().is_empty();
            if takes_value && !is_known && !arg.is_global_set() {
                not_completed.insert(format!("{words} {}", arg.get_id()));
            }
        }
        for command in command
            .get_subcommands()
            .filter(|command| !command.is_hide_set())
        {
            let blank = if words.is_empty() { "" } else { " " };
            add_not_completed(
                command,
                &format!("{words}{blank}{}", command.get_name()),
                not_completed,
            );
        }
    }

    #[test]
    fn an_argument_is_completed_or_takes_free_text() {
        let mut root = CommandLine::command();
        root.build();
        let mut not_completed = BTreeSet::new();
        add_not_completed(&root, "", &mut not_completed);
        not_completed.retain(|name| !name.starts_with("server ") && !name.starts_with("help "));
        let not_completed: Vec<_> = not_completed.iter().map(String::as_str).collect();
        assert_eq!(not_completed, NOT_COMPLETED);
    }
}
