//! A stored store: `<version>-schema-<index schema>/<object format>.tar.gz`, and beside it what was read from it, as JSON.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::support::program::World;

/// What the `.json` holds.
#[derive(Serialize, Deserialize)]
pub struct Stored {
    /// Where it comes from, for messages.
    pub name: String,
    /// A commit that was dropped by `gc`, and that only the index knows.
    pub dropped: String,
    /// The arguments of commands, and what they printed.
    pub recorded: Vec<(Vec<String>, String)>,
    #[serde(skip)]
    archive: PathBuf,
}

/// The folder of all of them.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/stores")
}

impl Stored {
    /// One that is being made.
    pub fn new(name: String, dropped: String, recorded: Vec<(Vec<String>, String)>) -> Self {
        Self {
            name,
            dropped,
            recorded,
            archive: PathBuf::new(),
        }
    }

    /// All that there are.
    pub fn each() -> Vec<Self> {
        let entries = |folder: &Path| {
            fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().path())
        };
        let made = entries(&folder()).filter(|made| made.is_dir());
        let files = made.flat_map(|made| entries(&made).collect::<Vec<_>>());
        let files = files.filter(|file| file.extension().is_some_and(|kind| kind == "json"));
        let stores: Vec<_> = files.map(|file| Self::read(&file)).collect();
        assert!(stores.len() >= 2, "{}", stores.len());
        stores
    }

    fn read(file: &Path) -> Self {
        let stored: Self = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        let archive = file.with_extension("tar.gz");
        Self { archive, ..stored }
    }

    /// A world whose default store it is.
    pub fn unpacked(&self) -> World {
        let world = World::empty();
        fs::create_dir(world.root()).unwrap();
        let mut tar = world.command("tar");
        let tar = tar
            .arg("-xzf")
            .arg(&self.archive)
            .arg("-C")
            .arg(world.root());
        assert!(tar.status().unwrap().success());
        world
    }

    /// Fails unless a command printed what is `wanted`. JSON may tell more than it did.
    #[track_caller]
    pub fn agrees(&self, args: &[&str], got: &str, wanted: &str) {
        let is_same = match (serde_json::from_str(got), serde_json::from_str(wanted)) {
            (Ok(got), Ok(wanted)) => covers(&got, &wanted),
            _ => got == wanted,
        };
        assert!(
            is_same,
            "{}: {args:?}: {got}\nbut it was: {wanted}",
            self.name
        );
    }
}

fn covers(got: &Value, wanted: &Value) -> bool {
    match (got, wanted) {
        (Value::Object(got), Value::Object(wanted)) => {
            let has =
                |(name, value): (&String, _)| got.get(name).is_some_and(|got| covers(got, value));
            wanted.iter().all(has)
        }
        (Value::Array(got), Value::Array(wanted)) => {
            let same = |(got, wanted)| covers(got, wanted);
            got.len() == wanted.len() && got.iter().zip(wanted).all(same)
        }
        _ => got == wanted,
    }
}

/// The file of the index that is used.
pub fn index_of(world: &World) -> PathBuf {
    let own = world.root().join("wasmstore");
    own.join(fs::read_to_string(own.join("index")).unwrap())
}

/// The first line that `watch` prints of what came after a commit; nothing if that commit is not known.
pub fn told_since(world: &World, commit: &str) -> Option<String> {
    let mut watch = world.wasmstore(&["watch", "--since", commit]);
    let mut watch = watch
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(watch.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let _ = watch.kill();
    watch.wait().unwrap();
    (!line.is_empty()).then_some(line)
}
