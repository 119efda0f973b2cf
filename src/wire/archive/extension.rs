//! Extended headers of a tar archive: attributes of the next entry that do not fit into the entry's own header.

use tar::PaxExtensions;

use super::error::ArchiveError;

/// The maximum size of an extended header, in bytes. It may contain a name of up to 4 KiB, and other attributes, which are ignored.
pub(super) const EXTENSION_BYTES_MAX: u64 = 64 << 10;

/// The kind of an extended header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExtensionKind {
    /// Attributes of the next entry, in the pax format.
    Pax,
    /// Attributes of all entries that follow, in the pax format.
    PaxGlobal,
    /// The name of the next entry, as GNU tar writes it.
    GnuName,
    /// The target of a link, as GNU tar writes it.
    GnuLink,
}

/// The name and size of an entry, if the extended headers before the entry contain them.
#[derive(Debug, Default)]
pub(super) struct EntryExtension {
    pub name: Option<Vec<u8>>,
    pub size_bytes: Option<u64>,
}

impl EntryExtension {
    /// Adds the attributes in an extended header. `name` is the name of that header, for errors.
    pub fn add(
        &mut self,
        kind: ExtensionKind,
        bytes: &[u8],
        name: &[u8],
    ) -> Result<(), ArchiveError> {
        match kind {
            ExtensionKind::GnuLink => {}
            ExtensionKind::GnuName => {
                let text = bytes.split(|byte| *byte == 0).next();
                self.name = Some(text.unwrap_or_default().to_owned());
            }
            ExtensionKind::Pax | ExtensionKind::PaxGlobal => {
                let malformed = |_| ArchiveError::entry(name, "its extended header is malformed");
                for record in PaxExtensions::new(bytes) {
                    let record = record.map_err(malformed)?;
                    let (key, value) = (record.key_bytes(), record.value_bytes());
                    self.add_record(kind, (key, value), name)?;
                }
            }
        }
        Ok(())
    }

    fn add_record(
        &mut self,
        kind: ExtensionKind,
        (key, value): (&[u8], &[u8]),
        name: &[u8],
    ) -> Result<(), ArchiveError> {
        let refused = |reason| Err(ArchiveError::entry(name, reason));
        match key {
            _ if key.starts_with(b"GNU.sparse.") => refused(SPARSE),
            b"path" | b"size" if kind == ExtensionKind::PaxGlobal => {
                refused("a global extended header sets the name or size of all entries")
            }
            b"path" => {
                self.name = Some(value.to_owned());
                Ok(())
            }
            b"size" => {
                let text = std::str::from_utf8(value).ok();
                self.size_bytes = text.and_then(|text| text.parse().ok());
                match self.size_bytes {
                    Some(_) => Ok(()),
                    None => refused("its extended header has a malformed size"),
                }
            }
            _ => Ok(()),
        }
    }
}

/// The reason to refuse a sparse file: the archive does not contain the file's zeros, so its bytes are not the file's content.
pub(super) const SPARSE: &str = "it is a sparse file; archive it without --sparse";
