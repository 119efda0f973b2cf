//! Starts `wasmstore watch`, and reads its lines.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::program::World;

/// How long a test waits for the next line at most.
const LINE_TIMEOUT: Duration = Duration::from_secs(30);

/// A running `wasmstore watch`, which is killed on drop.
pub struct WatchProcess {
    pub child: Child,
    pub lines: Receiver<String>,
}

impl WatchProcess {
    pub fn start(world: &World, args: &[&str]) -> Self {
        let mut command = world.interruptible(&[&["watch"], args].concat());
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines() {
                if line.ok().and_then(|line| send.send(line).ok()).is_none() {
                    break;
                }
            }
        });
        Self { child, lines }
    }

    /// Returns the next line of output.
    #[track_caller]
    pub fn next(&self) -> String {
        (self.lines.recv_timeout(LINE_TIMEOUT)).expect("`watch` printed no line in time")
    }
}

impl Drop for WatchProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
