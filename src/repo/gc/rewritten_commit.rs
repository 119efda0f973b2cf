//! Encodes a commit of a rewritten history: changes its tree or its parents, but keeps its author, dates and message.

use gix::bstr::ByteSlice;

use crate::names::trailer_separator;

/// The changes to make to a commit.
pub(crate) struct CommitRewrite<'a> {
    pub tree: gix::ObjectId,
    pub parents: &'a [gix::ObjectId],
    /// The new id for the trailer `Restores`; `None` if the trailer does not change.
    pub restores: Option<gix::ObjectId>,
    /// Whether to add the trailer `Squashed`.
    pub is_squashed: bool,
}

/// Returns the encoded commit with the changes. Drops a signature, because it would no longer be valid.
pub(crate) fn rewrite(encoded: &[u8], change: &CommitRewrite<'_>) -> Vec<u8> {
    let mut new = format!("tree {}\n", change.tree).into_bytes();
    for parent in change.parents {
        new.extend_from_slice(format!("parent {parent}\n").as_bytes());
    }
    let end = encoded.find("\n\n").map_or(encoded.len(), |end| end + 1);
    let (headers, message) = encoded.split_at(end);
    let mut is_dropped = false;
    for line in headers.lines_with_terminator() {
        // A line that begins with a space continues the header before it.
        if !line.starts_with(b" ") {
            let dropped: [&[u8]; 4] = [b"tree ", b"parent ", b"gpgsig", b"mergetag "];
            is_dropped = dropped.iter().any(|name| line.starts_with(name));
        }
        if !is_dropped {
            new.extend_from_slice(line);
        }
    }
    let mut message = message.to_owned();
    if let Some(id) = change.restores {
        let (text, is_squashed) = without_squashed(&message);
        let start = text.rfind_byte(b'\n').map_or(0, |at| at + 1);
        message.truncate(start);
        message.extend_from_slice(format!("Restores: {id}\n").as_bytes());
        if is_squashed {
            message.extend_from_slice(format!("{SQUASHED}\n").as_bytes());
        }
    }
    if change.is_squashed && !without_squashed(&message).1 {
        // A commit without a message still has the empty line after its headers.
        message.truncate(message.trim_end().len());
        message.extend_from_slice(trailer_separator(&message).as_bytes());
        message.extend_from_slice(format!("{SQUASHED}\n").as_bytes());
    }
    new.extend_from_slice(&message);
    new
}

/// The trailer of a commit that contains the changes of several old commits.
const SQUASHED: &str = "Squashed: true";

/// Returns the commit id in the trailer `Restores`. Returns `None` if the last line of the message is not this trailer. The trailer
/// `Squashed`, which an earlier gc may have added, can follow.
pub(crate) fn restored_id(encoded: &[u8]) -> Option<gix::ObjectId> {
    let id = last_line(without_squashed(encoded).0).strip_prefix(b"Restores: ")?;
    gix::ObjectId::from_hex(id).ok()
}

/// Returns a text without white space and without the trailer `Squashed` at its end, and whether it had this trailer.
fn without_squashed(text: &[u8]) -> (&[u8], bool) {
    let text = text.trim_end();
    match text.strip_suffix(SQUASHED.as_bytes()) {
        Some(rest) if rest.ends_with(b"\n") => (rest.trim_end(), true),
        _ => (text, false),
    }
}

fn last_line(text: &[u8]) -> &[u8] {
    let text = text.trim_end();
    text.rsplit(|byte| *byte == b'\n').next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: u8) -> gix::ObjectId {
        gix::ObjectId::Sha1([digit; 20])
    }

    #[test]
    fn author_dates_and_message_stay() {
        let kept = "author A <a@x> 5 +0100\ncommitter C <c@x> 6 +0000\nencoding latin1\n";
        let old = format!(
            "tree {}\nparent {}\n{kept}gpgsig -----BEGIN\n x\n \n -----END\n\nAdd it\n\nMore\n",
            id(1),
            id(2)
        );
        let change = CommitRewrite {
            tree: id(3),
            parents: &[id(4), id(5)],
            restores: None,
            is_squashed: false,
        };
        let new = format!(
            "tree {}\nparent {}\nparent {}\n{kept}\nAdd it\n\nMore\n",
            id(3),
            id(4),
            id(5)
        );
        assert_eq!(rewrite(old.as_bytes(), &change), new.as_bytes());
    }

    #[test]
    fn trailers_are_changed_and_added_once() {
        let rewritten = |message: &str, restores, is_squashed| {
            let old = format!("tree {}\nauthor a\n\n{message}", id(1));
            let change = CommitRewrite {
                tree: id(1),
                parents: &[],
                restores,
                is_squashed,
            };
            let new = rewrite(old.as_bytes(), &change);
            let again = rewrite(&new, &change);
            assert_eq!(new, again);
            let start = new.find("\n\n").unwrap() + 2;
            String::from_utf8(new[start..].to_owned()).unwrap()
        };
        let old = format!("Rollback\n\nRestores: {}\n", id(2));
        let new = format!("Rollback\n\nRestores: {}\n", id(7));
        assert_eq!(rewritten(&old, Some(id(7)), false), new);
        assert_eq!(restored_id(old.as_bytes()), Some(id(2)));
        assert_eq!(restored_id(b"x\n\nRestores: main\n"), None);
        let folded = format!("{new}Squashed: true\n");
        assert_eq!(rewritten(&new, None, true), folded);
        let again = format!("Rollback\n\nRestores: {}\nSquashed: true\n", id(8));
        assert_eq!(rewritten(&folded, Some(id(8)), true), again);
        let after_headers = format!("author a\n\n{folded}");
        assert_eq!(restored_id(after_headers.as_bytes()), Some(id(7)));
        assert_eq!(rewritten("a\n", None, true), "a\n\nSquashed: true\n");
        let signed = "a\n\nSigned-off-by: A\n";
        let squashed = format!("{signed}Squashed: true\n");
        assert_eq!(rewritten(signed, None, true), squashed);
    }
}
