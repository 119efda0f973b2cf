//! Tag objects (git-mktag(1)), which annotated tags point to: decoding and encoding them.

use gix::bstr::ByteSlice;
use gix::objs::{Kind, TagRef, WriteTo};

use crate::names::{Author, TagName};
use crate::repo::error::{Error, Result};
use crate::repo::objects::commit::signature;

/// The tagger, time and message of an annotated tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotation {
    /// The tagger's name, and the time in seconds since 1970-01-01 UTC; `None` if the tag object does not name a tagger.
    pub tagger: Option<(String, i64)>,
    /// The message, without the newlines at its end, and without a signature.
    pub message: String,
}

/// Decodes a tag object as far as possible. Parts that cannot be decoded are empty or `None`.
pub(crate) fn decode(data: &[u8], format: gix::hash::Kind) -> Annotation {
    let Ok(tag) = TagRef::from_bytes(data, format) else {
        return Annotation::default();
    };
    let tagger = tag.tagger().ok().flatten().map(|tagger| {
        let date_s = tagger.time().map_or(0, |time| time.seconds);
        (tagger.name.to_str_lossy().into_owned(), date_s)
    });
    Annotation {
        tagger,
        message: tag.message.to_str_lossy().trim_end().to_owned(),
    }
}

/// A new tag object. Its time is the time at which it is encoded.
pub(crate) struct NewTagObject<'t> {
    pub name: &'t TagName,
    pub commit: gix::ObjectId,
    pub tagger: &'t Author,
    pub message: &'t str,
}

/// Encodes a new tag object.
pub(crate) fn encode(tag: &NewTagObject<'_>) -> Result<Vec<u8>> {
    let object = gix::objs::Tag {
        target: tag.commit,
        target_kind: Kind::Commit,
        name: tag.name.as_str().into(),
        tagger: Some(signature(tag.tagger)),
        message: format!("{}\n", tag.message.trim_end()).into(),
        signature: None,
    };
    let mut bytes = Vec::with_capacity(256);
    object
        .write_to(&mut bytes)
        .map_err(Error::database("encode a tag"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "object 84d24bf0e2efdb27c575013d8e72d80882ae56d0\ntype commit\ntag v1\n";

    #[test]
    fn an_encoded_tag_is_decoded_to_the_same_values() {
        let tag = NewTagObject {
            name: &TagName::parse("v1/\u{e4}").unwrap(),
            commit: gix::ObjectId::null(gix::hash::Kind::Sha256),
            tagger: &Author::parse("Ann <ann@example.org>").unwrap(),
            message: "Release 1\n\nwith more\n",
        };
        let decoded = decode(&encode(&tag).unwrap(), gix::hash::Kind::Sha256);
        assert_eq!(decoded.message, "Release 1\n\nwith more");
        let (name, date_s) = decoded.tagger.unwrap();
        assert!(name == "Ann" && date_s > 1_700_000_000);
    }

    #[test]
    fn tags_without_a_tagger_and_unreadable_ones_have_what_can_be_read() {
        let decode = |text: &str| decode(text.as_bytes(), gix::hash::Kind::Sha1);
        let message = decode(&format!("{COMMIT}\nOld\n"));
        assert_eq!((message.tagger, message.message.as_str()), (None, "Old"));
        let signed = format!("{COMMIT}\nSigned\n-----BEGIN PGP SIGNATURE-----\nx\n");
        assert_eq!(decode(&signed).message, "Signed");
        for text in ["", "tree", COMMIT] {
            assert_eq!(decode(text), Annotation::default(), "{text}");
        }
    }
}
