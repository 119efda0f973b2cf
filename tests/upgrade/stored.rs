//! A stored store: `<version>-schema-<index schema>/<object format>.tar.gz`, with the recorded output of commands in a JSON file next to
//! it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::support::program::World;

/// The content of the JSON file.
#[derive(Serialize, Deserialize)]
pub struct Stored {
    /// The name of the store, for messages.
    pub name: String,
    /// A commit that `gc` dropped. Only the index still has an entry of it.
    pub dropped: String,
    /// The arguments of commands and their output.
    pub recorded: Vec<(Vec<String>, String)>,
    #[serde(skip)]
    archive: PathBuf,
}

/// Returns the directory of all stored stores.
pub fn stores_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/stores")
}

impl Stored {
    /// Returns a store that is about to be recorded.
    pub fn new(name: String, dropped: String, recorded: Vec<(Vec<String>, String)>) -> Self {
        Self {
            name,
            dropped,
            recorded,
            archive: PathBuf::new(),
        }
    }

    /// Reads all stored stores.
    pub fn each() -> Vec<Self> {
        let entries = |directory: &Path| {
            fs::read_dir(directory)
                .unwrap()
                .map(|entry| entry.unwrap().path())
        };
        let stores: Vec<_> = entries(&stores_dir())
            .filter(|version| version.is_dir())
            .flat_map(|version| entries(&version).collect::<Vec<_>>())
            .filter(|file| file.extension().is_some_and(|kind| kind == "json"))
            .map(|file| Self::read(&file))
            .collect();
        assert!(stores.len() >= 2, "{}", stores.len());
        stores
    }

    /// Returns the schema version of the store's index.
    pub fn schema(&self) -> u32 {
        let directory = self.archive.parent().unwrap();
        let name = directory.file_name().unwrap().to_str().unwrap();
        name.rsplit('-').next().unwrap().parse().unwrap()
    }

    fn read(file: &Path) -> Self {
        let stored: Self = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        let archive = file.with_extension("tar.gz");
        Self { archive, ..stored }
    }

    /// Unpacks the store as the default store of a new world.
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

    /// Panics unless the output of a command equals the recorded output. JSON may have additional fields.
    #[track_caller]
    pub fn assert_output(&self, args: &[&str], got: &str, recorded: &str) {
        let is_same = match (serde_json::from_str(got), serde_json::from_str(recorded)) {
            (Ok(got), Ok(recorded)) => covers(&got, &recorded),
            _ => got == recorded,
        };
        assert!(
            is_same,
            "{}: {args:?}: {got}\nrecorded: {recorded}",
            self.name
        );
    }
}

/// Returns whether `got` has every field of `recorded` with the same value.
fn covers(got: &Value, recorded: &Value) -> bool {
    match (got, recorded) {
        (Value::Object(got), Value::Object(recorded)) => {
            let has =
                |(name, value): (&String, _)| got.get(name).is_some_and(|got| covers(got, value));
            recorded.iter().all(has)
        }
        (Value::Array(got), Value::Array(recorded)) => {
            let same = |(got, recorded)| covers(got, recorded);
            got.len() == recorded.len() && got.iter().zip(recorded).all(same)
        }
        _ => got == recorded,
    }
}

/// The schema version of the index that this version writes.
pub const SCHEMA: u32 = 2;

/// Returns the name of the file that contains the name of the current index database of a schema version.
pub fn index_name(schema: u32) -> String {
    match schema {
        1 => "index".to_owned(),
        later => format!("index-v{later}"),
    }
}

/// Returns the path of the current index database of a schema version.
pub fn index_of(world: &World, schema: u32) -> PathBuf {
    let own_dir = world.root().join("wasmstore");
    own_dir.join(fs::read_to_string(own_dir.join(index_name(schema))).unwrap())
}

/// Returns the first line that `watch --since` prints after a commit; `None` if the commit is unknown.
pub fn first_event_since(world: &World, commit: &str) -> Option<String> {
    let mut watch = world
        .wasmstore(&["watch", "--since", commit])
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
