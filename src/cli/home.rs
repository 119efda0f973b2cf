//! Expands `~` at the beginning of paths.

use std::path::{Path, PathBuf};

use super::environment::variable;

/// Replaces a leading `~/` by the home directory. A shell expands `~` only at the beginning of a word, not in `--root=~/modules`, and there
/// is no shell for configuration files and for the environment variables of services and containers. A directory with the name `~` can
/// be written as `./~`.
///
/// # Errors
/// There is no home directory, or the path begins with `~` and the name of a user.
pub(super) fn expand(path: PathBuf) -> Result<PathBuf, &'static str> {
    expand_with(path, || variable("HOME").map(PathBuf::from))
}

fn expand_with(
    path: PathBuf,
    home: impl FnOnce() -> Option<PathBuf>,
) -> Result<PathBuf, &'static str> {
    let Some(first) = path.components().next() else {
        return Ok(path);
    };
    let first: &Path = first.as_ref();
    if !first.as_os_str().as_encoded_bytes().starts_with(b"~") {
        return Ok(path);
    }
    let rest = path.strip_prefix("~");
    let rest = rest.map_err(|_| "begins with ~USER: write the whole path, or ./~USER")?;
    let home = home().ok_or("begins with ~, but HOME is not set")?;
    Ok(home.join(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_leading_tilde_is_the_home_directory() {
        let expanded = |path: &str| expand_with(path.into(), || Some("/home/ann".into()));
        for (path, expected) in [
            ("~", "/home/ann"),
            ("~/", "/home/ann"),
            ("~/a/b", "/home/ann/a/b"),
            ("./~/a", "./~/a"),
            ("/~", "/~"),
            ("a~", "a~"),
            ("a/~/b", "a/~/b"),
            ("", ""),
        ] {
            assert_eq!(expanded(path), Ok(expected.into()), "{path}");
        }
        assert!(expanded("~bob/a").is_err());
        assert!(expand_with("~/a".into(), || None).is_err());
    }
}
