//! One who creates and deletes branches, and chooses the default one, until the server is gone.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use super::writers::BRANCHES;
use crate::support::client::Client;
use crate::support::random::Random;
use crate::support::store::git;

/// How many branches come and go.
const COMING: u64 = 6;
/// It is no match for the writers, whom it would only hold up.
const PAUSE: Duration = Duration::from_millis(5);
/// No server lives as long.
const LONG: Duration = Duration::from_secs(30);

/// Which of the branches there are, and the default one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refs {
    coming: BTreeSet<String>,
    default: String,
}

/// What was acknowledged, what is possible besides, and how much was done.
pub struct Moved {
    pub acknowledged: Refs,
    pub possible: Refs,
    pub count: u64,
    pub faults: Vec<String>,
}

impl Refs {
    /// As stock git sees them.
    pub fn read(root: &Path) -> Self {
        let coming = git(
            root,
            &["for-each-ref", "--format=%(refname)", "refs/heads/t"],
        );
        let coming = coming
            .lines()
            .map(|name| name["refs/heads/".len()..].to_owned());
        let default = git(root, &["symbolic-ref", "--short", "HEAD"]);
        Self {
            coming: coming.collect(),
            default: default.trim().to_owned(),
        }
    }

    /// A change of them: its method, its path, and what is so after it.
    fn change(&self, random: &mut Random) -> (&'static str, String, Self) {
        let mut after = self.clone();
        if random.once_in(4) {
            after.default = BRANCHES[random.below(2) as usize].to_owned();
            return ("PUT", format!("/branch/{}", after.default), after);
        }
        // In folders, which come and go with them.
        let name = random.below(COMING);
        let name = format!("t/{}/{name}", name % 2);
        if after.coming.remove(&name) {
            return ("DELETE", format!("/branch/{name}"), after);
        }
        after.coming.insert(name.clone());
        ("POST", format!("/branch/{name}?from=main"), after)
    }
}

/// Moves refs until the server is gone.
pub fn shuffle(address: SocketAddr, seed: u64, refs: Refs) -> Moved {
    let mut random = Random::new(seed);
    let mut moved = Moved {
        acknowledged: refs.clone(),
        possible: refs,
        count: 0,
        faults: Vec::new(),
    };
    let began = Instant::now();
    let Ok(mut client) = Client::connect(address) else {
        return moved;
    };
    while moved.faults.is_empty() {
        assert!(began.elapsed() < LONG, "the server is not killed");
        let (method, path, after) = moved.acknowledged.change(&mut random);
        moved.possible = after;
        match client.send(method, &path, "", b"") {
            Err(_) => break,
            Ok(reply) if reply.status == 200 => {
                moved.acknowledged = moved.possible.clone();
                moved.count += 1;
            }
            Ok(reply) => {
                let fault = format!("{method} {path}: {} {}", reply.status, reply.text());
                moved.faults.push(fault);
            }
        }
        std::thread::sleep(PAUSE);
    }
    moved
}
