//! Maps the tags of a repository to the paths of modules, and paths to tags.

use crate::names::{BranchName, ModuleHash, ModulePath, OciTag, RepositoryName, TreePath};
use crate::store::{Result, TreeNode};

/// The suffix that the name of a file in the directory of a repository must have; the rest of the name is the tag.
const SUFFIX: &str = ".wasm";
/// The tag that OCI clients use if the user names none.
const LATEST: &str = "latest";

/// The module that a tag names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TaggedModule {
    /// The path of the module on the default branch.
    pub path: ModulePath,
    /// The hash of the module.
    pub hash: ModuleHash,
}

/// Returns whether a tag may name a module outside of its repository's directory (`R.wasm` or `R`). `branch` is the default branch.
pub(super) fn names_outer(tag: &OciTag, branch: &BranchName) -> bool {
    tag.as_str() == LATEST || tag.as_str() == branch.as_str()
}

/// Returns a path or a file name without the suffix `.wasm`, if it has that suffix.
pub(super) fn without_suffix(text: &str) -> &str {
    text.strip_suffix(SUFFIX).unwrap_or(text)
}

/// Returns the paths of the modules that tag `T` of repository `R` may name: `R/T.wasm`; for `latest` and the name of the default branch
/// also `R.wasm` and `R`. The tag names the module at the first of them that exists.
fn paths(
    repository: &RepositoryName,
    tag: &OciTag,
    default_branch: &BranchName,
) -> impl Iterator<Item = ModulePath> {
    let names_repository = names_outer(tag, default_branch);
    let in_directory = format!("{repository}/{tag}{SUFFIX}");
    let of_repository = [format!("{repository}{SUFFIX}"), repository.to_string()];
    let of_repository = of_repository.into_iter().filter(move |_| names_repository);
    // Some paths are illegal for modules, such as a single segment that has the form of a hash.
    let paths = std::iter::once(in_directory).chain(of_repository);
    paths.filter_map(|path| ModulePath::parse(&path).ok())
}

/// Returns the module that a tag names; `None` if there is none. `module` looks up the module at a path.
pub(super) fn find(
    repository: &RepositoryName,
    tag: &OciTag,
    default_branch: &BranchName,
    module: impl Fn(&TreePath) -> Result<Option<ModuleHash>>,
) -> Result<Option<TaggedModule>> {
    for path in paths(repository, tag, default_branch) {
        if let Some(hash) = module(path.as_tree_path())? {
            return Ok(Some(TaggedModule { path, hash }));
        }
    }
    Ok(None)
}

/// Returns the path of the new module when a client pushes a tag that names no module yet: `R.wasm` for `latest`, otherwise `R/T.wasm`.
pub(super) fn new_path(repository: &RepositoryName, tag: &OciTag) -> Result<ModulePath> {
    let path = if tag.as_str() == LATEST {
        format!("{repository}{SUFFIX}")
    } else {
        format!("{repository}/{tag}{SUFFIX}")
    };
    Ok(ModulePath::parse(&path)?)
}

/// Returns the tag of a file in the directory of a repository; `None` if no tag names the file.
pub(super) fn tag_of_file(name: &str, node: &TreeNode) -> Option<(OciTag, ModuleHash)> {
    let TreeNode::Module(hash) = node else {
        return None;
    };
    Some((tag_of_file_name(name)?, *hash))
}

/// Returns whether a file with this name, in the directory of an OCI repository, has a tag: `1.0.0.wasm` has the tag `1.0.0`.
pub(super) fn is_tag_file(name: &str) -> bool {
    tag_of_file_name(name).is_some()
}

fn tag_of_file_name(name: &str) -> Option<OciTag> {
    OciTag::parse(name.strip_suffix(SUFFIX)?).ok()
}

/// Returns the paths outside of the directory of repository `R` at which it may have a module: `R.wasm` and `R`.
pub(super) fn outer_paths(repository: &RepositoryName) -> Vec<ModulePath> {
    let paths = [format!("{repository}{SUFFIX}"), repository.to_string()];
    let parsed = paths.iter().map(|path| ModulePath::parse(path));
    parsed.filter_map(|path| path.ok()).collect()
}

/// Returns the tags that may name the module next to a repository's directory (`R.wasm` or `R`): `latest` and the name of the default
/// branch.
pub(super) fn outer_tags(default_branch: &BranchName) -> Vec<OciTag> {
    let names = [LATEST, default_branch.as_str()];
    names
        .iter()
        .filter_map(|name| OciTag::parse(name).ok())
        .collect()
}

/// Returns the last segment of a path.
pub(super) fn file_name(path: &ModulePath) -> &str {
    path.segments()
        .next_back()
        .expect("BUG: a module path has a segment")
}

/// Returns the repository and the tag with which OCI clients pull the module at a path; `None` if the path does not form a valid repository
/// and tag.
pub(super) fn repository_of(path: &ModulePath) -> Option<(RepositoryName, OciTag)> {
    let text = path.as_str();
    if let Some((directory, file)) = text.rsplit_once('/')
        && let Some(tag) = file.strip_suffix(SUFFIX)
        && let (Ok(repository), Ok(tag)) = (RepositoryName::parse(directory), OciTag::parse(tag))
    {
        return Some((repository, tag));
    }
    let repository = without_suffix(text);
    let latest = OciTag::parse(LATEST).expect("BUG: it is a tag");
    Some((RepositoryName::parse(repository).ok()?, latest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find_among(modules: &[&str], tag: &str) -> Option<String> {
        let hash = ModuleHash::from_bytes(&[1; 20]).unwrap();
        let module = |path: &TreePath| Ok(modules.contains(&path.as_str()).then_some(hash));
        let repository = RepositoryName::parse("a/b").unwrap();
        let tag = OciTag::parse(tag).unwrap();
        let found = find(
            &repository,
            &tag,
            &BranchName::parse("main").unwrap(),
            module,
        )
        .unwrap();
        found.map(|found| found.path.as_str().to_owned())
    }

    #[test]
    fn the_file_in_the_directory_has_precedence() {
        let all = ["a/b", "a/b.wasm", "a/b/latest.wasm", "a/b/1.wasm"];
        assert_eq!(find_among(&all, "latest").unwrap(), "a/b/latest.wasm");
        assert_eq!(find_among(&all[..2], "latest").unwrap(), "a/b.wasm");
        assert_eq!(find_among(&all[..1], "main").unwrap(), "a/b");
        assert_eq!(find_among(&all, "1").unwrap(), "a/b/1.wasm");
        assert_eq!(find_among(&all[..2], "1"), None);
    }

    #[test]
    fn paths_have_the_repository_under_which_they_are_pulled() {
        for (path, expected) in [
            ("a/b/1.2.3.wasm", Some("a/b:1.2.3")),
            ("a.wasm", Some("a:latest")),
            ("a", Some("a:latest")),
            ("a/b", Some("a/b:latest")),
            ("a/-.wasm", None),
            ("A/b.wasm", None),
            ("a b.wasm", None),
        ] {
            let found = repository_of(&ModulePath::parse(path).unwrap());
            let found = found.map(|(repository, tag)| format!("{repository}:{tag}"));
            assert_eq!(found.as_deref(), expected, "{path}");
        }
    }
}
