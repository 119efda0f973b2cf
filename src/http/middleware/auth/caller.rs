//! The client that makes a request.

use axum::http::{Method, StatusCode};

use super::allowed_methods::AllowedMethods;
use crate::http::error::{Failure, Result};
use crate::names::Author;
use crate::remote::PushIdentity;

/// The client that makes a request, as identified by its key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::http) struct Caller {
    pub(super) author: Option<Author>,
    pub(super) methods: AllowedMethods,
    pub(super) key: Option<KeyTag>,
}

/// A number that stands for a key. It does not reveal the key, and is valid in this process only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::http) struct KeyTag(pub u64);

impl Caller {
    /// Returns the tag of the key that the client presented; `None` if the server has no keys.
    pub fn key(&self) -> Option<KeyTag> {
        self.key
    }

    /// Returns the identity that is passed to the hooks of a push.
    pub fn pusher(&self) -> PushIdentity {
        PushIdentity {
            methods: self.methods.to_string(),
            author: self.author.clone(),
        }
    }

    /// Returns whether the key allows a method.
    pub fn allows(&self, method: &Method) -> bool {
        self.methods.allow(method)
    }

    /// Returns the author that the key requires for all its commits; `None` if it allows any author.
    pub fn fixed_author(&self) -> Option<&Author> {
        self.author.as_ref()
    }

    /// Checks that the key allows a method that the request needs in addition to its own.
    ///
    /// # Errors
    /// 403 with this text.
    pub fn require(&self, method: &Method, detail: &str) -> Result<()> {
        if self.allows(method) {
            return Ok(());
        }
        Err(Failure::new(StatusCode::FORBIDDEN, detail))
    }

    /// Returns the author of the caller's commits: the one that the key requires, or else the requested one.
    ///
    /// # Errors
    /// 403 if the requested author differs from the fixed one.
    pub fn author(&self, requested: Option<Author>) -> Result<Option<Author>> {
        match (&self.author, requested) {
            (Some(fixed), Some(requested)) if *fixed != requested => {
                let detail = "the key does not allow this author";
                Err(Failure::new(StatusCode::FORBIDDEN, detail))
            }
            (fixed, requested) => Ok(fixed.clone().or(requested)),
        }
    }
}
