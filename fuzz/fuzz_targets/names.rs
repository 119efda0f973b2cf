//! A name that is accepted is parsed to the same name again from its text, and has no dangerous part.

#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use wasmstore::names::{
    Author, BranchName, CommitId, Digest, HashRef, Message, MirrorName, ModuleHash, ModulePath,
    ModuleRef, RefName, RemoteUrl, ServerUrl, TreePath, redact,
};

fuzz_target!(|text: &str| {
    round_trip::<Author>(text);
    round_trip::<BranchName>(text);
    round_trip::<CommitId>(text);
    round_trip::<Digest>(text);
    round_trip::<HashRef>(text);
    round_trip::<Message>(text);
    round_trip::<MirrorName>(text);
    round_trip::<ModuleHash>(text);
    round_trip::<ModuleRef>(text);
    round_trip::<RefName>(text);
    round_trip::<ServerUrl>(text);
    if let Some(path) = round_trip::<ModulePath>(text) {
        check_segments(&path.to_string());
    }
    if let Some(path) = round_trip::<TreePath>(text) {
        check_segments(&path.to_string());
    }
    // The text of a URL has no password, so it is not the same URL again.
    if let Ok(url) = RemoteUrl::parse(text) {
        let shown = url.to_string();
        assert_eq!(shown, redact(&shown), "{text:?}");
    }
    let redacted = redact(text);
    assert_eq!(redact(&redacted), redacted, "{text:?}");
});

/// Parses `text` and, if it is accepted, its canonical text again.
fn round_trip<T>(text: &str) -> Option<T>
where
    T: FromStr<Err: Debug> + Display + Debug + PartialEq,
{
    let name = T::from_str(text).ok()?;
    let shown = name.to_string();
    let again = T::from_str(&shown).unwrap_or_else(|error| panic!("{text:?}: {error:?}"));
    assert_eq!(again, name, "{text:?}");
    assert_eq!(again.to_string(), shown, "{text:?}");
    Some(name)
}

fn check_segments(path: &str) {
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        let is_safe = segment != "."
            && segment != ".."
            && !segment.eq_ignore_ascii_case(".git")
            && !segment.contains(|c: char| c == '\\' || c.is_control());
        assert!(is_safe, "{path:?}");
    }
}
