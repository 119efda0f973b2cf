//! Lists the names in a directory. Takes them from the paths in the list of modules, which the server returns in pages.

use super::request::Client;
use crate::names::{ModulePath, TreePath};
use crate::remote::error::Result;
use crate::store::Revision;

/// The number of modules in one page. A page is small, because all its modules may be in one subdirectory, so that it yields only one name.
const MODULES_PER_PAGE: usize = 1_000;

/// The highest Unicode character. A path that ends with it sorts after all other paths with the same beginning.
const HIGHEST_CHAR: char = '\u{10ffff}';

impl Client {
    /// Returns at most `count` names in the directory at `path` that start with `beginning`. If a page ends within a subdirectory, the next
    /// page starts after this subdirectory. So the number of pages depends on the number of names, not on the number of modules.
    pub(super) fn names_in(
        &self,
        revision: &Revision,
        path: &TreePath,
        beginning: &str,
        count: usize,
    ) -> Result<Vec<String>> {
        let mut names = Vec::<String>::new();
        let (mut revision, mut after) = (revision.clone(), before(path, beginning));
        loop {
            let page = self.module_page(&revision, path, after.as_ref(), MODULES_PER_PAGE)?;
            for (module, _) in &page.value {
                let Some(rest) = path.relative(module.as_str()) else {
                    return Err(self.invalid_response("the list has a module of another directory"));
                };
                let name = rest.find('/').map_or(rest, |slash| &rest[..=slash]);
                if !name.starts_with(beginning) || names.last().is_some_and(|last| last == name) {
                    if name > beginning && !name.starts_with(beginning) {
                        return Ok(names);
                    }
                    continue;
                }
                if names.len() == count {
                    return Ok(names);
                }
                names.push(name.to_owned());
            }
            let last = page.value.last().map(|(module, _)| module.clone());
            let (true, Some(last)) = (page.has_more, last) else {
                return Ok(names);
            };
            let next = behind(path, &last).unwrap_or(last);
            if Some(&next) <= after.as_ref() {
                return Err(self.invalid_response(
                    "a page of a list does not continue where the page before ended",
                ));
            }
            // All pages are of the same commit.
            revision = page.commit.map_or(revision, Revision::Commit);
            after = Some(next);
        }
    }
}

/// Returns the path after which the first page starts. It sorts before every path in `directory` whose name starts with `beginning`, and
/// after most other paths.
fn before(directory: &TreePath, beginning: &str) -> Option<ModulePath> {
    let last = beginning.chars().next_back()?;
    let previous = char::from_u32(u32::from(last).checked_sub(1)?)?;
    let rest = &beginning[..beginning.len() - last.len_utf8()];
    join(directory, &format!("{rest}{previous}{HIGHEST_CHAR}"))
}

/// Returns a path that sorts after everything in the subdirectory of `directory` that contains `module`; `None` if `module` is directly in
/// `directory`.
fn behind(directory: &TreePath, module: &ModulePath) -> Option<ModulePath> {
    let (name, _) = directory.relative(module.as_str())?.split_once('/')?;
    join(directory, &format!("{name}/{HIGHEST_CHAR}"))
}

fn join(directory: &TreePath, rest: &str) -> Option<ModulePath> {
    let path = ModulePath::parse(&format!("{directory}/{rest}")).ok()?;
    // Parsing drops or refuses a segment such as `.`. Without it, the path would sort elsewhere.
    path.as_str().ends_with(rest).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_begins_before_the_names_and_continues_behind_a_directory() {
        let directory = TreePath::parse("a").unwrap();
        let start = before(&directory, "math").unwrap();
        for (name, is_after) in [
            ("a/math", true),
            ("a/math.wasm", true),
            ("a/mati", true),
            ("a/matg/z", false),
            ("a/b", false),
        ] {
            let path = ModulePath::parse(name).unwrap();
            assert_eq!(path > start, is_after, "{name}");
        }
        assert_eq!(before(&directory, ""), None);
        let module = ModulePath::parse("a/b/c/d").unwrap();
        let next = behind(&directory, &module).unwrap();
        for (name, is_after) in [
            ("a/b/z", false),
            ("a/b/~", false),
            ("a/b0", true),
            ("a/c", true),
        ] {
            let path = ModulePath::parse(name).unwrap();
            assert_eq!(path > next, is_after, "{name}");
        }
        assert_eq!(behind(&directory, &ModulePath::parse("a/b").unwrap()), None);
    }
}
