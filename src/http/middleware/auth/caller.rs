//! The client that makes a request, identified by its API key.

use axum::http::{Method, StatusCode};

use super::allowed_methods::AllowedMethods;
use crate::http::error::{Failure, Result};
use crate::names::Author;
use crate::remote::PushIdentity;

/// The client that makes a request, identified by its API key. A request handler gets it as an extension of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::http) struct Caller {
    pub(super) author: Option<Author>,
    pub(super) methods: AllowedMethods,
    pub(super) key: Option<KeyTag>,
    /// The name of the key; `None` if the server has no keys.
    pub(super) user: Option<String>,
}

/// A number that identifies an API key within this process. It does not reveal the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::http) struct KeyTag(pub u64);

impl Caller {
    /// Returns the tag of the client's API key; `None` if the server has no keys.
    pub fn key(&self) -> Option<KeyTag> {
        self.key
    }

    /// Returns the name of the key: the author that it requires, or its position among the keys. The name stays the same when the server
    /// restarts.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Returns the identity that git passes to the hooks of a push.
    pub fn pusher(&self) -> PushIdentity {
        PushIdentity {
            methods: self.methods.to_string(),
            author: self.author.clone(),
        }
    }

    /// Returns whether the API key allows a method.
    pub fn allows(&self, method: &Method) -> bool {
        self.methods.allow(method)
    }

    /// Returns the author that all commits with this API key must have; `None` if the key allows any author.
    pub fn fixed_author(&self) -> Option<&Author> {
        self.author.as_ref()
    }

    /// Checks that the API key allows a method. Used if a request needs a further method in addition to its own.
    ///
    /// # Errors
    /// 403 if the key does not allow the method. The error text is `detail`, followed by the methods that the key allows.
    pub fn require(&self, method: &Method, detail: &str) -> Result<()> {
        if self.allows(method) {
            return Ok(());
        }
        let detail = format!("{detail}; it allows {}", self.methods);
        Err(Failure::new(StatusCode::FORBIDDEN, detail))
    }

    /// Returns the author of the commits that a request makes: the author that the API key requires, otherwise the author that the request
    /// names.
    ///
    /// # Errors
    /// 403 if the key requires an author and the request names another one.
    pub fn author(&self, requested: Option<Author>) -> Result<Option<Author>> {
        match (&self.author, requested) {
            (Some(fixed), Some(requested)) if *fixed != requested => {
                let detail = format!("the key does not allow this author: it allows {fixed}");
                Err(Failure::new(StatusCode::FORBIDDEN, detail))
            }
            (fixed, requested) => Ok(fixed.clone().or(requested)),
        }
    }
}
