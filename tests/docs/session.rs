//! Runs a page from beginning to end.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::STAND_INS;
use super::compare::{Ids, replace_word};
use super::fixtures;
use super::page::{Block, Page, Step, drop_blanks};
use super::ports;
use super::shell::Shell;
use crate::support::program::{World, has_program, is_report};

/// Programs that a machine with Rust and git may lack.
const OPTIONAL: [&str; 5] = ["curl", "node", "openssl", "nginx", "skopeo"];
const README: &str = "README.md";
/// The directory that the set-up makes, relative to the working directory of the world.
const TRIAL: &str = "../trial";
/// The time limit of a block marked "soon".
const SOON: Duration = Duration::from_secs(20);

struct Session {
    page: &'static str,
    /// Stopped before the directories are removed.
    shell: Shell,
    world: World,
    /// The working directory, relative to the one of the world.
    directory: &'static str,
    ids: Ids,
    /// Text on the page and its replacement.
    stand_ins: Vec<(&'static str, String)>,
    ports: Vec<(&'static str, String)>,
}

/// Runs all blocks of a page.
pub fn run(name: &'static str) {
    let mut session = Session::begin(README);
    if name != README {
        for step in &set_up() {
            session.step(step, false);
        }
        (session.page, session.directory) = (name, TRIAL);
    }
    for block in Page::read(name).blocks {
        if let Some((program, text)) = missing(&block) {
            let first = text.lines().next().unwrap_or_default();
            return println!("skipped: {name} from {first:?} on, as there is no {program}");
        }
        match block {
            Block::Typed { steps, is_soon } => {
                for (nth, step) in steps.iter().enumerate() {
                    session.step(step, is_soon && nth == 0);
                }
            }
            Block::SetUp { steps } => {
                for step in &steps {
                    session.step(step, false);
                }
            }
            Block::File { name, text } => {
                let name = format!("{}/{name}", session.directory);
                session.world.file(&name, session.actual(&text));
            }
            Block::Stop => session.shell.stop(),
            Block::NotRun { .. } => {}
        }
    }
    session.shell.stop();
}

/// Returns the block of the README that a reader types before each page.
fn set_up() -> Vec<Step> {
    let blocks = Page::read(README).blocks.into_iter();
    let mut steps = blocks.filter_map(|block| match block {
        Block::SetUp { steps } => Some(steps),
        _ => None,
    });
    steps.next().expect("the README has a block for the set-up")
}

/// Returns a missing program, and the command or file that uses it.
fn missing(block: &Block) -> Option<(&'static str, &str)> {
    let texts: Vec<&str> = match block {
        Block::Typed { steps, .. } | Block::SetUp { steps } => {
            steps.iter().map(|step| step.command.as_str()).collect()
        }
        Block::File { text, .. } => vec![text],
        Block::NotRun { .. } | Block::Stop => Vec::new(),
    };
    let has = |text: &str, program: &str| {
        let mut words = text.split(|c: char| !c.is_alphanumeric());
        words.any(|word: &str| word == program)
    };
    let absent = OPTIONAL.into_iter().filter(|program| !has_program(program));
    let found = absent.flat_map(|program| texts.iter().map(move |text| (program, *text)));
    found.into_iter().find(|(program, text)| has(text, program))
}

impl Session {
    fn begin(page: &'static str) -> Self {
        let world = World::empty();
        let dir = world.path("..").canonicalize().unwrap();
        let clone = Path::new(env!("CARGO_MANIFEST_DIR"));
        for name in ["fixtures", "README.md"] {
            symlink(clone.join(name), world.path(name)).unwrap();
        }
        fs::create_dir(dir.join("trial")).unwrap();
        let here = dir.to_str().unwrap();
        let stand_ins = STAND_INS.map(|(shown, is)| (shown, is.replace("{dir}", here)));
        let ports = ports::SHOWN.map(|port| (port, ports::free().to_string()));
        // On a pipe, curl would print its progress.
        for home in ["home", "trial"] {
            fs::write(dir.join(home).join(".curlrc"), "silent\nshow-error\n").unwrap();
        }
        let bash = bash(&world, &ports[0].1);
        Self {
            page,
            shell: Shell::start(bash, dir),
            world,
            directory: ".",
            ids: Ids::new(fixtures::hashes()),
            stand_ins: stand_ins.into(),
            ports: ports.into(),
        }
    }

    fn step(&mut self, step: &Step, is_soon: bool) {
        let command = self.actual(&step.command);
        let began = Instant::now();
        loop {
            let mut wanted = step.shown.clone();
            let printed = if runs("server", &step.command) {
                wanted.push("…".to_owned());
                self.shell.serve(&command, step.shown.len())
            } else if runs("watch", &step.command) {
                self.shell.start_in_background(&command);
                Vec::new()
            } else {
                self.shell.run(&command)
            };
            let mut printed: Vec<_> = printed.iter().map(|line| self.shown(line)).collect();
            drop_blanks(&mut printed);
            // Most pages leave out the reports of changes, which are on stderr.
            if !wanted.iter().any(|line| is_report(line)) {
                printed.retain(|line| !is_report(line));
            }
            if self.ids.agree(&wanted, &printed) {
                return;
            }
            if !is_soon || began.elapsed() > SOON {
                let wanted = wanted.join("\n");
                let (page, line) = (self.page, step.line);
                panic!(
                    "{page}:{line}: {command}\n--- prints\n{}\n--- but the page shows\n{wanted}",
                    printed.join("\n")
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Returns the text to type for a text on the page.
    fn actual(&self, text: &str) -> String {
        let text = self.ids.replace(text);
        let stand_ins = self.stand_ins.iter();
        let text = stand_ins.fold(text, |text, (shown, is)| text.replace(shown, is));
        let ports = self.ports.iter();
        ports.fold(text, |text, (shown, is)| replace_word(&text, shown, is))
    }

    /// Returns the text on the page for a printed line.
    fn shown(&self, line: &str) -> String {
        let is_folder = |(_, is): &&(_, String)| is.starts_with('/');
        let folders = self.stand_ins.iter().filter(is_folder);
        let line = folders.fold(line.to_owned(), |line, (shown, is)| line.replace(is, shown));
        let ports = self.ports.iter();
        ports.fold(line, |line, (shown, is)| replace_word(&line, is, shown))
    }
}

/// Returns a bash with `wasmstore` on the path, whose servers listen on their own port. Only the set-up names an author.
fn bash(world: &World, port: &str) -> Command {
    let mut bash = world.command("bash");
    let program = Path::new(env!("CARGO_BIN_EXE_wasmstore"));
    let path = std::env::var("PATH").unwrap_or_default();
    bash.env(
        "PATH",
        format!("{}:{path}", program.parent().unwrap().display()),
    );
    bash.env("WASMSTORE_PORT", port);
    bash.env_remove("GIT_CONFIG_GLOBAL");
    bash
}

/// Returns whether a command is this command of `wasmstore` and runs until it is stopped.
fn runs(name: &str, command: &str) -> bool {
    let mut words = command
        .split_whitespace()
        .skip_while(|word| word.contains('='));
    let ends = ["--check", "||"].iter().any(|word| command.contains(word));
    words.next() == Some("wasmstore") && words.any(|word| word == name) && !ends
}
