//! Hooks (githooks(5)) and git configuration that route pushes through wasmstore.
//!
//! `pre-receive` validates the pushed objects in quarantine, and `proc-receive` moves the refs. A push to a local path or over ssh runs a
//! git process that wasmstore does not start, so hooks and configuration are part of the repository. A hook that does not find the program
//! `wasmstore` refuses the push.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};

use crate::repo::error::{Error, Result};
use crate::repo::fs::{create_dir, new_file, persist, sync_dir};
use crate::repo::lifecycle::config::{config_file, configure, is_set};
use crate::repo::parts::Parts;
use crate::sharing::share;

/// The names of the hooks.
const HOOKS: [&str; 2] = ["pre-receive", "proc-receive"];

/// The start of every hook that wasmstore wrote, whatever its version.
const OWN_HOOK_START: &str = "#!/bin/sh\n# A hook of wasmstore";

/// The configuration that the hooks depend on. [`install`] replaces other values of these keys. With git's defaults, a push could bypass
/// the hooks, git could accept malformed objects, skip their fsync or delete other objects on its own, or the repository could become
/// shallow.
const REQUIRED_CONFIG: [(&str, &str); 9] = [
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

/// Whether pushes are routed through wasmstore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushHooks {
    /// The hooks and their configuration are installed.
    Installed,
    /// Another program's hook is at this path.
    Foreign(PathBuf),
    /// A hook or a setting is missing or outdated. The text says which one.
    Missing(String),
    /// The hooks are installed, but git cannot run them: their file system is mounted with `noexec` (mount(8)).
    NoExec,
}

/// Returns the text of a hook; git runs it in the repository. Installed hooks are compared with it byte by byte, so any change to the
/// text makes them outdated until the next `init` or start of a server.
fn text(hook: &str) -> String {
    format!(
        "{OWN_HOOK_START}, written anew by `wasmstore init` and `wasmstore server`\n\
         program=${{WASMSTORE_PROGRAM:-wasmstore}}\n\
         if ! command -v \"$program\" >/dev/null; then\n\
         \techo \"wasmstore: nothing can be pushed: there is no $program on the PATH of this machine\" >&2\n\
         \texit 1\n\
         fi\n\
         exec \"$program\" --root . hook {hook}\n"
    )
}

/// Writes the hooks of a new repository into `dir`, its directory `hooks`.
pub(crate) fn create(dir: &Path, tmp: &Path) -> Result<()> {
    for hook in HOOKS {
        write(tmp, &dir.join(hook), hook)?;
    }
    sync_dir(dir)
}

fn write(tmp: &Path, path: &Path, hook: &str) -> Result<()> {
    let mut file = new_file(tmp, 0o755).map_err(Error::io("create a file in", tmp))?;
    io::Write::write_all(&mut file, text(hook).as_bytes()).map_err(Error::io("write", path))?;
    // The umask must not apply: git ignores a hook that is not executable.
    let mode = fs::Permissions::from_mode(0o755);
    file.as_file()
        .set_permissions(mode)
        .map_err(Error::io("write", path))?;
    persist(file, path)?;
    share(path);
    Ok(())
}

/// Installs the hooks that are missing or outdated, and the configuration that they depend on. If another program's hook has one of the
/// names, changes nothing and returns the path of that hook.
///
/// # Errors
/// The repository cannot be written.
pub(crate) fn install(parts: &Parts) -> Result<PushHooks> {
    if parts.objects.is_absent() {
        return Ok(PushHooks::Missing("the store".to_owned()));
    }
    let _refs = parts.locks.refs()?;
    if let foreign @ PushHooks::Foreign(_) = installed(parts)? {
        return Ok(foreign);
    }
    let dir = parts.root().join("hooks");
    create_dir(&dir)?;
    for hook in HOOKS {
        if read_hook(&dir.join(hook))? != Some(text(hook)) {
            write(&parts.objects.tmp_dir(), &dir.join(hook), hook)?;
        }
    }
    sync_dir(&dir)?;
    configure(parts.root(), &REQUIRED_CONFIG)?;
    installed(parts)
}

/// Returns whether the hooks and their configuration are installed.
///
/// # Errors
/// The hooks or the configuration cannot be read.
pub(crate) fn installed(parts: &Parts) -> Result<PushHooks> {
    let mut missing = None;
    for hook in HOOKS {
        let path = parts.root().join("hooks").join(hook);
        match read_hook(&path)? {
            Some(text) if !text.starts_with(OWN_HOOK_START) => return Ok(PushHooks::Foreign(path)),
            Some(current) if current == text(hook) => {}
            _ => missing = Some(format!("the hook {hook}")),
        }
    }
    if let Some(missing) = missing {
        return Ok(PushHooks::Missing(missing));
    }
    let config = config_file(parts.root())?;
    let unset = REQUIRED_CONFIG
        .iter()
        .find(|(key, value)| !is_set(&config, key, value));
    Ok(match unset {
        Some((key, value)) => PushHooks::Missing(format!("{key}={value} in its configuration")),
        None if is_noexec(parts.root()) => PushHooks::NoExec,
        None => PushHooks::Installed,
    })
}

/// Returns whether the file system of the repository, or of the directory in which it would be created, is mounted with `noexec`.
pub(crate) fn is_noexec(root: &Path) -> bool {
    let Ok(root) = std::path::absolute(root) else {
        return false;
    };
    let existing = root.ancestors().find(|dir| dir.exists());
    let mount = existing.and_then(|dir| statvfs(dir).ok());
    mount.is_some_and(|mount| mount.f_flag.contains(StatVfsMountFlags::NOEXEC))
}

fn read_hook(path: &Path) -> Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}
