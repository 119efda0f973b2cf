//! The disturbance: the mirror disappears and reappears, and the server is killed.

use std::fs;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::{CATCH_UP_MAX, Soak};
use crate::support::server::Server;

/// The disturbance while changes are made, with its measurements.
pub struct Disturbance<'s> {
    pub soak: &'s Soak,
    pub server: Server,
    pub step: Duration,
    pub reappeared: Instant,
    pub kills: u32,
    pub checks: u32,
    pub lag_most_s: f64,
    pub catch_up_most: Duration,
}

impl Disturbance<'_> {
    pub fn is_writing(&self) -> bool {
        self.soak.next.load(Ordering::Relaxed) < self.soak.changes
    }

    /// Checks the reported lag for some steps.
    pub fn check(&mut self, steps: u32) {
        let until = Instant::now() + self.step * steps;
        while Instant::now() < until {
            self.check_once();
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn check_once(&mut self) {
        if let Some(lag) = self.soak.check_lag(&self.server) {
            self.checks += 1;
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

    /// Removes the mirror, kills the server and restores the mirror; in every other round, kills the server once more.
    pub fn round(&mut self, nth: u32) {
        self.soak.knowledge.lock().unwrap().up_s = None;
        fs::rename(&self.soak.mirror, self.soak.away()).unwrap();
        self.check(1);
        self.kill();
        self.check(1);
        let tip = self.soak.world.tip();
        fs::rename(self.soak.away(), &self.soak.mirror).unwrap();
        self.reappeared = Instant::now();
        if nth % 2 == 1 {
            self.kill();
        }
        self.soak.knowledge.lock().unwrap().up_s = Some(self.soak.now_s());
        while !self.soak.has_arrived(&tip) {
            assert!(
                self.reappeared.elapsed() < CATCH_UP_MAX,
                "nothing was pushed"
            );
            self.check_once();
        }
        self.catch_up_most = self.catch_up_most.max(self.reappeared.elapsed());
        let up = Instant::now();
        while self.is_writing() && up.elapsed() < self.step * 5 {
            self.check(1);
        }
    }
}
