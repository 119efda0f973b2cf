//! The two ways into a store: the library, and servers over HTTP.

use wasmstore::names::{ModulePath, ModuleRef};
use wasmstore::store::{
    Change, DirectoryRemoval, EntityTags, Error, ErrorKind, Precondition, Revision, Store,
};

use super::event::What;
use crate::support::client::{Client, Reply};
use crate::support::store::blob_id;
use crate::support::store::{on, path as module_path};

/// What has to be at a path for a module to be put there.
pub enum Condition {
    None,
    Absent,
    Is(String),
}

/// A way in.
pub trait Door {
    fn put(&mut self, branch: &str, path: &str, module: &[u8], condition: &Condition) -> What;
    fn remove(&mut self, branch: &str, path: &str) -> What;
    /// What is there, and its bytes.
    fn read(&mut self, branch: &str, path: &str) -> (What, Vec<u8>);
}

/// The library.
pub struct Library<'s>(pub &'s Store);

impl Door for Library<'_> {
    fn put(&mut self, branch: &str, path: &str, module: &[u8], condition: &Condition) -> What {
        let change = Change {
            precondition: match condition {
                Condition::None => Precondition::default(),
                Condition::Absent => Precondition {
                    if_none_match: Some(EntityTags::Any),
                    ..Precondition::default()
                },
                Condition::Is(hash) => Precondition {
                    if_match: Some(EntityTags::OneOf(vec![hash.clone()])),
                    ..Precondition::default()
                },
            },
            ..on(Some(branch))
        };
        match self.0.put(&change, &module_path(path), module) {
            Ok(published) => What::Wrote {
                value: Some(published.value.to_string()),
                commit: published.commit.unwrap().to_string(),
            },
            Err(error) => failed(&error),
        }
    }

    fn remove(&mut self, branch: &str, path: &str) -> What {
        let name = ModuleRef::Path(module_path(path));
        match self
            .0
            .remove(&on(Some(branch)), &name, DirectoryRemoval::Refuse)
        {
            Ok(published) => What::Wrote {
                value: None,
                commit: published.commit.unwrap().to_string(),
            },
            Err(error) => failed(&error),
        }
    }

    fn read(&mut self, branch: &str, path: &str) -> (What, Vec<u8>) {
        let path: ModulePath = module_path(path);
        let at = Revision::Branch(Some(branch.parse().unwrap()));
        let name = ModuleRef::Path(path);
        match self.0.as_of(&at, |at| self.0.find(at, &name)) {
            Ok((commit, module)) => {
                let what = What::Read {
                    value: Some(module.hash.to_string()),
                    commit: commit.unwrap().to_string(),
                };
                (what, module.bytes.to_vec())
            }
            Err(error) => (failed(&error), Vec::new()),
        }
    }
}

fn failed(error: &Error) -> What {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::Precondition => What::Refused,
        ErrorKind::Busy => What::Busy(error.to_string()),
        ErrorKind::InvalidModule
        | ErrorKind::TooLarge
        | ErrorKind::Malformed
        | ErrorKind::Input
        | ErrorKind::Full
        | ErrorKind::Unavailable => What::Failed(format!("{error:?}")),
    }
}

/// Servers on one store, one after the other.
pub struct Servers {
    pub clients: Vec<Client>,
    pub next: usize,
}

impl Servers {
    fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> Result<Reply, What> {
        self.next = (self.next + 1) % self.clients.len();
        let reply = self.clients[self.next].send(method, path, headers, body);
        let reply = reply.map_err(|error| What::Failed(format!("{method} {path}: {error}")))?;
        match reply.status {
            200 => Ok(reply),
            404 | 409 | 412 => Err(What::Refused),
            503 => Err(What::Busy(reply.text())),
            status => Err(What::Failed(format!("{status}: {}", reply.text()))),
        }
    }

    fn change(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> What {
        match self.send(method, &format!("/module/{path}"), headers, body) {
            Ok(reply) => What::Wrote {
                value: (method == "POST").then(|| reply.text()),
                commit: reply.commit.unwrap_or_default(),
            },
            Err(what) => what,
        }
    }
}

impl Door for Servers {
    fn put(&mut self, branch: &str, path: &str, module: &[u8], condition: &Condition) -> What {
        let condition = match condition {
            Condition::None => String::new(),
            Condition::Absent => "If-None-Match: *\r\n".to_owned(),
            Condition::Is(hash) => format!("If-Match: \"{hash}\"\r\n"),
        };
        let headers = format!("Wasmstore-Branch: {branch}\r\n{condition}");
        self.change("POST", path, &headers, module)
    }

    fn remove(&mut self, branch: &str, path: &str) -> What {
        self.change(
            "DELETE",
            path,
            &format!("Wasmstore-Branch: {branch}\r\n"),
            b"",
        )
    }

    fn read(&mut self, branch: &str, path: &str) -> (What, Vec<u8>) {
        let headers = format!("Wasmstore-Branch: {branch}\r\n");
        match self.send("GET", &format!("/module/{path}"), &headers, b"") {
            Ok(reply) => {
                let what = What::Read {
                    value: Some(blob_id(&reply.body)),
                    commit: reply.commit.unwrap_or_default(),
                };
                (what, reply.body)
            }
            Err(what) => (what, Vec::new()),
        }
    }
}
