//! The examples in the help and in the manual page of each command.

use clap::Command;

/// The examples of each command. An entry has the words of the command, without `wasmstore`, and lines for a shell: calls, and comments
/// that begin with `#`. A test parses every call.
const EXAMPLES: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "wasmstore add add.wasm math/add.wasm",
            "wasmstore find math/add.wasm -o copy.wasm",
            "wasmstore --root https://modules.example.org list",
        ],
    ),
    (
        "init",
        &[
            "wasmstore init",
            "wasmstore init --root /srv/modules --object-format sha256",
        ],
    ),
    (
        "add",
        &[
            "wasmstore add target/add.wasm math/add.wasm",
            "# Several modules in one commit, without overwriting any",
            "wasmstore add add.wasm sub.wasm math/1.0.0/ --if-absent",
            "# Fail unless the file is the one that was tested",
            "wasmstore add a.wasm --digest \"$(cut -c -64 a.wasm.sha256)\"",
            "# Print what the file is, and whether it can replace the module at the path",
            "wasmstore add --dry-run add.wasm math/add.wasm",
            "wasmstore add add.wasm -m 'Round to even' --author 'Ann <ann@example.org>'",
            "wat2wasm add.wat --output=- | wasmstore add - math/add.wasm",
        ],
    ),
    (
        "find",
        &[
            "wasmstore find math/add.wasm -o add.wasm",
            "wasmstore find math/add.wasm --branch release | wasm-objdump -x -",
        ],
    ),
    (
        "filename",
        &["wasmtime \"$(wasmstore filename math/add.wasm)\""],
    ),
    (
        "hash",
        &[
            "wasmstore hash math/add.wasm",
            "wasmstore hash math/add.wasm --branch release --json",
        ],
    ),
    ("contains", &["wasmstore contains math/add.wasm"]),
    (
        "info",
        &[
            "wasmstore info math/add.wasm",
            "wasmstore info math/add.wasm --json | jq .exports",
        ],
    ),
    (
        "wit",
        &[
            "wasmstore wit apps/greet.wasm",
            "wasmstore wit apps/greet.wasm > greet.wit",
        ],
    ),
    (
        "size",
        &[
            "wasmstore size math/add.wasm",
            "wasmstore size math/add.wasm --by function --top 10",
        ],
    ),
    (
        "list",
        &[
            "wasmstore list",
            "wasmstore list math",
            "wasmstore list --long math",
            "wasmstore list --branch release --json",
        ],
    ),
    (
        "search",
        &[
            "wasmstore search import:wasi:http@0.2",
            "wasmstore search 'kind:module export:add size<=64KiB' --history",
            "wasmstore search --long 'import:wasi:http needs:threads'",
        ],
    ),
    (
        "world",
        &[
            "wasmstore world host.wit",
            "wasmstore world host.wit command --path apps",
        ],
    ),
    (
        "set",
        &[
            "wasmstore set f5caf7f9adbeae4cb50e0e2e2abb1c2d8a39d0b6 math/stable.wasm",
            "wasmstore set \"$(wasmstore hash math/add.wasm)\" math/stable.wasm",
        ],
    ),
    (
        "copy",
        &[
            "wasmstore copy math/add.wasm math/stable.wasm",
            "wasmstore copy math/add.wasm math/sub.wasm release/",
            "wasmstore copy math 'backup/2026' -m 'Keep a copy'",
        ],
    ),
    (
        "mv",
        &[
            "wasmstore mv math/add.wasm math/plus.wasm",
            "wasmstore mv math/add.wasm math/sub.wasm arithmetic/",
            "wasmstore mv math arithmetic --force",
        ],
    ),
    (
        "remove",
        &[
            "wasmstore remove math/add.wasm",
            "wasmstore remove math/add.wasm 'old/*.wasm'",
            "wasmstore remove math --recursive -m 'Remove the old modules'",
            "# Print what a glob selects",
            "wasmstore remove 'old/**' --dry-run",
        ],
    ),
    (
        "versions",
        &[
            "wasmstore versions math/add.wasm",
            "wasmstore versions --long math/add.wasm",
        ],
    ),
    (
        "version",
        &["# The oldest version", "wasmstore version 0 math/add.wasm"],
    ),
    (
        "audit",
        &[
            "wasmstore audit math/add.wasm",
            "wasmstore audit --long math/add.wasm",
            "wasmstore audit math/add.wasm --branch release --json",
        ],
    ),
    (
        "snapshot",
        &["wasmstore snapshot", "wasmstore snapshot --branch release"],
    ),
    (
        "commit",
        &["wasmstore commit 419f6142a3c9e07d1b52f8b60c64ad7e3f18d905 --json"],
    ),
    (
        "log",
        &[
            "wasmstore log -n 10",
            "wasmstore log --graph --oneline",
            "wasmstore log math --since 30d --author Ann",
            "wasmstore log math/add.wasm --export add --grew 10%",
            "wasmstore log --follow math/add.wasm",
        ],
    ),
    ("show", &["wasmstore show", "wasmstore show release"]),
    (
        "diff",
        &[
            "wasmstore diff release main",
            "wasmstore diff math/add.wasm",
            "wasmstore diff release main math/add.wasm --json",
            "wasmstore diff --exit-code math/1.0.0/add.wasm math/1.1.0/add.wasm",
            "# A file that is not in the store yet",
            "wasmstore diff math/add.wasm ./add.wasm",
        ],
    ),
    (
        "restore",
        &[
            "wasmstore restore 419f6142a3c9e07d1b52f8b60c64ad7e3f18d905",
            "wasmstore restore 419f6142a3c9e07d1b52f8b60c64ad7e3f18d905 math/add.wasm",
        ],
    ),
    (
        "rollback",
        &[
            "wasmstore rollback",
            "wasmstore rollback math/add.wasm -m 'Rounds the wrong way'",
            "wasmstore rollback --dry-run",
        ],
    ),
    (
        "branch",
        &[
            "wasmstore branch release",
            "wasmstore branch hotfix --from release",
            "wasmstore branch --list",
            "wasmstore branch hotfix --delete",
        ],
    ),
    (
        "merge",
        &[
            "# Merge the new commits of main into the branch release",
            "wasmstore merge main --branch release --no-ff -m 'Release 1.2'",
        ],
    ),
    (
        "tag",
        &[
            "wasmstore tag v1.0",
            "wasmstore tag v1.1 main~2 -m 'Release 1.1'",
            "wasmstore tag --list --long",
            "wasmstore tag --delete v1.0",
        ],
    ),
    (
        "gc",
        &[
            "# Delete only what no branch or tag reaches",
            "wasmstore gc --keep-history",
            "# Print how much a gc would drop if it keeps ten versions of each module in ci",
            "wasmstore gc --keep-last 10 ci --dry-run",
            "# Keep what the branch had in the last 90 days, and what is tagged",
            "wasmstore gc --keep-since 90d --keep-tags --yes",
        ],
    ),
    (
        "watch",
        &[
            "wasmstore watch",
            "wasmstore watch --branch release -- ./deploy.sh",
            "# Run deploy.sh for each change below math, also for those made while watch was stopped",
            "wasmstore watch --path math/ --since-file deploy.cursor -- ./deploy.sh",
        ],
    ),
    (
        "export",
        &[
            "wasmstore export -o modules",
            "wasmstore export --branch release -o release",
            "wasmstore export math/1.0.0 -o modules",
        ],
    ),
    (
        "import",
        &[
            "wasmstore import target/wasm32-wasip1/release --include '*.wasm'",
            "wasmstore import modules math -m 'Import the math modules'",
            "wasmstore import dist math/1.0.0 --if-absent --root https://modules.example.org",
        ],
    ),
    ("oci tags", &["wasmstore oci tags math/add"]),
    ("oci show", &["wasmstore oci show math/add:1.0.0"]),
    ("backup", &["wasmstore backup store.tar.gz"]),
    (
        "mirror add",
        &["wasmstore mirror add backup ssh://git@git.example.org/modules.git"],
    ),
    ("mirror list", &["wasmstore mirror list"]),
    ("mirror status", &["wasmstore mirror status --json"]),
    (
        "mirror push",
        &["wasmstore mirror push", "wasmstore mirror push backup"],
    ),
    ("mirror remove", &["wasmstore mirror remove backup"]),
    ("bucket init", &["wasmstore bucket init s3://modules/store"]),
    (
        "bucket status",
        &["wasmstore bucket status s3://modules/store"],
    ),
    (
        "bucket probe",
        &["wasmstore bucket probe s3://modules/store"],
    ),
    (
        "bucket verify",
        &["wasmstore bucket verify s3://modules/store"],
    ),
    (
        "clone",
        &[
            "wasmstore clone https://git.example.org/modules.git --root copy",
            "wasmstore clone https://modules.example.org/wasmstore.git --root copy",
            "wasmstore clone @prod --root copy",
        ],
    ),
    (
        "login",
        &[
            "wasmstore login https://modules.example.org",
            "# Then `--root @prod` selects this server",
            "wasmstore login https://modules.example.org --name prod --key-file /run/secrets/key",
            "wasmstore login --list",
        ],
    ),
    (
        "logout",
        &[
            "wasmstore logout https://modules.example.org",
            "wasmstore logout @prod",
        ],
    ),
    ("verify", &["wasmstore verify", "wasmstore verify --repair"]),
    ("reindex", &["wasmstore reindex"]),
    (
        "server",
        &[
            "wasmstore server",
            "wasmstore server --host 0.0.0.0 --tls key.pem,cert.pem --auth-file keys",
            "wasmstore server --config wasmstore.toml --check",
        ],
    ),
    (
        "completions",
        &[
            "wasmstore completions bash > ~/.local/share/bash-completion/completions/wasmstore",
            "wasmstore completions fish > ~/.config/fish/completions/wasmstore.fish",
        ],
    ),
    (
        "man",
        &[
            "wasmstore man ~/.local/share/man/man1",
            "wasmstore man | man -l -",
        ],
    ),
];

/// Returns the example lines of a command; empty if it has none. `words` are the words of the command, without `wasmstore`.
pub(super) fn of(words: &str) -> &'static [&'static str] {
    let found = EXAMPLES.iter().find(|(command, _)| *command == words);
    found.map_or(&[], |(_, lines)| lines)
}

/// Adds the examples to the help of every command.
pub(super) fn add_to_help(command: Command) -> Command {
    add_below("", command)
}

fn add_below(words: &str, command: Command) -> Command {
    let names = command.get_subcommands().map(Command::get_name);
    let names: Vec<_> = names.map(str::to_owned).collect();
    let command = names.iter().fold(command, |command, name| {
        let words = format!("{words} {name}");
        command.mut_subcommand(name, |inner| add_below(words.trim_start(), inner))
    });
    let lines = of(words);
    if lines.is_empty() {
        return command;
    }
    let mut text = format!("Examples:\n  {}", lines.join("\n  "));
    if let Some(rest) = command.get_after_help() {
        text.push_str(&format!("\n\n{rest}"));
    }
    command.after_help(text)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::command_line::CommandLine;

    /// Splits a shell line into words, as sh(1) does for plain and quoted text. Panics at any other character with a meaning in a shell.
    fn split(line: &str) -> Vec<String> {
        let (mut words, mut quote, mut word) = (Vec::new(), None, None);
        for c in line.chars() {
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (Some(_), c) => word.get_or_insert_with(String::new).push(c),
                (None, '\'' | '"') => {
                    quote = Some(c);
                    word.get_or_insert_with(String::new);
                }
                (None, ' ') => words.extend(word.take()),
                (None, c) => {
                    assert!(!"$`;&*?<()\\".contains(c), "{line}");
                    word.get_or_insert_with(String::new).push(c);
                }
            }
        }
        assert_eq!(quote, None, "{line}");
        words.extend(word);
        words
    }

    /// Returns the words of each call of `wasmstore` in a line. A call ends at a pipe, or is inside of `"$(…)"`. In the words of the outer
    /// call, a sample hash or digest stands for `"$(…)"`.
    fn calls(line: &str) -> Vec<Vec<String>> {
        let mut line = line.to_owned();
        let mut calls = Vec::new();
        while let Some((before, rest)) = line.clone().split_once("\"$(") {
            let (inner, after) = rest.split_once(")\"").unwrap();
            calls.push(inner.to_owned());
            line = format!("{before}{}{after}", "0".repeat(64));
        }
        calls.extend(line.split(" | ").map(str::to_owned));
        let words = calls
            .iter()
            .map(|call| split(call.split(" > ").next().unwrap()));
        words.filter(|words| words[0] == "wasmstore").collect()
    }

    /// Calls `visit` for every visible command, with the words and the clap definition of the command.
    fn each(words: &str, command: &Command, visit: &mut dyn FnMut(&str, &Command)) {
        visit(words, command);
        for inner in command
            .get_subcommands()
            .filter(|inner| !inner.is_hide_set())
        {
            each(
                format!("{words} {}", inner.get_name()).trim_start(),
                inner,
                visit,
            );
        }
    }

    #[test]
    fn every_command_has_examples_and_they_are_calls_of_it() {
        let mut command_words = Vec::new();
        each("", &CommandLine::command(), &mut |words, command| {
            let (lines, is_group) = (of(words), command.is_subcommand_required_set());
            assert!(is_group || !lines.is_empty(), "`{words}` needs examples");
            for line in lines.iter().filter(|line| !line.starts_with('#')) {
                let calls = calls(line);
                let begins = |call: &Vec<String>| call[1..].join(" ").starts_with(words);
                assert!(calls.iter().any(begins), "{line}");
                for call in calls {
                    let parsed = CommandLine::command().try_get_matches_from(&call);
                    assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
                }
            }
            command_words.push(words.to_owned());
        });
        for (words, lines) in EXAMPLES {
            assert!(command_words.iter().any(|known| known == words), "{words}");
            assert!(lines.iter().all(|line| line.len() <= 90), "{words}");
        }
    }

    #[test]
    fn examples_follow_the_options_and_precede_other_text() {
        let mut command = add_to_help(CommandLine::command());
        let main = command.render_long_help().to_string();
        let at = |text: &str| main.find(text).unwrap_or_else(|| panic!("{text}: {main}"));
        assert!(at("Global options:") < at("Examples:\n  wasmstore add"));
        assert!(at("Examples:") < at("\n\nEnvironment"));
        let list = command.find_subcommand_mut("list").unwrap();
        let help = list.render_help().to_string();
        assert!(
            help.ends_with("\n  wasmstore list --branch release --json\n"),
            "{help}"
        );
    }
}
