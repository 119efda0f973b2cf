//! What makes trouble: the remote goes away and comes back, and the server is killed.

use std::fs;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::{SETTLED, Soak};
use crate::support::server::Server;

/// What makes trouble while changes are made, and what it has seen.
pub struct Trouble<'s> {
    pub soak: &'s Soak,
    pub server: Server,
    pub step: Duration,
    pub returned: Instant,
    pub kills: u32,
    pub looks: u32,
    pub lag_most_s: f64,
    pub return_most: Duration,
}

impl Trouble<'_> {
    pub fn is_writing(&self) -> bool {
        self.soak.next.load(Ordering::Relaxed) < self.soak.changes
    }

    /// Looks at the metric for some steps.
    pub fn look(&mut self, steps: u32) {
        let until = Instant::now() + self.step * steps;
        while Instant::now() < until {
            self.look_once();
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn look_once(&mut self) {
        if let Some(lag) = self.soak.look(&self.server) {
            self.looks += 1;
            self.lag_most_s = self.lag_most_s.max(lag);
        }
    }

    fn kill(&mut self) {
        *self.soak.address.write().unwrap() = None;
        self.server.signal("KILL");
        let server = Server::start(&self.soak.world, &[]);
        std::mem::replace(&mut self.server, server).wait();
        *self.soak.address.write().unwrap() = Some(self.server.address);
        self.kills += 1;
    }

    /// The remote goes away, the server is killed, the remote comes back, and every other time the server is killed once more.
    pub fn round(&mut self, nth: u32) {
        self.soak.contact.lock().unwrap().up_s = None;
        fs::rename(&self.soak.mirror, self.soak.away()).unwrap();
        self.look(1);
        self.kill();
        self.look(1);
        let tip = self.soak.world.tip();
        fs::rename(self.soak.away(), &self.soak.mirror).unwrap();
        self.returned = Instant::now();
        if nth % 2 == 1 {
            self.kill();
        }
        self.soak.contact.lock().unwrap().up_s = Some(self.soak.now_s());
        while !self.soak.has_arrived(&tip) {
            assert!(self.returned.elapsed() < SETTLED, "nothing was pushed");
            self.look_once();
        }
        self.return_most = self.return_most.max(self.returned.elapsed());
        let up = Instant::now();
        while self.is_writing() && up.elapsed() < self.step * 5 {
            self.look(1);
        }
    }
}
