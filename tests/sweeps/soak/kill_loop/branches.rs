//! A client that creates and deletes branches and changes the default branch until the server is killed.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use super::writers::BRANCHES;
use crate::support::client::Client;
use crate::support::random::Random;
use crate::support::store::git;

/// The number of branches that are created and deleted.
const TEMPORARY_BRANCHES: u64 = 6;
/// The pause after each request. Without it, the client would only slow the writers down.
const PAUSE: Duration = Duration::from_millis(5);
/// Longer than the lifetime of any server in the test.
const LONG: Duration = Duration::from_secs(30);

/// The temporary branches that exist, and the default branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefState {
    temporary: BTreeSet<String>,
    default: String,
}

/// The result of a client.
pub struct RefChanges {
    /// The refs after the last acknowledged change.
    pub acknowledged: RefState,
    /// The refs after the last request, which may not have been applied.
    pub possible: RefState,
    /// The number of acknowledged changes.
    pub count: u64,
    /// Unexpected responses.
    pub errors: Vec<String>,
}

impl RefState {
    /// Reads the refs with stock git.
    pub fn read(root: &Path) -> Self {
        let temporary = git(
            root,
            &["for-each-ref", "--format=%(refname)", "refs/heads/t"],
        );
        let default = git(root, &["symbolic-ref", "--short", "HEAD"]);
        Self {
            temporary: (temporary.lines())
                .map(|name| name["refs/heads/".len()..].to_owned())
                .collect(),
            default: default.trim().to_owned(),
        }
    }

    /// Chooses a change. Returns its method, its URL path, and the refs after it.
    fn change(&self, random: &mut Random) -> (&'static str, String, Self) {
        let mut after = self.clone();
        if random.once_in(4) {
            after.default = BRANCHES[random.below(2) as usize].to_owned();
            return ("PUT", format!("/branch/{}", after.default), after);
        }
        // The branches are in directories, which are created and deleted with them.
        let n = random.below(TEMPORARY_BRANCHES);
        let name = format!("t/{}/{n}", n % 2);
        if after.temporary.remove(&name) {
            return ("DELETE", format!("/branch/{name}"), after);
        }
        after.temporary.insert(name.clone());
        ("POST", format!("/branch/{name}?from=main"), after)
    }
}

/// Changes refs until the server is killed.
pub fn change_refs(address: SocketAddr, seed: u64, refs: RefState) -> RefChanges {
    let mut random = Random::new(seed);
    let mut changes = RefChanges {
        acknowledged: refs.clone(),
        possible: refs,
        count: 0,
        errors: Vec::new(),
    };
    let start = Instant::now();
    let Ok(mut client) = Client::connect(address) else {
        return changes;
    };
    while changes.errors.is_empty() {
        assert!(start.elapsed() < LONG, "the server was not killed");
        let (method, path, after) = changes.acknowledged.change(&mut random);
        changes.possible = after;
        match client.send(method, &path, "", b"") {
            Err(_) => break,
            Ok(reply) if reply.status == 200 => {
                changes.acknowledged = changes.possible.clone();
                changes.count += 1;
            }
            Ok(reply) => {
                let error = format!("{method} {path}: {} {}", reply.status, reply.text());
                changes.errors.push(error);
            }
        }
        std::thread::sleep(PAUSE);
    }
    changes
}
