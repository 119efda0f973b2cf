//! Clones a served store with gitoxide, and reads every module.
//!
//! Usage: gix-test URL DIRECTORY CLONE [KEY], where DIRECTORY contains the modules that the store must have.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [url, directory, clone, key @ ..] = args.as_slice() else {
        return Err("usage: gix-test URL DIRECTORY CLONE [KEY]".into());
    };
    // gix sends no password without TLS, but it sends headers.
    let header = |key: &String| format!("http.extraHeader=Wasmstore-Auth: {key}");
    let mut prepared = gix::prepare_clone_bare(url.as_str(), clone)?
        .with_in_memory_config_overrides(key.iter().map(header));
    let (repository, _) = prepared.fetch_only(gix::progress::Discard, &AtomicBool::new(false))?;
    let tree = repository.head_commit()?.tree()?;
    let mut files = tree.traverse().breadthfirst.files()?;
    // The traversal also returns directories.
    files.retain(|entry| entry.mode.is_blob());
    for file in &files {
        let path = Path::new(directory).join(file.filepath.to_string());
        if repository.find_object(file.oid)?.data != fs::read(&path)? {
            return Err(format!("{} has other bytes", file.filepath).into());
        }
    }
    let expected = count(Path::new(directory))?;
    if files.len() != expected {
        return Err(format!("{} modules instead of {expected}", files.len()).into());
    }
    println!("gix: {expected} modules passed");
    Ok(())
}

/// Returns the number of files below a directory.
fn count(directory: &Path) -> Result<usize> {
    let mut files = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        files += if entry.file_type()?.is_dir() {
            count(&entry.path())?
        } else {
            1
        };
    }
    Ok(files)
}
