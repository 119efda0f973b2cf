use std::io::Read as _;

use super::*;

fn uploads(dir: &Path, bytes_max: u64, files_max: u64) -> BlobUploads {
    let limits = BlobUploadLimits {
        bytes_max,
        files_max,
        age_max: Duration::from_secs(3600),
    };
    BlobUploads::new(dir, limits)
}

fn repository() -> UploadArea {
    UploadArea::Repository(RepositoryName::parse("a/b").unwrap())
}

#[test]
fn an_upload_is_resumed_and_becomes_a_blob() {
    let dir = tempfile::tempdir().unwrap();
    let uploads = uploads(dir.path(), 100, 10);
    let mut upload = uploads.begin(&repository()).unwrap();
    upload.write(b"ab").unwrap();
    let id = upload.id().to_owned();
    let error = uploads.resume(&repository(), &id).unwrap_err();
    assert!(matches!(error, Error::Busy(_)), "{error}");
    drop(upload);
    let mut upload = uploads.resume(&repository(), &id).unwrap().unwrap();
    upload.write(b"c").unwrap();
    assert_eq!(upload.size_bytes(), 3);
    let mut text = String::new();
    upload.reader().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "abc");
    let digest = OciDigest::Sha256([7; 32]);
    upload.complete(&digest).unwrap();
    assert!(uploads.resume(&repository(), &id).unwrap().is_none());
    assert!(uploads.blob(&repository(), &digest).unwrap().is_some());
    let other = UploadArea::Repository(RepositoryName::parse("a").unwrap());
    assert!(uploads.blob(&other, &digest).unwrap().is_none());
    assert!(uploads.remove_blob(&repository(), &digest).unwrap());
    assert!(!uploads.remove_blob(&repository(), &digest).unwrap());
    let usage = uploads.usage();
    assert_eq!((usage.bytes, usage.files), (0, 0));
}

#[test]
fn a_preview_is_no_blob_of_a_repository() {
    let dir = tempfile::tempdir().unwrap();
    let uploads = uploads(dir.path(), 100, 10);
    let mut upload = uploads.begin(&UploadArea::Previews).unwrap();
    upload.write(b"abc").unwrap();
    let digest = OciDigest::Sha256([7; 32]);
    upload.complete(&digest).unwrap();
    assert!(uploads.blob_anywhere(&digest).unwrap().is_none());
    assert!(
        uploads
            .blob(&UploadArea::Previews, &digest)
            .unwrap()
            .is_some()
    );
    let later = SystemTime::now() + Duration::from_secs(3601);
    assert_eq!(uploads.sweep(later).unwrap().files, 0);
    assert!(
        uploads
            .blob(&UploadArea::Previews, &digest)
            .unwrap()
            .is_none()
    );
}

#[test]
fn bytes_and_files_are_limited() {
    let dir = tempfile::tempdir().unwrap();
    let uploads = uploads(dir.path(), 4, 2);
    let mut one = uploads.begin(&repository()).unwrap();
    one.write(b"abcd").unwrap();
    let mut two = uploads.begin(&repository()).unwrap();
    assert!(matches!(two.write(b"e"), Err(Error::UploadsFull)));
    let three = uploads.begin(&repository());
    assert!(matches!(three, Err(Error::UploadsFull)));
    one.discard().unwrap();
    two.write(b"e").unwrap();
}

#[test]
fn expired_files_and_empty_directories_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let uploads = uploads(dir.path(), 100, 10);
    let mut old = uploads.begin(&repository()).unwrap();
    old.write(b"abc").unwrap();
    drop(old);
    let later = SystemTime::now() + Duration::from_secs(3601);
    assert_eq!(uploads.sweep(SystemTime::now()).unwrap().bytes, 3);
    assert_eq!(uploads.sweep(later).unwrap().files, 0);
    assert!(
        fs::read_dir(dir.path().join("oci"))
            .unwrap()
            .next()
            .is_none()
    );
}

#[test]
fn files_expire_without_another_upload() {
    let dir = tempfile::tempdir().unwrap();
    let uploads = uploads(dir.path(), 100, 10);
    let mut old = uploads.begin(&repository()).unwrap();
    old.write(b"abc").unwrap();
    drop(old);
    let now = SystemTime::now();
    uploads
        .remove_expired_at(now + Duration::from_secs(3600 - 60))
        .unwrap();
    assert_eq!(uploads.usage().files, 1);
    uploads
        .remove_expired_at(now + Duration::from_secs(3601))
        .unwrap();
    assert_eq!(uploads.usage().files, 0);
    assert!(
        fs::read_dir(dir.path().join("oci"))
            .unwrap()
            .next()
            .is_none()
    );
    // `again` stands for another process. Its first sweep finds the files that it did not create.
    let again = BlobUploads::new(dir.path(), uploads.limits);
    drop(uploads.begin(&repository()).unwrap());
    again
        .remove_expired_at(now + Duration::from_secs(3661))
        .unwrap();
    assert!(
        fs::read_dir(dir.path().join("oci"))
            .unwrap()
            .next()
            .is_none()
    );
}

#[test]
fn ids_are_not_paths() {
    let dir = tempfile::tempdir().unwrap();
    let uploads = uploads(dir.path(), 100, 10);
    for id in [
        "",
        "..",
        "../../../../etc/passwd",
        &"/".repeat(32),
        &".".repeat(32),
    ] {
        assert!(uploads.resume(&repository(), id).unwrap().is_none(), "{id}");
    }
}

#[test]
fn uploads_of_modules_belong_to_their_user() {
    let dir = tempfile::tempdir().unwrap();
    let uploads = uploads(dir.path(), 100, 10);
    let (own, other) = (UploadArea::Modules([1; 16]), UploadArea::Modules([2; 16]));
    let mut upload = uploads.begin(&own).unwrap();
    upload.write(b"abc").unwrap();
    let id = upload.id().to_owned();
    let (file, _) = upload.file().unwrap();
    drop(upload);
    // A reader keeps the file locked.
    let error = uploads.resume(&own, &id).unwrap_err();
    assert!(matches!(error, Error::Busy(_)), "{error}");
    drop(file);
    assert_eq!(uploads.resume(&own, &id).unwrap().unwrap().size_bytes(), 3);
    assert!(uploads.resume(&other, &id).unwrap().is_none());
    assert!(uploads.resume(&repository(), &id).unwrap().is_none());
}
