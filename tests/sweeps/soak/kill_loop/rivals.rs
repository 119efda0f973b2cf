//! The program run beside the server on the same store, and killed with it or not.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::ledger::Figures;
use super::writers::{Attempt, Fate};
use crate::soak::modules;
use crate::support::program::World;
use crate::support::random::Random;
use crate::support::store::blob_id;

/// Longer than one waits for the others.
const LONG: Duration = Duration::from_secs(90);

/// A process beside the server; it is killed at the end.
pub struct Rival {
    child: Child,
    /// What it adds; a `gc` adds nothing.
    attempt: Option<Attempt>,
}

impl Rival {
    /// Collects garbage.
    pub fn gc(world: &World, args: &[&str]) -> Self {
        Self::start(world, &[&["gc"], args].concat(), None)
    }

    /// Adds a module.
    pub fn add(world: &World, random: &mut Random) -> Self {
        let module = modules::small(random.next());
        let path = format!("rival/{}", random.below(4));
        world.file("rival.wasm", &module);
        let attempt = Attempt {
            branch: "main",
            path: path.clone(),
            value: Some(blob_id(&module)),
            makes_commit: true,
            fate: Fate::Unanswered,
        };
        let args = ["--branch", "main", "add", "rival.wasm", &path];
        Self::start(world, &args, Some(attempt))
    }

    fn start(world: &World, args: &[&str], attempt: Option<Attempt>) -> Self {
        let mut command = world.wasmstore(args);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        Self { child, attempt }
    }

    /// Kills it, or waits for its end. Returns what it added, or may have added.
    pub fn end(mut self, is_killed: bool, figures: &mut Figures) -> Option<Attempt> {
        let began = Instant::now();
        while !is_killed && self.child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < LONG, "it still runs");
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let status = self.child.wait().unwrap();
        let is_done = status.code() == Some(0);
        if !is_done && status.code().is_some() {
            let stderr = self.child.stderr.take().unwrap();
            let reason = std::io::read_to_string(stderr).unwrap_or_default();
            panic!("{status}: {reason}");
        }
        match (&mut self.attempt, is_done) {
            (Some(attempt), true) => attempt.fate = Fate::Done,
            (Some(_), false) => {}
            (None, true) => figures.gcs_done += 1,
            (None, false) => figures.gcs_killed += 1,
        }
        self.attempt.take()
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
