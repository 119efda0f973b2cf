//! What has a push into the repository go through us: hooks (githooks(5)), and the configuration that has git call them.
//!
//! `pre-receive` checks what was pushed while that is in quarantine, `proc-receive` moves the refs. Whoever pushes by a path or over
//! ssh starts a git of their own, so both are set in the repository itself; a hook that cannot find us refuses.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::repo::error::{Error, Result};
use crate::repo::fs::{create_dir, new_file, persist, sync_dir};
use crate::repo::lifecycle::config::{config_file, configure, is_set};
use crate::repo::parts::Parts;

/// The names of the hooks.
const HOOKS: [&str; 2] = ["pre-receive", "proc-receive"];

/// What a hook's text begins with if it is ours, of whatever version.
const MARK: &str = "#!/bin/sh\n# A hook of wasmstore";

/// What the hooks rest on, and what is set whatever was set before: git's default or another value would let a push past them, or
/// have git take objects that it complains of, leave them unflushed, delete others behind our back, or make the store one that cannot
/// be used.
const NEEDED: [(&str, &str); 9] = [
    ("core.hooksPath", "hooks"),
    ("core.fsync", "all"),
    ("receive.procReceiveRefs", "refs"),
    ("receive.shallowUpdate", "false"),
    ("receive.fsckObjects", "true"),
    ("receive.unpackLimit", "1"),
    ("receive.autogc", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
];

/// Whether pushes go through us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guarded {
    /// They do.
    Yes,
    /// Something else is where a hook has to be.
    Foreign(PathBuf),
    /// This is missing.
    Missing(String),
}

/// The text of a hook. git runs it in the repository.
fn text(hook: &str) -> String {
    format!(
        "{MARK}, written anew by `wasmstore init` and `wasmstore server`\n\
         program=${{WASMSTORE_PROGRAM:-wasmstore}}\n\
         if ! command -v \"$program\" >/dev/null; then\n\
         \techo \"wasmstore: nothing can be pushed: there is no $program on the PATH of this machine\" >&2\n\
         \texit 1\n\
         fi\n\
         exec \"$program\" --root . hook {hook}\n"
    )
}

/// Writes the hooks of a repository in the making.
pub(crate) fn create(folder: &Path, tmp: &Path) -> Result<()> {
    for hook in HOOKS {
        write(tmp, &folder.join(hook), hook)?;
    }
    sync_dir(folder)
}

fn write(tmp: &Path, path: &Path, hook: &str) -> Result<()> {
    let mut file = new_file(tmp, 0o755).map_err(Error::io("create a file in", tmp))?;
    io::Write::write_all(&mut file, text(hook).as_bytes()).map_err(Error::io("write", path))?;
    // Whatever the umask says: git passes over a hook that cannot be run.
    let mode = fs::Permissions::from_mode(0o755);
    file.as_file()
        .set_permissions(mode)
        .map_err(Error::io("write", path))?;
    persist(file, path)
}

/// Has pushes go through us: writes the hooks that are missing or of another version, and sets what they rest on. Those of
/// others are left, and told.
///
/// # Errors
/// The repository cannot be written.
pub(crate) fn guard(parts: &Parts) -> Result<Guarded> {
    if parts.objects.is_absent() {
        return Ok(Guarded::Missing("the store".to_owned()));
    }
    let _refs = parts.locks.refs()?;
    if let foreign @ Guarded::Foreign(_) = guarded(parts)? {
        return Ok(foreign);
    }
    let folder = parts.root().join("hooks");
    create_dir(&folder)?;
    for hook in HOOKS {
        if hook_at(&folder.join(hook))? != Some(text(hook)) {
            write(&parts.objects.tmp_dir(), &folder.join(hook), hook)?;
        }
    }
    sync_dir(&folder)?;
    configure(parts.root(), &NEEDED)?;
    guarded(parts)
}

/// Says whether pushes go through us.
///
/// # Errors
/// The hooks or the configuration cannot be read.
pub(crate) fn guarded(parts: &Parts) -> Result<Guarded> {
    let mut missing = None;
    for hook in HOOKS {
        let path = parts.root().join("hooks").join(hook);
        match hook_at(&path)? {
            Some(text) if !text.starts_with(MARK) => return Ok(Guarded::Foreign(path)),
            Some(now) if now == text(hook) => {}
            _ => missing = Some(format!("the hook {hook}")),
        }
    }
    if let Some(missing) = missing {
        return Ok(Guarded::Missing(missing));
    }
    let config = config_file(parts.root())?;
    let unset = NEEDED
        .iter()
        .find(|(key, value)| !is_set(&config, key, value));
    Ok(match unset {
        Some((key, value)) => Guarded::Missing(format!("{key}={value} in its configuration")),
        None => Guarded::Yes,
    })
}

fn hook_at(path: &Path) -> Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}
