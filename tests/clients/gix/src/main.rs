//! gitoxide clones a served store, and reads every module.
//!
//! Usage: gix-test URL FOLDER CLONE [KEY], where FOLDER holds the modules that the store has to have.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [url, folder, clone, key @ ..] = args.as_slice() else {
        return Err("usage: gix-test URL FOLDER CLONE [KEY]".into());
    };
    // It sends no password without TLS, but it sends headers.
    let header = |key: &String| format!("http.extraHeader=Wasmstore-Auth: {key}");
    let mut prepared = gix::prepare_clone_bare(url.as_str(), clone)?
        .with_in_memory_config_overrides(key.iter().map(header));
    let (repository, _) = prepared.fetch_only(gix::progress::Discard, &AtomicBool::new(false))?;
    let tree = repository.head_commit()?.tree()?;
    let mut files = tree.traverse().breadthfirst.files()?;
    // Folders are among them.
    files.retain(|entry| entry.mode.is_blob());
    for file in &files {
        let path = Path::new(folder).join(file.filepath.to_string());
        if repository.find_object(file.oid)?.data != fs::read(&path)? {
            return Err(format!("{} is another", file.filepath).into());
        }
    }
    let expected = count(Path::new(folder))?;
    if files.len() != expected {
        return Err(format!("{} modules instead of {expected}", files.len()).into());
    }
    println!("gix: {expected} modules passed");
    Ok(())
}

/// How many files are in a folder and those in it.
fn count(folder: &Path) -> Result<usize> {
    let mut files = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files += match entry.file_type()?.is_dir() {
            true => count(&entry.path())?,
            false => 1,
        };
    }
    Ok(files)
}
