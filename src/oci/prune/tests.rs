use super::*;
use crate::config::Options;
use crate::names::{ManifestRef, ModulePath};
use crate::oci::{IMAGE_MANIFEST, ManifestPush};
use crate::store::{ObjectFormat, sha256};

/// Returns a store with a module, so that the store has a branch.
fn store() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store =
        Store::open_or_create(directory.path(), Options::default(), ObjectFormat::Sha1).unwrap();
    let mut write = store.begin_registry_write(None).unwrap();
    let module = write.add_bytes(b"module".to_vec()).unwrap();
    let path = ModulePath::parse("other/1.wasm").unwrap();
    let published = write.publish(|draft| {
        draft.set_modules(&[(path.clone(), module)])?;
        Ok::<_, Error>(("Set".to_owned(), ()))
    });
    published.unwrap();
    (directory, store)
}

/// Pushes a manifest without a module, under a tag or, for `None`, under its digest. Returns the tag or digest.
fn push(store: &Store, repository: &RepositoryName, tag: Option<&str>) -> ManifestRef {
    let content = b"{}";
    let blob = OciDigest::Sha256(sha256(content));
    let mut upload = store.begin_blob(repository).unwrap();
    upload.write(content).unwrap();
    assert!(upload.complete(&blob).unwrap());
    let descriptor =
        |media_type: &str| format!(r#"{{"mediaType":"{media_type}","digest":"{blob}","size":2}}"#);
    let bytes = format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE_MANIFEST}","config":{},"layers":[{}]}}"#,
        descriptor("application/json"),
        descriptor("text/plain"),
    )
    .into_bytes();
    let reference = match tag {
        Some(tag) => ManifestRef::Tag(OciTag::parse(tag).unwrap()),
        None => ManifestRef::Digest(OciDigest::Sha256(sha256(&bytes))),
    };
    let push = ManifestPush {
        repository: repository.clone(),
        reference: reference.clone(),
        tags: Vec::new(),
        media_type: IMAGE_MANIFEST.to_owned(),
        bytes,
        author: None,
    };
    Registry::default().put_manifest(store, &push).unwrap();
    reference
}

#[test]
fn a_signature_that_is_pushed_meanwhile_is_kept() {
    let (_directory, store) = store();
    let registry = Registry::default();
    let repository = RepositoryName::parse("a").unwrap();
    let names = Names::from([repository.clone()]);
    push(&store, &repository, None);
    let retention = Retention {
        today: day_of(now_s()),
        keep_days: 0,
    };
    let mut prune = Prune::new(&registry, &store, retention);
    let state = State::now(&store).unwrap();
    assert!(
        signatures(&state.views[0], &names).unwrap().0.is_empty(),
        "the repository had no signature"
    );
    let tag = format!("sha256-{}.sig", "7".repeat(64));
    let signature = push(&store, &repository, Some(&tag));
    assert_eq!(
        prune.remove_from_others(&state, names).unwrap(),
        Names::new()
    );
    assert!(registry.manifest(&store, &repository, &signature).is_ok());
}

#[test]
fn nothing_is_removed_without_a_branch() {
    let (_directory, store) = store();
    let registry = Registry::default();
    let repository = RepositoryName::parse("a").unwrap();
    let names = Names::from([repository.clone()]);
    let manifest = push(&store, &repository, None);
    let retention = Retention {
        today: day_of(now_s()),
        keep_days: 0,
    };
    let mut prune = Prune::new(&registry, &store, retention);
    let tips = RegistryTips {
        branches: Vec::new(),
        ..store.registry_tips().unwrap()
    };
    let state = State {
        tips: tips.clone(),
        views: Vec::new(),
    };
    let left = prune.remove(&state, &names, HashSet::new()).unwrap();
    assert_eq!(left, names);
    let (edit, left) = prune.edit_of(&tips, &names).unwrap();
    assert!(edit.is_empty());
    assert_eq!(left, names);
    assert!(registry.manifest(&store, &repository, &manifest).is_ok());
}
