//! Output on a terminal: colors, the pager and progress bars.

use std::fs;
use std::process::Command;

use wasmstore::names::is_display_control;

use crate::support::program::{CommandOutput, World, has_program, module, without_report};

/// Runs a command with additional environment variables.
fn with(world: &World, variables: &[(&str, &str)], args: &[&str]) -> CommandOutput {
    let mut command = world.wasmstore(args);
    command.envs(variables.iter().copied());
    command.output().unwrap().into()
}

/// Runs the program on a terminal, and returns the output.
fn on_terminal(world: &World, variables: &[(&str, &str)], args: &str) -> String {
    let binary = env!("CARGO_BIN_EXE_wasmstore");
    let mut script: Command = world.command("script");
    script
        .env("TERM", "xterm")
        .env("PAGER", "sed s/^/P/")
        .env("PROGRAM", binary)
        .envs(variables.iter().copied());
    script.args(["-qec", &format!("{binary} {args}"), "/dev/null"]);
    String::from_utf8(script.output().unwrap().stdout)
        .unwrap()
        .replace("\r\n", "\n")
}

#[test]
fn color_needs_a_terminal_or_an_option() {
    let world = World::empty();
    let plain = ("wasmstore: there is no module /a\n", "\nhint: there is");
    let colored = (
        "\u{1b}[1;31mwasmstore:\u{1b}[0m there is no module /a\n",
        "\n\u{1b}[1;36mhint:\u{1b}[0m there is",
    );
    for (color, (line, hint)) in [("auto", plain), ("never", plain), ("always", colored)] {
        let err = world.run(&["find", "a", "--color", color]).err;
        assert!(err.starts_with(line) && err.contains(hint), "{err:?}");
    }
    assert!(
        world
            .run(&["--color=always", "--nonsense"])
            .err
            .contains('\u{1b}')
    );
    assert!(
        !world
            .run(&["--color=never", "--nonsense"])
            .err
            .contains('\u{1b}')
    );
    assert!(world.ok(&["--color=always", "--help"]).contains('\u{1b}'));
    assert!(!world.ok(&["--help"]).contains('\u{1b}'));
    let force = ("CLICOLOR_FORCE", "1");
    for (variables, is_colored) in [
        (&[force][..], true),
        (&[("CLICOLOR_FORCE", "0")], false),
        (&[force, ("NO_COLOR", "1")], false),
    ] {
        let ran = with(&world, variables, &["find", "a"]);
        assert_eq!(ran.err.contains('\u{1b}'), is_colored, "{variables:?}");
    }
}

#[test]
fn terminal_output_honours_no_color_and_log_uses_a_pager() {
    if !has_program("script") {
        println!("skipped: no script(1) to make a terminal");
        return;
    }
    let world = World::with_store("sha1");
    let on_terminal = |variables: &[(&str, &str)], args: &str| on_terminal(&world, variables, args);
    assert!(on_terminal(&[], "find a").contains("\u{1b}[1;31mwasmstore:"));
    assert!(!on_terminal(&[("NO_COLOR", "1")], "find a").contains('\u{1b}'));
    assert!(!on_terminal(&[("TERM", "dumb")], "find a").contains('\u{1b}'));
    assert!(on_terminal(&[("NO_COLOR", "")], "find a").contains('\u{1b}'));
    let log = world.ok(&["log"]);
    let paged: String = log.lines().map(|line| format!("P{line}\n")).collect();
    assert_eq!(on_terminal(&[], "log"), paged);
    assert_eq!(on_terminal(&[], "log --plain"), log);
    assert_eq!(on_terminal(&[], "log --pager cat"), log);
    let output = on_terminal(&[("PAGER", "/no/such/pager")], "log");
    assert!(
        output.contains("cannot start the pager") && output.ends_with(&log),
        "{output}"
    );
    assert_eq!(
        on_terminal(&[], "log --pager true"),
        "",
        "the user may quit the pager early"
    );
    assert_eq!(
        on_terminal(&[], "log --branch b --color never"),
        "wasmstore: there is no branch \"b\"\nhint: `wasmstore branch --list` lists the branches\n"
    );
}

#[test]
fn control_characters_in_names_and_messages_are_escaped_on_a_terminal() {
    if !has_program("script") {
        println!("skipped: no script(1) to make a terminal");
        return;
    }
    let world = World::with_store("sha1");
    let hash = world.add("a", 1);
    // Other programs can write such names.
    let name = "n\u{202e}m";
    let listing = format!("100644 blob {hash}\t{name}");
    world.file("listing", listing);
    let mktree = "git -C ../home/.wasmstore mktree < listing";
    let tree = world.command("sh").args(["-c", mktree]).output();
    let tree = String::from_utf8(tree.unwrap().stdout).unwrap();
    let message = "subject \u{9b}31m\u{202e}\u{1b}[2J";
    let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
    let commit_tree = ["commit-tree", "-p", "main", "-m", message, tree.trim()];
    let commit = world.git(&[&identity[..], &commit_tree].concat());
    for branch in ["main", "b\u{9b}31m\u{2066}"] {
        world.git(&["update-ref", &format!("refs/heads/{branch}"), &commit]);
    }
    let parent = format!("{commit}~");
    let parent = world.git(&["rev-parse", &parent]);
    let diff = format!("diff {parent} main");
    let commit = format!("commit {commit}");
    let mut escaped = String::new();
    for args in [
        "list",
        "show",
        "log --plain",
        "log --graph",
        "branch --list",
        "audit a",
        &diff,
        "",
        "snapshot",
        "verify",
        "list --json",
        "log --json",
        "branch --list --json",
        &commit,
        "--nonsense=\u{202e}",
        "find \u{202e}x",
    ] {
        // Without progress bars.
        let args = format!("-q {args}");
        let output = on_terminal(&world, &[("NO_COLOR", "1"), ("PAGER", "cat")], &args);
        let raw: Vec<char> = output
            .chars()
            .filter(|c| is_display_control(*c) && !"\n\t".contains(*c))
            .collect();
        assert!(raw.is_empty(), "{args}: {raw:?} in {output:?}");
        escaped += &output;
    }
    for wanted in [
        "\t/n\\u{202e}m\n",
        "\"/n\\u202em\"",
        "b\\u{9b}31m\\u{2066}\n",
        "\"b\\u009b31m\\u2066\"",
        "subject \\u{9b}31m\\u{202e}\\u{1b}[2J\n",
        "subject \\u009b31m\\u202e\\u001b[2J",
    ] {
        assert!(escaped.contains(wanted), "{wanted:?} in {escaped:?}");
    }
    assert!(
        world.ok(&["list"]).contains(name),
        "a pipe gets the name itself"
    );
    assert!(world.ok(&["log"]).contains(message));
}

#[test]
fn large_file_has_a_progress_bar_on_a_terminal() {
    if !has_program("script") {
        println!("skipped: no script(1) to make a terminal");
        return;
    }
    let world = World::with_store("sha1");
    let large = format!(r#"(module (@custom "c" "{}"))"#, "x".repeat(9 << 20));
    world.file("large.wasm", wat::parse_str(large).unwrap());
    world.file("small.wasm", module(1));
    let on_terminal = |args: &str| on_terminal(&world, &[], args);
    let hash = |file: &str| world.git(&["hash-object", world.path(file).to_str().unwrap()]);
    let (large, small) = (hash("large.wasm"), hash("small.wasm"));
    let output = on_terminal("add large.wasm a");
    assert!(
        output.contains("/9.00 MiB") && output.contains(&large),
        "{output:?}"
    );
    assert_eq!(on_terminal("add large.wasm b -q"), format!("{large}\n"));
    assert_eq!(on_terminal("add small.wasm c -q"), format!("{small}\n"));
    let piped = format!("add large.wasm d 2> {}", world.path("err").display());
    assert_eq!(on_terminal(&piped), format!("{large}\n"));
    let err = fs::read_to_string(world.path("err")).unwrap();
    assert_eq!(without_report(&err), "");
    assert!(on_terminal("gc --yes").contains("gc "));
    world.fsck();
}

#[test]
fn progress_is_cleared_before_other_output() {
    if !has_program("script") {
        println!("skipped: no script(1) to make a terminal");
        return;
    }
    let world = World::with_store("sha1");
    world.file("a.wasm", module(1));
    // script(1) runs the command line with a shell, whose last command reads the pipe.
    let output = on_terminal(
        &world,
        &[],
        "find none 2> /dev/null; cat a.wasm | $PROGRAM add - a",
    );
    assert!(output.contains("add "), "{output:?}");
    // What is left of a line is what was printed after it was cleared.
    let lines = output.lines().map(|line| line.rsplit("\u{1b}[2K").next());
    let lines: Vec<_> = lines.flatten().collect();
    assert_eq!(lines[0], world.hash(1), "{output:?}");
    assert!(lines[1].starts_with("committed "), "{output:?}");
}

#[test]
fn a_module_is_not_printed_on_a_terminal() {
    if !has_program("script") {
        println!("skipped: no script(1) to make a terminal");
        return;
    }
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    let refused = on_terminal(&world, &[("NO_COLOR", "1")], "find a.wasm");
    assert_eq!(
        refused,
        "wasmstore: /a.wasm is binary, and standard output is a terminal\n\
         hint: write it to a file with -o FILE, or redirect the output\n"
    );
    assert_eq!(on_terminal(&world, &[], "find a.wasm -o copy.wasm"), "");
    assert_eq!(fs::read(world.path("copy.wasm")).unwrap(), module(1));
}

#[test]
fn gc_asks_on_a_terminal_before_it_drops_history() {
    if !has_program("script") {
        println!("skipped: no script(1) to make a terminal");
        return;
    }
    let world = World::with_store("sha1");
    world.add("a", 1);
    world.add("a", 2);
    let tip = world.tip();
    // script(1) passes the answer on to the terminal.
    let answered = |answer: &str, args: &str| {
        let binary = env!("CARGO_BIN_EXE_wasmstore");
        let command = format!("printf '{answer}\\n' | script -qec '{binary} {args}' /dev/null");
        let output = world.command("sh").args(["-c", &command]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let question = "gc drops 2 commits and 1 versions of modules";
    let refused = answered("n", "gc");
    assert!(refused.contains(question), "{refused:?}");
    assert!(refused.contains("nothing was changed"), "{refused:?}");
    assert_eq!(world.tip(), tip);
    assert!(!answered("n", "gc --keep-history").contains("Continue?"));
    assert!(!answered("n", "gc --dry-run").contains("Continue?"));
    let agreed = answered("y", "gc");
    assert!(
        agreed.contains(question) && agreed.contains("gc dropped history"),
        "{agreed:?}"
    );
    assert_ne!(world.tip(), tip);
    assert!(
        !answered("n", "gc").contains("Continue?"),
        "there is nothing to drop"
    );
}
