//! Commands that run on the same store as the server, some of which are killed.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::history_check::KillCounts;
use super::writers::{Attempt, AttemptResult};
use crate::soak::modules;
use crate::support::program::World;
use crate::support::random::Random;
use crate::support::store::blob_id;

/// Longer than a command waits for the locks of other processes.
const LONG: Duration = Duration::from_secs(90);

/// A running command, which is killed on drop.
pub struct RunningCommand {
    child: Child,
    /// The change of the command; `None` for a `gc`.
    attempt: Option<Attempt>,
}

impl RunningCommand {
    /// Starts a `gc`.
    pub fn gc(world: &World, args: &[&str]) -> Self {
        Self::start(world, &[&["gc"], args].concat(), None)
    }

    /// Starts an `add`.
    pub fn add(world: &World, random: &mut Random) -> Self {
        let module = modules::small(random.next());
        let path = format!("command/{}", random.below(4));
        world.file("command.wasm", &module);
        let attempt = Attempt {
            branch: "main",
            path: path.clone(),
            value: Some(blob_id(&module)),
            makes_commit: true,
            result: AttemptResult::Unanswered,
        };
        let args = ["--branch", "main", "add", "command.wasm", &path];
        Self::start(world, &args, Some(attempt))
    }

    fn start(world: &World, args: &[&str], attempt: Option<Attempt>) -> Self {
        let mut command = world.wasmstore(args);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        Self { child, attempt }
    }

    /// Kills the command, or waits for its end. Returns its change, which may not have been applied.
    pub fn end(mut self, is_killed: bool, counts: &mut KillCounts) -> Option<Attempt> {
        let start = Instant::now();
        while !is_killed && self.child.try_wait().unwrap().is_none() {
            assert!(start.elapsed() < LONG, "the command still runs");
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
            (Some(attempt), true) => attempt.result = AttemptResult::Done,
            (Some(_), false) => {}
            (None, true) => counts.gcs_done += 1,
            (None, false) => counts.gcs_killed += 1,
        }
        self.attempt.take()
    }
}

impl Drop for RunningCommand {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
