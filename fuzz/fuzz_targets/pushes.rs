//! A push of any objects is either refused, or leaves a store that is readable and valid.

#![no_main]

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use arbitrary::Arbitrary;
use gix::objs::{Kind, Write as _};
use libfuzzer_sys::fuzz_target;
use wasmstore::names::{BranchName, ObjectId, RefName, TreePath};
use wasmstore::store::{Atomicity, DropPolicy, Pusher, RefUpdate, Revision, Store};
use wasmstore_fuzz::{Scratch, module_with};

/// An object. Numbers refer to earlier objects of the same push, or to the tip of the default branch.
#[derive(Arbitrary, Debug)]
enum Object<'a> {
    Module(u8),
    Blob(&'a [u8]),
    Tree(Vec<Entry<'a>>),
    Commit {
        tree: u8,
        parents: Vec<u8>,
        author: Person<'a>,
        committer: Person<'a>,
        headers: &'a [u8],
        message: &'a [u8],
    },
    Tag {
        target: u8,
        name: &'a str,
        tagger: Person<'a>,
    },
    Raw(u8, &'a [u8]),
}

#[derive(Arbitrary, Debug)]
struct Entry<'a> {
    mode: Mode<'a>,
    name: Name<'a>,
    object: u8,
}

#[derive(Arbitrary, Debug)]
enum Mode<'a> {
    File,
    Directory,
    Executable,
    Other(&'a [u8]),
}

#[derive(Arbitrary, Debug)]
enum Name<'a> {
    Short(u8),
    Any(&'a [u8]),
}

#[derive(Arbitrary, Debug)]
enum Person<'a> {
    Ordinary { seconds: u32 },
    Any(&'a [u8]),
}

#[derive(Arbitrary, Debug)]
struct Push<'a> {
    objects: Vec<Object<'a>>,
    updates: Vec<(u8, bool, u8)>,
    is_atomic: bool,
}

thread_local! {
    static SCRATCH: RefCell<(Scratch, usize)> = RefCell::new((Scratch::new(), 0));
}

/// The number of accepted pushes after which the store is verified and replaced.
const PUSHES_MAX: usize = 32;

const OBJECTS_MAX: usize = 64;

fuzz_target!(|push: Push<'_>| {
    SCRATCH.with_borrow_mut(|(scratch, accepted)| {
        if push.objects.len() > OBJECTS_MAX || !run(scratch, &push) {
            return;
        }
        *accepted += 1;
        if *accepted == PUSHES_MAX {
            check_with_git(scratch);
            (*scratch, *accepted) = (Scratch::new(), 0);
        }
    });
});

/// Returns whether the push was accepted.
fn run(scratch: &Scratch, push: &Push<'_>) -> bool {
    let store = &scratch.store;
    let quarantine = tempfile::tempdir_in(store.root().join("objects")).expect("a directory");
    let Some(updates) = write_objects(store, quarantine.path(), push) else {
        return false;
    };
    let pusher = Pusher::default();
    let objections = store
        .check_push(Some(quarantine.path()), &updates, &pusher)
        .unwrap_or_else(|error| panic!("{push:?}: {error:?}"));
    if !objections.is_empty() {
        return false;
    }
    install(quarantine.path(), &store.root().join("objects"));
    let atomicity = if push.is_atomic {
        Atomicity::AllOrNothing
    } else {
        Atomicity::PerRef
    };
    let results = store
        .publish_push(&updates, DropPolicy::Refused, atomicity)
        .unwrap_or_else(|error| panic!("{push:?}: {error:?}"));
    for (update, result) in updates.iter().zip(results) {
        if let (RefName::Branch(branch), Ok(())) = (&update.name, result)
            && update.new.is_some()
        {
            check_branch(store, branch);
        }
    }
    true
}

/// Writes the objects; returns the updates of the push, or `None` if they contradict each other.
fn write_objects(store: &Store, quarantine: &Path, push: &Push<'_>) -> Option<Vec<RefUpdate>> {
    let tip = store.snapshot(&Revision::default()).expect("a tip");
    let tip = ObjectId::parse(&tip.to_string()).expect("an id");
    let objects = gix::odb::loose::Store::at(quarantine, gix::hash::Kind::Sha1);
    let mut ids = vec![tip];
    for object in &push.objects {
        let (kind, data) = encode(object, &ids);
        let id = objects.write_buf(kind, &data).ok()?;
        ids.push(ObjectId::parse(&id.to_string())?);
    }
    let mut updates: Vec<RefUpdate> = Vec::new();
    for (name, is_tag, new) in &push.updates {
        let namespace = if *is_tag { "tags" } else { "heads" };
        let name = match (is_tag, name) {
            (false, 0) => "refs/heads/main".to_owned(),
            _ => format!("refs/{namespace}/r{name}"),
        };
        let name = RefName::parse(&name).ok()?;
        let refs = store.refs().expect("a readable store");
        let old = refs.iter().find(|(other, _)| *other == name);
        let old = old.map(|(_, id)| *id);
        if updates.iter().any(|update| update.name == name) {
            return None;
        }
        let new = Some(pick(&ids, *new));
        updates.push(RefUpdate { name, old, new });
    }
    Some(updates)
}

fn pick(ids: &[ObjectId], n: u8) -> ObjectId {
    ids[usize::from(n) % ids.len()]
}

fn encode(object: &Object<'_>, ids: &[ObjectId]) -> (Kind, Vec<u8>) {
    match object {
        Object::Module(content) => (Kind::Blob, module_with(*content)),
        Object::Blob(bytes) => (Kind::Blob, bytes.to_vec()),
        Object::Tree(entries) => (Kind::Tree, tree(entries, ids)),
        Object::Commit {
            tree,
            parents,
            author,
            committer,
            headers,
            message,
        } => {
            let mut data = format!("tree {}\n", pick(ids, *tree)).into_bytes();
            for parent in parents {
                data.extend(format!("parent {}\n", pick(ids, *parent)).bytes());
            }
            person(&mut data, "author", author);
            person(&mut data, "committer", committer);
            data.extend_from_slice(headers);
            data.push(b'\n');
            data.extend_from_slice(message);
            (Kind::Commit, data)
        }
        Object::Tag {
            target,
            name,
            tagger,
        } => {
            let target = pick(ids, *target);
            let mut data = format!("object {target}\ntype commit\ntag {name}\n").into_bytes();
            person(&mut data, "tagger", tagger);
            data.extend(b"\ntext\n");
            (Kind::Tag, data)
        }
        Object::Raw(kind, bytes) => {
            let kinds = [Kind::Blob, Kind::Tree, Kind::Commit, Kind::Tag];
            (kinds[usize::from(*kind) % 4], bytes.to_vec())
        }
    }
}

/// Returns a tree with these entries in the order of git, if each name occurs once.
fn tree(entries: &[Entry<'_>], ids: &[ObjectId]) -> Vec<u8> {
    let mut encoded: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for entry in entries {
        let mode = match entry.mode {
            Mode::File => b"100644",
            Mode::Directory => b"40000".as_slice(),
            Mode::Executable => b"100755",
            Mode::Other(mode) => mode,
        };
        let name = match entry.name {
            Name::Short(n) => format!("m{n}").into_bytes(),
            Name::Any(name) => name.to_vec(),
        };
        let id = pick(ids, entry.object);
        let end: &[u8] = if mode == b"40000" { b"/" } else { b"" };
        let data = [mode, b" ", &name, b"\0", id.as_bytes()].concat();
        encoded.push(([&name, end].concat(), data));
    }
    encoded.sort();
    encoded.dedup_by(|a, b| a.0 == b.0);
    encoded.into_iter().flat_map(|(_, data)| data).collect()
}

fn person(data: &mut Vec<u8>, role: &str, person: &Person<'_>) {
    data.extend(role.bytes());
    data.push(b' ');
    match person {
        Person::Ordinary { seconds } => data.extend(format!("A <a@b> {seconds} +0000").bytes()),
        Person::Any(bytes) => data.extend_from_slice(bytes),
    }
    data.push(b'\n');
}

/// Moves the objects into the store, as git does after the hook `pre-receive`.
fn install(quarantine: &Path, objects: &Path) {
    for directory in fs::read_dir(quarantine).expect("a directory") {
        let directory = directory.expect("an entry");
        if directory.file_name().len() != 2 {
            continue;
        }
        let to = objects.join(directory.file_name());
        fs::create_dir_all(&to).expect("a directory");
        for file in fs::read_dir(directory.path()).expect("a directory") {
            let file = file.expect("an entry");
            fs::rename(file.path(), to.join(file.file_name())).expect("a move");
        }
    }
}

/// Checks that every module of the branch can be read and is valid.
fn check_branch(store: &Store, branch: &BranchName) {
    let revision = Revision::Branch(Some(branch.clone()));
    let modules = store.list(&revision, &TreePath::root()).expect("a list");
    for (path, hash) in modules {
        let module = store.module(hash);
        let module = module.unwrap_or_else(|error| panic!("{path}: {error:?}"));
        wasmstore::wasm::inspect(&module.bytes).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
}

fn check_with_git(scratch: &Scratch) {
    let root = scratch.store.root();
    let checked = std::process::Command::new("git")
        .arg("--git-dir")
        .arg(root)
        .args(["fsck", "--strict", "--no-dangling", "--connectivity-only"])
        .output()
        .expect("git");
    assert!(checked.status.success(), "{checked:?}");
}
