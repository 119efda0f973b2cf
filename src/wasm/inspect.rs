//! Reads information about a module that was validated before.

use sha2::{Digest as _, Sha256};
use wasmparser::{Chunk, Parser, Payload};

use super::collect::InfoCollector;
use super::{Error, ModuleInfo, head};

/// Returns the same information as [`validate`](super::validate), without validating the module. Skips function bodies, and the modules and
/// components in a component.
///
/// # Errors
///
/// [`Error::Invalid`] if the sequence of sections, or a section of imports or exports, is malformed.
pub fn inspect(bytes: &[u8]) -> Result<ModuleInfo, Error> {
    inspect_after(bytes, 0)
}

/// Returns the same as [`inspect`], but without the first `skip` imports and exports. Imports and exports are counted together, in their
/// order in the binary.
///
/// # Errors
/// As for [`inspect`].
pub fn inspect_after(bytes: &[u8], skip: usize) -> Result<ModuleInfo, Error> {
    head::check(bytes)?;
    let mut collector = InfoCollector::after(skip);
    let mut parser = Parser::new(0);
    let mut rest = bytes;
    loop {
        let Chunk::Parsed { consumed, payload } = parser.parse(rest, true)? else {
            unreachable!("BUG: the parser asked for bytes after the end");
        };
        collector.payload(&payload)?;
        let skipped_bytes = match payload {
            Payload::End(_) => break,
            Payload::CodeSectionStart { size, .. } => {
                parser.skip_section();
                u64::from(size)
            }
            Payload::ModuleSection {
                unchecked_range, ..
            }
            | Payload::ComponentSection {
                unchecked_range, ..
            } => unchecked_range.end - unchecked_range.start,
            _ => 0,
        };
        rest = usize::try_from(skipped_bytes)
            .ok()
            .and_then(|bytes| rest.get(consumed.checked_add(bytes)?..))
            .ok_or_else(|| {
                Error::invalid("truncated: unexpected end-of-file", bytes.len() as u64)
            })?;
    }
    Ok(collector.finish(bytes.len() as u64, Sha256::new_with_prefix(bytes)))
}
