//! JSON bodies of requests that name more modules than fit into the query of a URL.

use std::fmt;

use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// The maximum number of names in a body.
pub const BODY_NAMES_MAX: usize = 10_000;

/// The maximum number of globs in a request. The limit bounds the work, because each glob is compared with all paths of the branch.
pub const GLOBS_MAX: usize = 100;

/// The modules and directories to copy or move, and their destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Relocation)]
pub struct RelocationJson {
    /// The paths of modules and directories, or globs. At most 100 of them may be globs.
    #[serde(deserialize_with = "limited_names")]
    #[schema(min_items = 1, max_items = 10_000)]
    pub from: Vec<String>,
    /// The destination, in the same form as the query parameter `to`.
    pub to: String,
    /// Whether modules that exist at the destination are replaced.
    #[serde(default)]
    pub force: bool,
}

/// The modules and directories to remove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Removal)]
pub struct RemovalJson {
    /// Paths, hashes, digests and globs. At most 100 of them may be globs.
    #[serde(deserialize_with = "limited_names")]
    #[schema(min_items = 1, max_items = 10_000)]
    pub name: Vec<String>,
    /// Whether directories are removed, with everything in them.
    #[serde(default)]
    pub recursive: bool,
}

/// Deserializes a list of names. Fails at the first name above the limit, so that no request makes the server hold more in memory.
fn limited_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Names;

    impl<'de> Visitor<'de> for Names {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of names")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut names = Vec::new();
            while let Some(name) = list.next_element()? {
                if names.len() == BODY_NAMES_MAX {
                    let error = format!("there are more than {BODY_NAMES_MAX} names");
                    return Err(A::Error::custom(error));
                }
                names.push(name);
            }
            Ok(names)
        }
    }

    deserializer.deserialize_seq(Names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_while_they_are_read() {
        let body = |count: usize, end: &str| {
            let names = vec!["\"a\""; count].join(",");
            serde_json::from_str::<RemovalJson>(&format!("{{\"name\":[{names}{end}"))
        };
        let most = body(BODY_NAMES_MAX, "]}").unwrap();
        assert_eq!(most.name.len(), BODY_NAMES_MAX);
        // The rest of the body is not read.
        let error = body(BODY_NAMES_MAX + 1, " malformed").unwrap_err();
        let expected = "there are more than 10000 names";
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}
