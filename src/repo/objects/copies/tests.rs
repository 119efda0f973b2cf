use super::*;
use crate::repo::objects::loose::LooseObjects;
use crate::repo::objects::spool::Spool;
use crate::repo::packs::entry::PackEntry;
use crate::repo::packs::writer::PackWriter;

const FORMAT: gix::hash::Kind = gix::hash::Kind::Sha1;

/// A repository with one pack that contains the blob `object`, and a larger blob.
struct Damageable {
    dir: tempfile::TempDir,
    id: gix::ObjectId,
    pack: PathBuf,
    /// The offsets of the blob's bytes in the pack.
    range: std::ops::Range<usize>,
    whole: Vec<u8>,
}

fn object(size: usize) -> Vec<u8> {
    (0..size).map(|n| (n * n % 251) as u8).collect()
}

impl Damageable {
    fn new(object: &[u8]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        gix::init_bare(dir.path()).unwrap();
        let hash = |bytes: &[u8]| gix::objs::compute_hash(FORMAT, Kind::Blob, bytes).unwrap();
        let mut writer = PackWriter::new(dir.path(), FORMAT, 2).unwrap();
        let entry = PackEntry::new(Kind::Blob, object).unwrap();
        let id = hash(object);
        writer.add(id, &entry).unwrap();
        let other = self::object(object.len() + 1);
        writer
            .add(hash(&other), &PackEntry::new(Kind::Blob, &other).unwrap())
            .unwrap();
        let [pack, _] = writer.install(dir.path()).unwrap().files();
        let whole = std::fs::read(&pack).unwrap();
        Self {
            dir,
            id,
            pack,
            range: 12..12 + entry.bytes.len(),
            whole,
        }
    }

    /// Replaces the pack by one in which the byte at this offset differs.
    fn damage(&self, at: usize, bits: u8) {
        let mut bytes = self.whole.clone();
        bytes[at] ^= bits;
        std::fs::remove_file(&self.pack).unwrap();
        std::fs::write(&self.pack, bytes).unwrap();
    }

    fn open(&self) -> gix::Repository {
        gix::open(self.dir.path()).unwrap()
    }

    fn state(&self) -> StoredState {
        check_stored(&self.open(), &self.id).unwrap()
    }

    /// Writes a loose copy of the object.
    fn write_loose(&self, object: &[u8]) -> PathBuf {
        let mut loose = LooseObjects::new(self.dir.path(), FORMAT);
        let spool = &mut Spool::holding(object.to_owned());
        loose.write(self.id, Kind::Blob, spool).unwrap();
        loose.sync().unwrap();
        loose_path(self.dir.path(), &self.id)
    }
}

#[test]
fn every_damaged_byte_of_a_packed_object_is_found_and_another_copy_is_read() {
    for size in [100, 5_000] {
        let object = object(size);
        let damageable = Damageable::new(&object);
        assert_eq!(damageable.state(), StoredState::Intact);
        for at in damageable.range.clone().step_by(1 + size / 500) {
            damageable.damage(at, 0x55);
            let state = damageable.state();
            assert_ne!(state, StoredState::Intact, "byte {at} of {size}");
            if state == StoredState::Other {
                continue;
            }
            let loose = damageable.write_loose(&object);
            let repo = damageable.open();
            let read = find_object(&repo, damageable.id).unwrap().unwrap();
            assert_eq!((read.kind, &read.data), (Kind::Blob, &object), "byte {at}");
            assert_eq!(damageable.state(), StoredState::Intact);
            std::fs::remove_file(loose).unwrap();
        }
    }
}

#[test]
fn every_damaged_byte_of_a_loose_object_is_found() {
    let object = object(300);
    let damageable = Damageable::new(&object);
    let path = damageable.write_loose(&object);
    assert!(is_loose_intact(&path, &damageable.id));
    let whole = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    for at in 2..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        std::fs::write(&path, bytes).unwrap();
        assert!(!is_loose_intact(&path, &damageable.id), "byte {at}");
        std::fs::write(&path, &whole[..at]).unwrap();
        assert!(!is_loose_intact(&path, &damageable.id), "{at} bytes");
    }
}

#[test]
fn a_large_packed_object_is_hashed_without_reading_it_into_memory() {
    let object = object(HASHED_IN_MEMORY_BYTES_MAX as usize + 1);
    let damageable = Damageable::new(&object);
    assert_eq!(damageable.state(), StoredState::Intact);
    damageable.damage(damageable.range.start + 1_000, 0xff);
    assert_eq!(damageable.state(), StoredState::Damaged);
}
