//! Hints for changes that the store refuses because of its content, of a module, or of its files.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::process::geteuid;

use super::settings::Settings;
use super::shell_word::shell_word;
use crate::store::{self, ErrorKind};

/// The file in which the system lists the users (passwd(5)).
const USERS: &str = "/etc/passwd";

/// Returns the hint for a change that a local store refused.
pub(super) fn for_refused_change(error: &store::Error, settings: &Settings) -> Option<String> {
    let command = settings.command_name()?;
    if let store::Error::Invalid { name, .. } = error {
        let is_module = name.ends_with(".wasm");
        return (command == "import" && !is_module)
            .then(|| "`--include '*.wasm'` imports only the files with this ending".to_owned());
    }
    match error.kind() {
        ErrorKind::Conflict => for_conflict(&error.to_string(), command),
        ErrorKind::ReadOnly => for_owner(&settings.root().ok()?),
        _ => None,
    }
}

/// Returns the hint for a change that a store refused with this text, because it is in conflict with its content. The text is the same for a
/// local store and for a server.
pub(super) fn for_conflict(text: &str, command: &str) -> Option<String> {
    if command == "branch" && text.ends_with("is the default branch and cannot be deleted") {
        return Some(
            "`wasmstore branch --default NAME` makes another branch the default".to_owned(),
        );
    }
    let (path, existing) = text
        .strip_suffix(" is a directory")?
        .split_once(" cannot be written: ")?;
    (command == "add" && path == existing).then(|| {
        let path = shell_word(path);
        format!("`{path}/`, with a slash at its end, stores the file in the directory")
    })
}

/// Returns the hint for a store that belongs to another user.
fn for_owner(root: &Path) -> Option<String> {
    let owner = root.metadata().ok()?.uid();
    if owner == geteuid().as_raw() {
        return None;
    }
    let users = std::fs::read_to_string(USERS).unwrap_or_default();
    let name = user_name(&users, owner);
    let name = name.map_or_else(|| format!("with the id {owner}"), str::to_owned);
    Some(format!(
        "the store belongs to the user {name}: run the command as this user, or send it to a server of the store with --root URL"
    ))
}

/// Returns the name of a user in the lines of [`USERS`].
fn user_name(users: &str, id: u32) -> Option<&str> {
    let mut users = users.lines().map(|line| line.split(':'));
    users.find_map(|mut fields| {
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_the_name_of_its_id() {
        let users = "root:x:0:0:root:/root:/bin/sh\nbroken\nwasmstore:x:998:998::/var:/bin/false\n";
        assert_eq!(user_name(users, 998), Some("wasmstore"));
        assert_eq!(user_name(users, 0), Some("root"));
        assert_eq!(user_name(users, 99), None);
    }

    #[test]
    fn the_owner_of_a_store_is_named_only_to_others() {
        let own = tempfile::tempdir().unwrap();
        assert_eq!(for_owner(own.path()), None);
        let hint = for_owner(Path::new("/proc/1"));
        assert_eq!(hint.is_none(), geteuid().is_root());
    }
}
