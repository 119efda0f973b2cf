//! Requests that copy, move or remove several modules. The names of the modules are in the query of the URL.

use ureq::http::Method;

use super::request::Client;
use crate::names::ModulePattern;
use crate::remote::error::{Error, Result};
use crate::store::{
    self, Change, DirectoryRemoval, ErrorKind, ExistingModules, Published, Relocation,
};
use crate::wire::encode_query_value;

impl Client {
    /// Copies or moves modules: `endpoint` is `/copy` or `/move`.
    pub(super) fn relocate(
        &self,
        endpoint: &str,
        change: &Change,
        relocation: &Relocation,
    ) -> Result<Published<()>> {
        let to = encode_query_value(&relocation.destination.to_string()).to_string();
        let mut path = format!("{endpoint}?to={to}");
        for source in &relocation.sources {
            let from = encode_query_value(&source.to_string()).to_string();
            path.push_str(&format!("&from={from}"));
        }
        if relocation.existing == ExistingModules::Replace {
            path.push_str("&force=true");
        }
        match self.publish(self.write(Method::POST, &path, change)) {
            Err(Error::Refused(response)) if !response.paths.is_empty() => {
                let paths = response.paths.clone();
                let exist = store::Error::ModulesExist { paths };
                // A conflict also has paths if one path would be both a module and a directory. The server's text distinguishes the two
                // conflicts.
                if exist.to_string() == response.detail {
                    return Err(exist.into());
                }
                Err(Error::Refused(response))
            }
            published => published,
        }
    }

    /// Removes the modules that the names and globs in `patterns` select.
    pub(super) fn delete_selected(
        &self,
        change: &Change,
        patterns: &[ModulePattern],
        directories: DirectoryRemoval,
    ) -> Result<Published<()>> {
        let recursive = directories == DirectoryRemoval::Recursive;
        let mut path = format!("/modules?recursive={recursive}");
        for pattern in patterns {
            path.push_str(&format!("&name={}", encode_query_value(pattern.as_str())));
        }
        match self.publish(self.write(Method::DELETE, &path, change)) {
            // If a removal conflicts, and the conflict has a path, that path is a directory.
            Err(Error::Refused(response))
                if response.kind() == ErrorKind::Conflict && !response.paths.is_empty() =>
            {
                Err(store::Error::DirectoryNotRemoved(response.paths[0].clone()).into())
            }
            removed => removed,
        }
    }
}
