//! Access to a store: through the library, or through servers over HTTP.

use wasmstore::names::ModuleRef;
use wasmstore::store::{
    Change, DirectoryRemoval, EntityTags, Error, ErrorKind, Precondition, Revision, Store,
};

use super::event::Outcome;
use crate::support::client::{ApiResponse, Client};
use crate::support::store::blob_id;
use crate::support::store::{on, path as module_path};

/// The precondition of a put.
pub enum Condition {
    None,
    Absent,
    Is(String),
}

/// Access to a store.
pub trait StoreAccess {
    fn put(&mut self, branch: &str, path: &str, module: &[u8], condition: &Condition) -> Outcome;
    fn remove(&mut self, branch: &str, path: &str) -> Outcome;
    /// Returns the outcome of a read, and the bytes that were read.
    fn read(&mut self, branch: &str, path: &str) -> (Outcome, Vec<u8>);
}

/// Access through the library.
pub struct LibraryAccess<'s>(pub &'s Store);

impl StoreAccess for LibraryAccess<'_> {
    fn put(&mut self, branch: &str, path: &str, module: &[u8], condition: &Condition) -> Outcome {
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
            Ok(published) => Outcome::Wrote {
                value: Some(published.value.to_string()),
                commit: published.commit.unwrap().to_string(),
            },
            Err(error) => failed(&error),
        }
    }

    fn remove(&mut self, branch: &str, path: &str) -> Outcome {
        let name = ModuleRef::Path(module_path(path));
        match self
            .0
            .remove(&on(Some(branch)), &name, DirectoryRemoval::Refuse)
        {
            Ok(published) => Outcome::Wrote {
                value: None,
                commit: published.commit.unwrap().to_string(),
            },
            Err(error) => failed(&error),
        }
    }

    fn read(&mut self, branch: &str, path: &str) -> (Outcome, Vec<u8>) {
        let branch = Revision::Branch(Some(branch.parse().unwrap()));
        let name = ModuleRef::Path(module_path(path));
        match (self.0).as_of(&branch, |revision| self.0.find(revision, &name)) {
            Ok((commit, module)) => {
                let outcome = Outcome::Read {
                    value: Some(module.hash.to_string()),
                    commit: commit.unwrap().to_string(),
                };
                (outcome, module.bytes.to_vec())
            }
            Err(error) => (failed(&error), Vec::new()),
        }
    }
}

/// Returns the outcome of an operation with this error.
fn failed(error: &Error) -> Outcome {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::Precondition => Outcome::Rejected,
        ErrorKind::Busy => Outcome::Busy(error.to_string()),
        ErrorKind::InvalidModule
        | ErrorKind::TooLarge
        | ErrorKind::Malformed
        | ErrorKind::Input
        | ErrorKind::Full
        | ErrorKind::ReadOnly
        | ErrorKind::Unavailable => Outcome::Failed(format!("{error:?}")),
    }
}

/// Access through several servers of one store, used in turn.
pub struct ServerAccess {
    pub clients: Vec<Client>,
    pub next: usize,
}

impl ServerAccess {
    fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> Result<ApiResponse, Outcome> {
        self.next = (self.next + 1) % self.clients.len();
        let reply = (self.clients[self.next].send(method, path, headers, body))
            .map_err(|error| Outcome::Failed(format!("{method} {path}: {error}")))?;
        match reply.status {
            200 => Ok(reply),
            404 | 409 | 412 => Err(Outcome::Rejected),
            503 => Err(Outcome::Busy(reply.text())),
            status => Err(Outcome::Failed(format!("{status}: {}", reply.text()))),
        }
    }

    fn change(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> Outcome {
        match self.send(method, &format!("/module/{path}"), headers, body) {
            Ok(reply) => Outcome::Wrote {
                value: (method == "POST").then(|| reply.text()),
                commit: reply.commit.unwrap_or_default(),
            },
            Err(outcome) => outcome,
        }
    }
}

impl StoreAccess for ServerAccess {
    fn put(&mut self, branch: &str, path: &str, module: &[u8], condition: &Condition) -> Outcome {
        let header = match condition {
            Condition::None => String::new(),
            Condition::Absent => "If-None-Match: *\r\n".to_owned(),
            Condition::Is(hash) => format!("If-Match: \"{hash}\"\r\n"),
        };
        let headers = format!("Wasmstore-Branch: {branch}\r\n{header}");
        self.change("POST", path, &headers, module)
    }

    fn remove(&mut self, branch: &str, path: &str) -> Outcome {
        self.change(
            "DELETE",
            path,
            &format!("Wasmstore-Branch: {branch}\r\n"),
            b"",
        )
    }

    fn read(&mut self, branch: &str, path: &str) -> (Outcome, Vec<u8>) {
        let headers = format!("Wasmstore-Branch: {branch}\r\n");
        match self.send("GET", &format!("/module/{path}"), &headers, b"") {
            Ok(reply) => {
                let outcome = Outcome::Read {
                    value: Some(blob_id(&reply.body)),
                    commit: reply.commit.unwrap_or_default(),
                };
                (outcome, reply.body)
            }
            Err(outcome) => (outcome, Vec::new()),
        }
    }
}
