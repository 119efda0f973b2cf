use tar::{Builder, EntryType, Header};

use super::*;

/// Parses an archive that arrives in pieces of this size. Returns the names and contents of its files.
fn parse(archive: &[u8], piece: usize) -> Result<Vec<(String, Vec<u8>)>, ArchiveError> {
    let mut parser = ArchiveParser::default();
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut is_open = false;
    for mut bytes in archive.chunks(piece) {
        while let Some(event) = parser.next(&mut bytes)? {
            match event {
                ArchiveEvent::Begin { name, size_bytes } => {
                    assert!(!is_open);
                    is_open = true;
                    files.push((name, Vec::with_capacity(size_bytes as usize)));
                }
                ArchiveEvent::Bytes(bytes) => files.last_mut().unwrap().1.extend(bytes),
                ArchiveEvent::End => is_open = false,
            }
        }
    }
    parser.finish()?;
    assert!(!is_open);
    Ok(files)
}

fn written(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, content) in files {
        archive.extend(entry_header(name, content.len() as u64));
        archive.extend_from_slice(content);
        archive.resize(archive.len() + padding_bytes(content.len() as u64), 0);
    }
    archive.extend(ARCHIVE_END);
    archive
}

/// Returns an archive with one entry of this type.
fn with_type(entry_type: EntryType, name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.set_entry_type(entry_type);
    header.set_size(content.len() as u64);
    let field = &mut header.as_old_mut().name;
    field[..name.len()].copy_from_slice(name.as_bytes());
    header.set_cksum();
    let mut builder = Builder::new(Vec::new());
    builder.append(&header, content).unwrap();
    builder.into_inner().unwrap()
}

#[test]
fn what_is_written_is_parsed_in_pieces_of_any_size() {
    let long = format!("{}/{}.wasm", "d".repeat(200), "ä".repeat(120));
    let files: [(&str, &[u8]); 5] = [
        ("a.wasm", b"one"),
        ("empty", b""),
        ("d/größe.wasm", &[7; 512]),
        (&long, &[8; 513]),
        (&long[..180], b"x"),
    ];
    let archive = written(&files);
    let expected: Vec<_> = files
        .iter()
        .map(|(name, content)| ((*name).to_owned(), content.to_vec()))
        .collect();
    for piece in [1, 511, 512, 700, archive.len()] {
        assert_eq!(parse(&archive, piece).unwrap(), expected, "{piece}");
    }
    let mut read = tar::Archive::new(archive.as_slice());
    let names = read.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        String::from_utf8(entry.path_bytes().into_owned()).unwrap()
    });
    assert!(names.eq(files.iter().map(|(name, _)| *name)));
}

#[test]
fn names_are_relative_and_directories_are_skipped() {
    let mut builder = Builder::new(Vec::new());
    let mut append = |name: &str, entry_type, content: &[u8]| {
        let mut header = Header::new_gnu();
        header.set_entry_type(entry_type);
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, content).unwrap();
    };
    append("d", EntryType::Directory, b"");
    append("d/old/", EntryType::Regular, b"");
    append(&"n".repeat(300), EntryType::Regular, b"1");
    append("d/a", EntryType::Continuous, b"2");
    let archive = builder.into_inner().unwrap();
    let names = ["n".repeat(300), "d/a".to_owned()];
    let files = parse(&archive, 100).unwrap();
    assert!(files.iter().map(|(name, _)| name).eq(&names), "{files:?}");
    let dotted = with_type(EntryType::Regular, "./a/./b", b"x");
    assert_eq!(parse(&dotted, 512).unwrap()[0].0, "a/b");
}

#[test]
fn entries_that_are_no_files_are_refused_by_name() {
    for (entry_type, reason) in [
        (EntryType::Symlink, "symbolic link"),
        (EntryType::Link, "hard link"),
        (EntryType::Char, "device"),
        (EntryType::Block, "device"),
        (EntryType::Fifo, "FIFO"),
        (EntryType::GNUSparse, "sparse"),
        (EntryType::new(b'V'), "neither"),
    ] {
        let error = parse(&with_type(entry_type, "a\u{1b}", b""), 512).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(r"cannot accept a\u{1b}: "), "{text}");
        assert!(text.contains(reason), "{text}");
    }
    let absolute = parse(&with_type(EntryType::Regular, "/etc/a", b""), 512).unwrap_err();
    assert!(absolute.to_string().contains("absolute"));
}

#[test]
fn extended_headers_are_limited() {
    let sparse = b"22 GNU.sparse.major=1\n";
    let global = b"10 path=a\n";
    let huge = vec![b'x'; 70_000];
    for (entry_type, content, reason) in [
        (EntryType::XHeader, &sparse[..], "sparse"),
        (EntryType::XGlobalHeader, global, "global"),
        (EntryType::XHeader, b"9 size=x\n", "malformed"),
        (EntryType::XHeader, b"99 path=x\n", "malformed"),
        (EntryType::GNULongName, &huge, "larger than 64 KiB"),
    ] {
        let error = parse(&with_type(entry_type, "x", content), 512).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
    // The header that `git archive` begins with.
    let comment = b"15 comment=abc\n";
    assert_eq!(
        parse(&with_type(EntryType::XGlobalHeader, "g", comment), 512),
        Ok(vec![])
    );
}

#[test]
fn damaged_archives_are_refused() {
    let archive = written(&[("a", b"one"), ("b", b"two")]);
    for cut in [0, 1, 512, 515, 1024, 1100, 2048] {
        assert_eq!(parse(&archive[..cut], 99), Err(ArchiveError::Truncated));
    }
    assert_eq!(parse(b"\0asm\x01\0\0\0", 9), Err(ArchiveError::Truncated));
    assert_eq!(parse(&[b'x'; 600], 9), Err(ArchiveError::NotAnArchive));
    let mut damaged = archive.clone();
    damaged[1024] ^= 1;
    assert_eq!(
        parse(&damaged, 512),
        Err(ArchiveError::Damaged("a".to_owned()))
    );
    let joined = [archive.clone(), archive.clone()].concat();
    assert_eq!(parse(&joined, 512), Err(ArchiveError::AfterEnd));
    let zeros = [archive, vec![0; (1 << 20) + 1]].concat();
    assert_eq!(parse(&zeros, 4096), Err(ArchiveError::AfterEnd));
    assert_eq!(parse(&[0; 1024], 512), Ok(vec![]));
}
