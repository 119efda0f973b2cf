//! A bash that runs the commands of a page, and the servers and watchers that it starts.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// The time limit of a command, far longer than any takes.
const LONG: Duration = Duration::from_secs(60);
const END: &str = "--- that was it ---";

pub struct Shell {
    bash: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
    /// The directory of the logs of servers.
    directory: PathBuf,
    servers: Vec<u32>,
    /// The number of servers that were started. Each has a log of its own: that of a server that was stopped says that it listens.
    started: usize,
}

impl Shell {
    /// Starts bash.
    pub fn start(mut bash: Command, directory: PathBuf) -> Self {
        let bash = bash.args(["--noprofile", "--norc"]);
        let mut bash = bash
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = bash.stdin.take().unwrap();
        let stdout = BufReader::new(bash.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.split(b'\n').map_while(Result::ok) {
                let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
            }
        });
        let mut shell = Self {
            bash,
            stdin,
            lines,
            directory,
            servers: Vec::new(),
            started: 0,
        };
        shell.run("exec 2>&1");
        shell
    }

    /// Runs a command to its end. Returns the lines that it prints.
    pub fn run(&mut self, command: &str) -> Vec<String> {
        // `$?` must be the status of the previous command. Its output may lack a final line feed.
        writeln!(
            self.stdin,
            "{{ (exit $last); {command}\n}} </dev/null; last=$?; printf '\\n{END}\\n'"
        )
        .unwrap();
        let mut printed = Vec::new();
        loop {
            let line = self.lines.recv_timeout(LONG);
            let line = line.unwrap_or_else(|_| panic!("{command:?} does not end: {printed:?}"));
            if line == END {
                break;
            }
            printed.push(line);
        }
        if printed.last().is_some_and(String::is_empty) {
            printed.pop();
        }
        printed
    }

    /// Starts a server. Returns its log once it listens and the log has `count` lines, or once it has ended.
    pub fn serve(&mut self, command: &str, count: usize) -> Vec<String> {
        let (pid, log) = self.start_in_background(command);
        let began = Instant::now();
        loop {
            let text = fs::read_to_string(&log).unwrap_or_default();
            let lines: Vec<_> = text.lines().map(str::to_owned).collect();
            let is_up = text.contains("listening on ") && lines.len() >= count;
            let is_gone = !is_up && self.run(&format!("kill -0 {pid} || echo")) != [""; 0];
            if is_up || is_gone || began.elapsed() > LONG {
                return lines;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Starts a command that runs until [`stop`](Self::stop). Returns its process id and the file with its output.
    pub fn start_in_background(&mut self, command: &str) -> (u32, PathBuf) {
        let log = self.directory.join(format!("log{}", self.started));
        self.started += 1;
        let started = format!("{command} </dev/null >{} 2>&1 & echo $!", log.display());
        let pid = self.run(&started).concat().parse().unwrap();
        self.servers.push(pid);
        (pid, log)
    }

    /// Stops the servers, one after the other.
    pub fn stop(&mut self) {
        for pid in std::mem::take(&mut self.servers) {
            self.run(&format!("kill {pid}; wait {pid}"));
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // A proxy that a page starts is not a child of the shell.
        let proxy = fs::read_to_string(self.directory.join("trial/nginx.pid")).unwrap_or_default();
        let pids = self.servers.iter().map(u32::to_string);
        for pid in pids
            .chain([proxy.trim().to_owned()])
            .filter(|pid| !pid.is_empty())
        {
            let mut kill = Command::new("kill");
            let _ = kill.arg(pid).stderr(Stdio::null()).status();
        }
        let _ = self.bash.kill();
        let _ = self.bash.wait();
    }
}
