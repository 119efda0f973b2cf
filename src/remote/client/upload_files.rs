//! Uploads several modules in one request, as a tar archive.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use ureq::SendBody;
use ureq::http::Method;
use ureq::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};

use super::request::{Client, below, with_path_conditions};
use super::upload::UploadReader;
use crate::names::{ModuleHash, ModulePath};
use crate::remote::error::Result;
use crate::store::{self, Change, ModuleFiles, Published};
use crate::wire::{ARCHIVE_END, ReceivedModules, entry_header, padding_bytes};

impl Client {
    /// Uploads files while they are read.
    ///
    /// # Errors
    /// The server rejects the request; a file cannot be read to its end.
    pub(super) fn upload_files(
        &self,
        change: &Change,
        files: &ModuleFiles,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Published<Vec<(ModulePath, ModuleHash)>>> {
        let mut body = ArchiveBody::new(files, progress)?;
        let url_path = format!("/modules{}", below(files.directory()));
        let request = self
            .write(Method::POST, &url_path, change)
            .header(CONTENT_TYPE, "application/x-tar")
            .header(CONTENT_LENGTH, body.size_bytes())
            .header(EXPECT, "100-continue");
        let request = with_path_conditions(request, &files.conditions);
        let response = self.send_with(request, SendBody::from_reader(&mut body));
        if response.is_err()
            && let Some(failure) = body.into_failure()
        {
            return Err(failure.into());
        }
        let response = self.parse_json::<ReceivedModules>(self.read_text(response?)?)?;
        Ok(response.published.with_value(response.value.0))
    }
}

/// The body of the request: a tar archive of the files. Validates each module while it is sent, with [`UploadReader`].
struct ArchiveBody<'f> {
    files: &'f ModuleFiles,
    sizes: Vec<u64>,
    /// The number of files whose sending has begun.
    files_begun: usize,
    /// The file that is being sent, and the number of its bytes that have not been sent yet.
    current: Option<(UploadReader<File>, u64)>,
    /// Bytes that are sent before the next bytes of `current`: the tar header of a file, the padding after a file, or the end of the
    /// archive.
    block: io::Cursor<Vec<u8>>,
    has_ended: bool,
    /// The first error that was found in a file or while reading it, which is the reason to report if the upload fails; `None` if there was
    /// no such error.
    failure: Option<store::Error>,
    progress: &'f mut dyn FnMut(usize, usize),
}

impl<'f> ArchiveBody<'f> {
    fn new(files: &'f ModuleFiles, progress: &'f mut dyn FnMut(usize, usize)) -> Result<Self> {
        let size = |file: &Path| match fs::metadata(file) {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) => Err(store::Error::unreadable(file, error)),
        };
        let sizes = files.files().iter().map(|(_, file)| size(file));
        Ok(Self {
            sizes: sizes.collect::<Result<_, _>>()?,
            files,
            files_begun: 0,
            current: None,
            block: io::Cursor::default(),
            has_ended: false,
            failure: None,
            progress,
        })
    }

    /// Returns the size of the whole archive, in bytes. It is announced before the files are read.
    fn size_bytes(&self) -> u64 {
        let sizes = self.files.files().iter().zip(&self.sizes);
        let entries = sizes.map(|((path, _), size)| {
            let header = entry_header(self.files.relative(path), *size).len();
            (header + padding_bytes(*size)) as u64 + size
        });
        entries.sum::<u64>() + ARCHIVE_END.len() as u64
    }

    /// Returns the error of the file that made the upload fail, such as an invalid module; `None` if no file is the cause. Also checks the
    /// file that was being sent.
    fn into_failure(mut self) -> Option<store::Error> {
        if let Some((reader, _)) = self.current.take() {
            self.note_failure(reader);
        }
        self.failure
    }

    /// Begins to send the next file, or, after the last file, the end of the archive.
    fn begin(&mut self) -> io::Result<()> {
        let Some((path, file)) = self.files.files().get(self.files_begun) else {
            self.block = io::Cursor::new(ARCHIVE_END.to_vec());
            self.has_ended = true;
            return Ok(());
        };
        let size = self.sizes[self.files_begun];
        self.files_begun += 1;
        self.block = io::Cursor::new(entry_header(self.files.relative(path), size));
        match File::open(file) {
            Ok(opened) => {
                self.current = Some((UploadReader::new(opened, Some(size)), size));
                Ok(())
            }
            Err(error) => {
                let ending = error.kind().into();
                self.failure = Some(store::Error::unreadable(file, error));
                Err(ending)
            }
        }
    }

    /// Records the failure of `reader`, if it has one, as the reason to report. `reader` reads the file that was begun last.
    fn note_failure(&mut self, reader: UploadReader<File>) {
        if let (Some(error), None) = (reader.into_failure(), &self.failure) {
            let file = self.files.files()[self.files_begun - 1]
                .1
                .display()
                .to_string();
            self.failure = Some(store::Error::invalid(&file, error));
        }
    }
}

impl Read for ArchiveBody<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.block.read(buffer)?;
            if read > 0 {
                return Ok(read);
            }
            match self.current.take() {
                None if self.has_ended => return Ok(0),
                None => self.begin()?,
                Some((mut reader, 0)) => {
                    reader.validate(&[]);
                    self.note_failure(reader);
                    let size = self.sizes[self.files_begun - 1];
                    self.block = io::Cursor::new(vec![0; padding_bytes(size)]);
                    (self.progress)(self.files_begun, self.sizes.len());
                }
                Some((mut reader, left)) => {
                    let read = reader.read(buffer);
                    match read {
                        Ok(read) => {
                            self.current = Some((reader, left - read as u64));
                            return Ok(read);
                        }
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                            self.current = Some((reader, left));
                            return Err(error);
                        }
                        Err(error) => {
                            self.note_failure(reader);
                            return Err(error);
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{ArchiveEvent, ArchiveParser};

    const EMPTY: &[u8] = b"\0asm\x01\0\0\0";

    /// Returns the paths in the archive, how often progress was reported, and the failure.
    fn read(files: &[(&str, &[u8])]) -> (Vec<String>, usize, Option<String>) {
        let dir = tempfile::tempdir().unwrap();
        let list = files.iter().map(|(name, bytes)| {
            let file = dir.path().join(name);
            fs::write(&file, bytes).unwrap();
            (ModulePath::parse(&format!("d/{name}")).unwrap(), file)
        });
        let list = ModuleFiles::new("d".parse().unwrap(), list.collect()).unwrap();
        let mut reports = 0;
        let mut progress = |_, _| reports += 1;
        let mut body = ArchiveBody::new(&list, &mut progress).unwrap();
        let (size, mut archive) = (body.size_bytes(), Vec::new());
        body.read_to_end(&mut archive).unwrap();
        assert_eq!(archive.len() as u64, size);
        let failure = body.failure.as_ref().map(|error| store::chain(error));
        let (mut parser, mut bytes, mut names) = (ArchiveParser::default(), &*archive, Vec::new());
        while let Some(event) = parser.next(&mut bytes).unwrap() {
            if let ArchiveEvent::Begin { name, .. } = event {
                names.push(name);
            }
        }
        parser.finish().unwrap();
        (names, reports, failure)
    }

    #[test]
    fn an_archive_has_the_announced_size_and_names_what_is_invalid() {
        let long = "n".repeat(200);
        let (names, reports, failure) = read(&[(&long, EMPTY), ("a.wasm", EMPTY)]);
        assert_eq!(
            (names, reports, failure),
            (vec!["a.wasm".into(), long], 2, None)
        );
        for invalid in [&b""[..], b"text", &[EMPTY, b"\0"].concat()] {
            let (_, _, failure) = read(&[("a", EMPTY), ("b", invalid), ("c", b"")]);
            let failure = failure.unwrap();
            assert!(failure.contains("/b: "), "{failure}");
        }
        assert_eq!(read(&[]), (vec![], 0, None));
    }
}
