//! Uses the crate as a library: stores two releases of a module, reads one, compares them, and follows the branch.
//!
//! `cargo run --example library` runs it. The server, the command line and this program can use the same store at the same time.

use std::error::Error;
use std::ops::ControlFlow;
use std::time::Duration;

use wasmstore::config::Options;
use wasmstore::names::{ModulePath, ModuleRef, TreePath};
use wasmstore::store::{Change, ModuleComparison, ObjectFormat, Revision, Store};

/// A module that exports `add`.
const RELEASE_1: &[u8] = include_bytes!("../fixtures/adder.wasm");
/// A module that exports `add` and `sub`.
const RELEASE_2: &[u8] = include_bytes!("../fixtures/adder2.wasm");

fn main() -> Result<(), Box<dyn Error>> {
    let root = tempfile::tempdir()?;
    let store = Store::open_or_create(root.path(), Options::default(), ObjectFormat::Sha1)?;
    let path: ModulePath = "math/add.wasm".parse()?;
    // Reports what is committed from now on, by this process or another one.
    let mut watcher = store.watch(None, None)?;

    // Each change is one commit. Bytes that are not a valid module are an error, and nothing is stored.
    let release = |message: &str| {
        let message = Some(message.parse()?);
        Ok::<_, Box<dyn Error>>(Change {
            message,
            ..Change::default()
        })
    };
    let first = store.put(&release("Release 1")?, &path, RELEASE_1)?;
    let second = store.put(&release("Release 2")?, &path, RELEASE_2)?;
    let invalid = store.put(&Change::default(), &path, &b"not a module"[..]);
    println!("rejected: {}", invalid.expect_err("it is not a module"));

    // Reads name a branch, or any commit.
    let head = Revision::default();
    let name = ModuleRef::Path(path.clone());
    let module = store.find(&head, &name)?;
    println!("{path} is {} of {} bytes", module.hash, module.bytes.len());
    let before = Revision::Commit(first.commit.ok_or("the first release made no commit")?);
    let old = store.find(&before, &name)?;
    assert_eq!((old.hash, module.hash), (first.value, second.value));

    // The differences of two trees, and of the two modules at each path.
    let mut changes = Vec::new();
    store.diff(&before, &head, &TreePath::default(), |change| {
        changes.push(change);
        ControlFlow::Continue(())
    })?;
    for change in &changes {
        if let Some(ModuleComparison::Compared(diff)) = store.compare(change)? {
            println!("{}: {:?}", change.path, diff.verdict);
        }
    }

    // Every commit is reported once, in order.
    let mut messages = Vec::new();
    while messages.len() < 2 {
        let events = watcher.next(Duration::from_secs(10))?;
        if events.is_empty() {
            return Err("no event within 10 seconds".into());
        }
        messages.extend(events.into_iter().map(|event| event.commit.message));
    }
    println!("seen: {}", messages.join(", "));
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_runs() {
        super::main().unwrap();
    }
}
