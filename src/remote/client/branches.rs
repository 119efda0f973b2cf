//! Creates, sets and deletes branches.

use ureq::http::Method;

use super::request::Client;
use crate::names::BranchName;
use crate::remote::error::Result;
use crate::remote::operations::StoreOperations as _;
use crate::store::{Published, Revision};
use crate::wire::{encode_path, encode_query_value};

impl Client {
    /// Returns the query that names the commit to which a new branch or tag points.
    pub(super) fn start_query(&self, from: &Revision) -> Result<String> {
        Ok(match from {
            Revision::Branch(Some(from)) => format!("?from={}", encode_query_value(from.as_str())),
            // A server of another version may not support the syntax of a revision's name. So the client first resolves the name with a
            // request that only reads. If the server does not support the syntax, the error of that request says so.
            Revision::Commit(_) | Revision::Named(_) => format!("?from={}", self.commit_id(from)?),
            Revision::Branch(None) | Revision::Resolved(_) => String::new(),
        })
    }

    /// Sends a request that changes a branch, or the default branch.
    pub(super) fn write_branch(
        &self,
        method: Method,
        branch: &BranchName,
        query: &str,
    ) -> Result<Published<()>> {
        let path = format!("/branch/{}{query}", encode_path(branch.as_str()));
        self.publish(self.request(method, &path))
    }
}
