//! Help texts, manual pages and suggestions for mistyped commands.

use std::fs;

use crate::support::program::World;

/// Returns the subcommands that a help text lists, except `help`.
fn listed(help: &str) -> Vec<String> {
    let Some(list) = help.split("Commands:\n").nth(1) else {
        return Vec::new();
    };
    let lines = list.split("\n\n").next().unwrap().lines();
    let names = lines.filter_map(|line| line.split_whitespace().next());
    let names = names.filter(|name| *name != "help");
    names.map(str::to_owned).collect()
}

/// Returns every command without subcommands, as the words of its command line.
fn commands(world: &World) -> Vec<Vec<String>> {
    let (mut todo, mut found) = (vec![Vec::new()], Vec::new());
    while let Some(words) = todo.pop() {
        let inner = listed(&help(world, &words));
        if inner.is_empty() {
            found.push(words);
            continue;
        }
        todo.extend(inner.into_iter().map(|name| [&words[..], &[name]].concat()));
    }
    found.sort();
    found
}

fn help(world: &World, words: &[String]) -> String {
    let mut args: Vec<_> = words.iter().map(String::as_str).collect();
    args.push("--help");
    world.ok(&args)
}

/// Commands whose JSON is not on the page: scripts and pages that are long, lines without an end, what depends on the machine, and what needs a
/// server with keys.
const NOT_SHOWN: [&str; 6] = [
    "bucket probe",
    "completions",
    "login",
    "logout",
    "man",
    "watch",
];

#[test]
fn the_page_shows_the_json_of_every_command() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/json.md");
    let page = fs::read_to_string(page).unwrap();
    for words in commands(&World::empty()) {
        let name = words.join(" ");
        let typed = format!("$ wasmstore --json {name}");
        let mut lines = page.lines().map(str::trim);
        let is_shown = lines.any(|line| {
            let rest = line.strip_prefix(&typed);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        });
        assert_ne!(is_shown, NOT_SHOWN.contains(&name.as_str()), "{name}");
    }
}

#[test]
fn help_of_every_command_has_a_summary_and_describes_its_json() {
    let world = World::empty();
    let commands = commands(&world);
    assert!(commands.len() > 30, "{commands:?}");
    for words in commands {
        let help = help(&world, &words);
        let mut lines = help.lines();
        let summary = lines.next().unwrap();
        assert!(
            (10..=80).contains(&summary.len()) && !summary.ends_with('.'),
            "{words:?}: {summary}"
        );
        assert_eq!(lines.next(), Some(""), "{words:?}: the summary is a line");
        let about = help.split("Usage:").next().unwrap();
        let about = about.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            about.contains("JSON: ") || about.contains("with or without --json: "),
            "{words:?}: {about}"
        );
        assert!(about.to_lowercase().contains("print"), "{words:?}: {about}");
        let headings = help
            .lines()
            .filter(|line| line.ends_with(':') && !line.starts_with(' '));
        let headings: Vec<_> = headings.collect();
        let last = ["Global options:", "Examples:"];
        assert!(headings.ends_with(&last), "{words:?}: {headings:?}");
    }
    let main = world.ok(&["--help"]);
    assert!(
        main.contains("JSON: {") || main.contains("JSON:\n{"),
        "{main}"
    );
    assert!(!listed(&main).contains(&"hook".to_owned()));
}

#[test]
fn every_command_has_a_manual_page() {
    let world = World::empty();
    assert_eq!(world.ok(&["man", "new/pages"]), "");
    let page = |name: &str| fs::read_to_string(world.path("new/pages").join(name));
    let commands = commands(&world);
    for words in &commands {
        let name = format!("wasmstore-{}.1", words.join("-"));
        let text = page(&name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let help = help(&world, words);
        // Manual pages escape apostrophes.
        let summary = help.split(['\'', '\n']).next().unwrap();
        let unescaped = text.replace('\\', "");
        assert!(
            text.contains(".TH ") && unescaped.contains(summary),
            "{name}"
        );
        let examples = unescaped
            .split(".SH EXAMPLES\n.nf\n")
            .nth(1)
            .unwrap_or_default();
        let calls = format!("wasmstore {}", words.join(" "));
        assert!(examples.contains(&calls), "{name}: {examples}");
    }
    let main = page("wasmstore.1").unwrap();
    assert!(main.contains("wasmstore\\-add(1)"), "{main}");
    assert_eq!(world.ok(&["man"]), main);
    // `wasmstore` and its groups `bucket`, `mirror` and `oci` have pages too; hidden commands have none.
    let files = fs::read_dir(world.path("new/pages")).unwrap();
    assert_eq!(files.count(), commands.len() + 4);
    page("wasmstore-hook.1").unwrap_err();
    assert!(!world.root().exists());
}

#[test]
fn man_lists_its_pages_as_json() {
    let world = World::empty();
    let json = world.json(&["man", "pages"]);
    assert_eq!(json["directory"], "pages");
    assert_eq!(json["pages"][0], "wasmstore.1");
    let count = fs::read_dir(world.path("pages")).unwrap().count();
    assert_eq!(json["pages"].as_array().unwrap().len(), count);
    assert_eq!(world.json(&["man"])["page"], world.ok(&["man"]));
}

#[test]
fn man_fails_if_its_target_is_not_a_directory() {
    let world = World::empty();
    world.file("file", "x");
    let reason = world.fails(1, &["man", "file"]);
    assert!(reason.starts_with("cannot write \"file\": "), "{reason}");
    assert_eq!(world.run(&["man", "a", "b"]).code, Some(2));
}

#[test]
fn invalid_command_line_is_described_in_two_lines() {
    let world = World::empty();
    for (args, reason, hint) in [
        (
            &["add"][..],
            "`add` needs <FILE>",
            "usage: wasmstore add <FILE> [PATH]; `wasmstore add --help` shows more",
        ),
        (
            &["log", "-n", "many"],
            "invalid value \"many\" for --max-count: expected a whole number, 0 or more",
            "`wasmstore log --help` shows how to use it",
        ),
        (
            &["log", "-n", "99999999999999999999"],
            "invalid value \"99999999999999999999\" for --max-count: the number is too large",
            "`wasmstore log --help` shows how to use it",
        ),
        (
            &["list", "--color", "blue"],
            "invalid value \"blue\" for --color: not one of auto, always, never",
            "`wasmstore list --help` shows how to use it",
        ),
        (
            &["--root", "s", "mirror"],
            "`mirror` needs one of the commands add, list, status, push, remove",
            "`wasmstore mirror --help` shows how to use it",
        ),
        (
            &["hash", "a.wasm", "b.wasm"],
            "there is an argument too many: \"b.wasm\"",
            "usage: wasmstore hash [OPTIONS] <PATH>; `wasmstore hash --help` shows more",
        ),
        (
            &["--brnach", "main", "list"],
            "`wasmstore` has no option --brnach",
            "did you mean '--branch'?",
        ),
        (
            &["-m", "x", "add", "f"],
            "`wasmstore` has no option -m",
            "usage: wasmstore [OPTIONS] [COMMAND]; `wasmstore --help` shows more",
        ),
        (
            &["help", "nosuch"],
            "there is no command `nosuch`",
            "usage: wasmstore [OPTIONS] [COMMAND]; `wasmstore help --help` shows more",
        ),
        (
            &["mv", "a.wasm"],
            "`mv` needs <DEST>",
            "usage: wasmstore mv <SRC>... <DEST>; `wasmstore mv --help` shows more",
        ),
        (
            &["server", "--drain", "15s"],
            "invalid value \"15s\" for --drain: expected a whole number of seconds",
            "`wasmstore server --help` shows how to use it",
        ),
        (
            &["tag", "v7", "--commit", "main"],
            "`tag` has no option --commit",
            "the commit is the second argument: `wasmstore tag v7 COMMIT`",
        ),
        (
            &["branch", "new", "main~1"],
            "there is an argument too many: \"main~1\"",
            "`wasmstore branch new --from 'main~1'` creates the branch at this commit",
        ),
        (
            &["rollback", "--to", "v1"],
            "`rollback` has no option --to",
            "`rollback` undoes the newest change; `wasmstore restore COMMIT [PATH]` goes back to a commit",
        ),
        (&["ls"], "there is no command `ls`", "did you mean 'list'?"),
        (
            &["rm", "-x"],
            "there is no command `rm`",
            "did you mean 'remove'?",
        ),
        (
            &["mirror", "lst"],
            "there is no command `mirror lst`",
            "did you mean 'list'?",
        ),
        (
            &["branch", "a", "--delete", "--from", "b"],
            "--delete cannot be used together with --from <BRANCH|COMMIT>",
            "usage: wasmstore branch --delete <NAME|--list|--default <NAME>>; `wasmstore branch --help` shows more",
        ),
    ] {
        let ran = world.run(args);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{args:?}");
        assert_eq!(ran.err, format!("wasmstore: {reason}\nhint: {hint}\n"));
        let quiet = world.run(&[args, &["--quiet"]].concat());
        assert_eq!(quiet.err, format!("wasmstore: {reason}\n"));
    }
    // Options that have little in common with a mistyped one are not guessed.
    for args in [
        ["merge", "x", "--abort"],
        ["list", "--limit", "3"],
        ["add", "--checksum", "x"],
    ] {
        let ran = world.run(&args);
        assert!(!ran.err.contains("did you mean"), "{}", ran.err);
    }
    // A tool that others have, but not this one, is not guessed.
    let copy = world.run(&["cp", "a", "b"]);
    assert!(!copy.err.contains("completions"), "{}", copy.err);
}

#[test]
fn similar_command_or_flag_is_suggested() {
    let world = World::empty();
    for (args, guess) in [
        (&["lisst"][..], "'list'"),
        (&["mirror", "pusch"], "'push'"),
        (&["log", "--grpah"], "'--graph'"),
        (&["list", "--jsn"], "'--json'"),
    ] {
        let ran = world.run(args);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{args:?}");
        assert!(ran.err.contains(guess), "{args:?}: {}", ran.err);
    }
}
