use gix::objs::CommitRef;
use proptest::prelude::*;

use super::*;

const TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

fn read(value: &str) -> Signature {
    Signature::read(Some(value.as_bytes()))
}

#[track_caller]
fn check(value: &str, name: &str, mail: &str, date_s: Option<i64>, is_well_formed: bool) {
    let signature = read(value);
    let found = (signature.name.as_str(), signature.mail.as_str());
    assert_eq!(
        (found, signature.date_s),
        ((name, mail), date_s),
        "{value:?}"
    );
    assert_eq!(signature.fault.is_none(), is_well_formed, "{value:?}");
}

#[test]
fn malformed_signatures_are_read_as_far_as_possible() {
    check("A B <a@b> 12 +0100", "A B", "a@b", Some(12), true);
    check(" <> 0 -0000", "", "", Some(0), true);
    check(
        "svn 1312735823 +0000",
        "svn",
        "",
        Some(1_312_735_823),
        false,
    );
    check("A <a@b 12 +0000", "A", "a@b", Some(12), false);
    check("A a@b> 12 +0000", "A a@b>", "", Some(12), false);
    check("A <a> <b> 12 +0000", "A", "a", Some(12), false);
    check("A <a>", "A", "a", None, false);
    check("A <a> ", "A", "a", None, false);
    check("A <a> noon +0000", "A", "a", None, false);
    check("A <a> 12", "A", "a", Some(12), false);
    check("A <a> -5 +0000", "A", "a", Some(-5), false);
    check("A <a> 12 UTC", "A", "a", Some(12), false);
    check("A <a> 99999999999999999999 +0000", "A", "a", None, false);
    check("A <a> 4294967296 +0000", "A", "a", Some(1 << 32), true);
    check("", "", "", None, false);
    assert_eq!(Signature::read(None).fault, Some("is missing"));
    let latin_1 = Signature::read(Some(b"J\xf6rg <j@x> 1 +0000"));
    assert_eq!(latin_1.name, "J\u{fffd}rg");
    assert_eq!(latin_1.fault, None);
}

#[test]
fn a_commit_needs_only_a_tree() {
    let text = format!("tree {TREE}\nparent {TREE}\n");
    let commit = RawCommit::parse("x", text.as_bytes()).unwrap();
    assert_eq!((commit.parents.len(), commit.message), (1, &b""[..]));
    assert_eq!(
        commit.faults(),
        [
            "its author is missing",
            "its committer is missing",
            "its headers do not end"
        ]
    );
    // As in git, a `parent` line after the author does not add a parent.
    let text = format!("tree {TREE}\nauthor a <> 1 +0000\nparent {TREE}\n\nm\n\nn");
    let commit = RawCommit::parse("x", text.as_bytes()).unwrap();
    assert_eq!((commit.parents.len(), commit.message), (0, &b"m\n\nn"[..]));
    for text in [
        "",
        "tree",
        "tree x\n",
        "parent x\n",
        &format!("tree {TREE}\nparent x\n"),
    ] {
        assert!(RawCommit::parse("x", text.as_bytes()).is_err(), "{text:?}");
    }
}

fn line() -> impl Strategy<Value = String> {
    "(author |committer |parent |encoding |gpgsig | )?[a <>@0-9+-]{0,24}"
}

proptest! {
    #[test]
    fn everything_that_gix_reads_is_read_alike(
        author in "[a <>@]{0,6}<[a@]{0,3}> [0-9]{1,12} [+-][0-9]{4}",
        headers in prop::collection::vec(line(), 0..3),
        message in "[a\n ]{0,12}",
    ) {
        let headers = headers.iter().map(|line| format!("{line}\n"));
        let headers: String = headers.filter(|line| line != "\n").collect();
        let text = format!(
            "tree {TREE}\nauthor {author}\ncommitter {author}\n{headers}\n{message}"
        );
        let raw = RawCommit::parse("x", text.as_bytes()).unwrap();
        if let Ok(strict) = CommitRef::from_bytes(text.as_bytes(), gix::hash::Kind::Sha1) {
            prop_assert_eq!(raw.tree, strict.tree());
            prop_assert_eq!(&raw.parents, &strict.parents().collect::<Vec<_>>());
            prop_assert_eq!(raw.message, strict.message);
            let committer = strict.committer().unwrap();
            prop_assert_eq!(raw.committer().date_s, Some(committer.seconds()));
        }
    }

    #[test]
    fn any_commit_that_is_read_can_be_walked(
        lines in prop::collection::vec(line(), 0..6),
    ) {
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let text = format!("tree {TREE}\nparent {TREE}\n{lines}");
        let Ok(raw) = RawCommit::parse("x", text.as_bytes()) else { return Ok(()) };
        let bytes = well_formed(&raw);
        let strict = CommitRef::from_bytes(&bytes, gix::hash::Kind::Sha1).unwrap();
        let committer = strict.committer().unwrap();
        prop_assert_eq!(committer.seconds(), raw.committer().date_s.unwrap_or(0));
        prop_assert_eq!(strict.parents().collect::<Vec<_>>(), raw.parents);
    }
}
