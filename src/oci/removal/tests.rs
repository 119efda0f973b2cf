use super::*;
use crate::config::Options;
use crate::names::ModulePath;
use crate::oci::records::Records;
use crate::store::{ObjectFormat, Revision};

struct Fixture {
    _directory: tempfile::TempDir,
    store: Store,
    registry: Registry,
}

impl Fixture {
    /// Returns a store with tags in the repositories `a` and `b`, and with the module `b/1.wasm`.
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = Options::default();
        let store = Store::open_or_create(directory.path(), options, ObjectFormat::Sha1);
        let fixture = Self {
            _directory: directory,
            store: store.unwrap(),
            registry: Registry::default(),
        };
        fixture.set(&["a/_tags/1", "b/_tags/1"], &["b/1.wasm"]);
        fixture
    }

    /// Sets records and modules to new content.
    fn set(&self, records: &[&str], modules: &[&str]) {
        let mut write = self.store.begin_registry_write(None).unwrap();
        let hash = write.add_bytes(b"content".to_vec()).unwrap();
        let set = |paths: &[&str]| -> Vec<_> {
            paths
                .iter()
                .map(|it| (it.parse::<ModulePath>().unwrap(), hash))
                .collect()
        };
        let published = write.publish(|draft| {
            draft.set_records(&set(records))?;
            draft.set_modules(&set(modules))?;
            Ok::<_, Error>(("Set".to_owned(), ()))
        });
        published.unwrap();
    }

    /// Decides to remove the tags of both repositories, makes a change, and removes the tags. Returns the records that are left.
    fn remove(&self, subjects: &[OciDigest], change: impl FnOnce()) -> Vec<String> {
        let tips = self.store.registry_tips().unwrap();
        let subjects = subjects.iter().copied().collect();
        let mut removal = Removal::begin(&self.registry, &self.store, &tips, subjects).unwrap();
        for name in ["a", "b"] {
            let edit = RecordsEdit {
                removed: vec![format!("{name}/_tags/1").parse().unwrap()],
                added: Vec::new(),
            };
            removal
                .add(&RepositoryName::parse(name).unwrap(), edit)
                .unwrap();
        }
        change();
        let left = removal.finish().unwrap();
        let mut records = Vec::new();
        let state = State::now(&self.store).unwrap();
        let root = crate::names::TreePath::root();
        let add = |path: ModulePath, _| records.push(path.as_str().to_owned());
        state.views[0].walk_records(&root, add).unwrap();
        for name in ["a", "b"] {
            let is_left = records.contains(&format!("{name}/_tags/1"));
            assert_eq!(
                is_left,
                left.contains(&RepositoryName::parse(name).unwrap())
            );
        }
        records
    }
}

const A: &str = "a/_tags/1";

#[test]
fn what_has_not_changed_is_removed() {
    let fixture = Fixture::new();
    assert_eq!(fixture.remove(&[], || ()), [""; 0]);
    let fixture = Fixture::new();
    let left = fixture.remove(&[], || {
        fixture.set(&["c/_tags/1"], &["c/1.wasm", "A/1.wasm"])
    });
    assert_eq!(left, ["c/_tags/1"]);
}

#[test]
fn a_repository_that_has_changed_is_left() {
    // Three changes of the repository `a`: of a record, of a module in its directory, and of a module with its name.
    for (records, modules) in [
        (&["a/_manifests/sha256/00/1"][..], &[][..]),
        (&[], &["a/1.wasm"]),
        (&[], &["a.wasm"]),
    ] {
        let fixture = Fixture::new();
        let left = fixture.remove(&[], || fixture.set(records, modules));
        assert!(left.contains(&A.to_owned()), "{left:?}");
        assert!(!left.contains(&"b/_tags/1".to_owned()), "{left:?}");
    }
}

#[test]
fn a_module_that_comes_back_on_another_branch_is_a_change() {
    let fixture = Fixture::new();
    fixture.set(&[], &["a/1.wasm"]);
    let commit = fixture.store.registry_tips().unwrap().branches[0].1;
    let path = crate::names::ModuleRef::Path("a/1.wasm".parse().unwrap());
    let directories = crate::store::DirectoryRemoval::Refuse;
    fixture
        .store
        .remove(&Default::default(), &path, directories)
        .unwrap();
    let left = fixture.remove(&[], || {
        let revision = Revision::Commit(commit);
        fixture
            .store
            .create_branch(&"old".parse().unwrap(), &revision)
            .unwrap();
    });
    assert_eq!(left, [A]);
}

#[test]
fn no_signature_is_removed_once_its_subject_is_back() {
    let subject = OciDigest::Sha256([7; 32]);
    let name = RepositoryName::parse("z").unwrap();
    let back = Records(&name).manifest(&subject).as_str().to_owned();
    let fixture = Fixture::new();
    let left = fixture.remove(&[subject], || fixture.set(&[&back], &[]));
    assert_eq!(left, [A, "b/_tags/1", back.as_str()]);
    // If the new manifest is not the subject of a signature that is removed, the removal goes on.
    let fixture = Fixture::new();
    let left = fixture.remove(&[OciDigest::Sha256([8; 32])], || fixture.set(&[&back], &[]));
    assert_eq!(left, [back.as_str()]);
}
