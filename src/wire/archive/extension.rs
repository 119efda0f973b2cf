//! Extended headers: the attributes of the next entry that do not fit into its header.

use tar::PaxExtensions;

use super::error::ArchiveError;

/// The maximum size of an extended header, in bytes. It has a name of up to 4 KiB, and other attributes, which are ignored.
pub(super) const EXTENSION_BYTES_MAX: u64 = 64 << 10;

/// The kind of an extended header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExtensionKind {
    /// Records of pax for the next entry.
    Pax,
    /// Records of pax for all entries that follow.
    PaxGlobal,
    /// The name of the next entry, as GNU tar writes it.
    GnuName,
    /// The target of a link, as GNU tar writes it.
    GnuLink,
}

/// What the extended headers before an entry say about it.
#[derive(Debug, Default)]
pub(super) struct EntryExtension {
    pub name: Option<Vec<u8>>,
    pub size_bytes: Option<u64>,
}

impl EntryExtension {
    /// Adds an extended header. `name` names it in errors.
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

/// The reason to refuse a sparse file. Its content in the archive is not that of the file.
pub(super) const SPARSE: &str = "it is a sparse file; archive it without --sparse";
