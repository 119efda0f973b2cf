//! Requests that copy, move or remove several modules. The names of the modules are sent in the query of the URL, or in a JSON body if the
//! URL would be too long.

use serde::Serialize;
use ureq::http::Method;
use ureq::http::header::CONTENT_TYPE;

use super::request::Client;
use crate::names::ModulePattern;
use crate::remote::error::{Error, Result};
use crate::store::{
    self, Change, DirectoryRemoval, ErrorKind, ExistingModules, Published, Relocation,
};
use crate::wire::{RelocationJson, RemovalJson, encode_query_value};

/// The maximum length of the path and query of a URL that contains names, below the server's URL. Servers and proxies should accept URLs of
/// at least 8,000 bytes (RFC 9110, section 4.1). The rest is left for the server's URL, and for escapes that a proxy may add.
const URL_BYTES_MAX: usize = 4 << 10;

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
        let published = if path.len() <= URL_BYTES_MAX {
            self.publish(self.write(Method::POST, &path, change))
        } else {
            let names = relocation.sources.iter().map(ToString::to_string);
            let body = RelocationJson {
                from: names.collect(),
                to: relocation.destination.to_string(),
                force: relocation.existing == ExistingModules::Replace,
            };
            self.publish_json(endpoint, change, &body)
        };
        match published {
            Err(Error::Refused(response)) if !response.paths.is_empty() => {
                let paths = response.paths.clone();
                let exist = store::Error::ModulesExist { paths };
                // A conflict also has paths if a path would be both a module and a directory. Only the server's text says whether this is
                // the reason, or whether modules exist at the paths.
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
        let published = if path.len() <= URL_BYTES_MAX {
            self.publish(self.write(Method::DELETE, &path, change))
        } else {
            let names = patterns.iter().map(|pattern| pattern.as_str().to_owned());
            let body = RemovalJson {
                name: names.collect(),
                recursive,
            };
            self.publish_json("/remove", change, &body)
        };
        match published {
            // If a removal conflicts, and the conflict has a path, that path is a directory.
            Err(Error::Refused(response))
                if response.kind() == ErrorKind::Conflict && !response.paths.is_empty() =>
            {
                Err(store::Error::DirectoryNotRemoved(response.paths[0].clone()).into())
            }
            removed => removed,
        }
    }

    fn publish_json(
        &self,
        endpoint: &str,
        change: &Change,
        body: &impl Serialize,
    ) -> Result<Published<()>> {
        let json = serde_json::to_string(body).expect("BUG: plain data is JSON");
        let request = self.write(Method::POST, endpoint, change);
        let request = request.header(CONTENT_TYPE, "application/json");
        let response = self.send_with(request, json)?;
        Ok(self.read_text(response)?.published.with_value(()))
    }
}
