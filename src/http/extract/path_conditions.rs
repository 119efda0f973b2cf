//! The headers with the conditions of a write for single paths: `Wasmstore-If-Match` and `Wasmstore-If-None-Match`.

use axum::http::HeaderMap;

use crate::http::error::{Failure, Result};
use crate::http::percent;
use crate::names::{ModuleHash, ModulePath};
use crate::store::{PathCondition, PathConditions};

const IF_MATCH: &str = "wasmstore-if-match";
const IF_NONE_MATCH: &str = "wasmstore-if-none-match";

/// Rejects path conditions on a write that does not change certain paths, such as one that creates a tag. If they were ignored, the server
/// would make a change although its conditions may not hold.
pub(in crate::http) fn reject_path_conditions(conditions: &PathConditions) -> Result<()> {
    if conditions.is_empty() {
        return Ok(());
    }
    let detail = "Wasmstore-If-Match and Wasmstore-If-None-Match are about the paths of modules, which this request does not change";
    Err(Failure::malformed(detail))
}

/// Parses the headers `Wasmstore-If-Match` and `Wasmstore-If-None-Match`. Each header may occur several times and have several items
/// separated by commas. A comma in a path is percent-encoded.
pub(super) fn parse(headers: &HeaderMap) -> Result<PathConditions> {
    let mut conditions = PathConditions::default();
    for item in items(headers, IF_NONE_MATCH)? {
        if item == "*" {
            conditions.others_absent = true;
        } else {
            add(&mut conditions, &item, PathCondition::Absent)?;
        }
    }
    for item in items(headers, IF_MATCH)? {
        let Some((path, hash)) = item.rsplit_once(' ') else {
            let detail = format!("{IF_MATCH} is malformed: it must be like `/PATH HASH`");
            return Err(Failure::malformed(detail));
        };
        let hash = ModuleHash::parse(hash.trim_matches('"'));
        let hash = hash.map_err(|error| malformed(IF_MATCH, &error))?;
        add(&mut conditions, path, PathCondition::Module(hash))?;
    }
    Ok(conditions)
}

/// Returns the items of all headers with this name, still percent-encoded.
fn items(headers: &HeaderMap, name: &'static str) -> Result<Vec<String>> {
    let mut items = Vec::new();
    for value in headers.get_all(name) {
        // The items are split before they are percent-decoded, because decoded paths may contain commas.
        let text = std::str::from_utf8(value.as_bytes());
        let text = text.map_err(|_| Failure::malformed("a header is not UTF-8"))?;
        items.extend(text.split(',').map(|item| item.trim().to_owned()));
    }
    Ok(items)
}

fn add(conditions: &mut PathConditions, path: &str, condition: PathCondition) -> Result<()> {
    let name = match condition {
        PathCondition::Absent => IF_NONE_MATCH,
        PathCondition::Module(_) => IF_MATCH,
    };
    let path = ModulePath::parse(&percent::decode(path.trim())?);
    let path = path.map_err(|error| malformed(name, &error))?;
    match conditions.paths.insert(path.clone(), condition) {
        None => Ok(()),
        Some(_) => {
            let detail = format!("there is more than one condition for {path}");
            Err(Failure::malformed(detail))
        }
    }
}

fn malformed(name: &str, error: &crate::names::Error) -> Failure {
    Failure::malformed(format!("{name} is malformed: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "357f72da7a0db8add83699082fd51d46bf3352fb";

    fn parsed(values: &[(&'static str, &str)]) -> Result<PathConditions> {
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            headers.append(*name, value.parse().unwrap());
        }
        parse(&headers)
    }

    #[test]
    fn conditions_are_parsed_from_lists_and_repeated_headers() {
        let hash = ModuleHash::parse(HASH).unwrap();
        let conditions = parsed(&[
            (IF_NONE_MATCH, "/a b%2Cc.wasm, d/e"),
            (IF_NONE_MATCH, "*"),
            (IF_MATCH, &format!("/f g {HASH},/h \"{HASH}\"")),
        ]);
        let conditions = conditions.unwrap();
        assert!(conditions.others_absent);
        let paths: Vec<_> = conditions.paths.iter().collect();
        let path = |text: &str| ModulePath::parse(text).unwrap();
        assert_eq!(
            paths,
            [
                (&path("a b,c.wasm"), &PathCondition::Absent),
                (&path("d/e"), &PathCondition::Absent),
                (&path("f g"), &PathCondition::Module(hash)),
                (&path("h"), &PathCondition::Module(hash)),
            ]
        );
        assert_eq!(parsed(&[]).unwrap(), PathConditions::default());
    }

    #[test]
    fn malformed_conditions_are_refused() {
        for (name, value) in [
            (IF_NONE_MATCH, ""),
            (IF_NONE_MATCH, "a,,b"),
            (IF_NONE_MATCH, "/a/../b"),
            (IF_NONE_MATCH, "%zz"),
            (IF_NONE_MATCH, "a, /a"),
            (IF_MATCH, "*"),
            (IF_MATCH, "/a"),
            (IF_MATCH, "/a 12"),
            (IF_MATCH, HASH),
        ] {
            assert!(parsed(&[(name, value)]).is_err(), "{name}: {value}");
        }
        let both = [(IF_NONE_MATCH, "a"), (IF_MATCH, &format!("a {HASH}"))];
        assert!(parsed(&both).is_err());
    }
}
