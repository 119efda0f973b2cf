//! The file names that git keeps for itself, in all the forms in which HFS+ and NTFS would find them.
//!
//! Follows git's `utf8.c` (`is_hfs_dot_generic`) and `path.c` (`is_ntfs_dotgit`, `is_ntfs_dot_generic`), so that exactly
//! those names are refused that `git fsck` refuses. `.gitignore` and `.mailmap` are not among them: git minds these only
//! as symbolic links.

/// A file that git reads from the tree, which a module must therefore not pass for.
struct Special {
    /// The name without its dot.
    name: &'static str,
    /// The beginning of its short name on NTFS when the plain short names are taken: made from a hash of the name.
    hashed_short_name: &'static [u8; 6],
}

const SPECIALS: [Special; 2] = [
    Special {
        name: "gitmodules",
        hashed_short_name: b"gi7eba",
    },
    Special {
        name: "gitattributes",
        hashed_short_name: b"gi7d29",
    },
];

/// Whether a segment is `.git`, `.gitmodules` or `.gitattributes` in any form. It holds no slash and no backslash.
pub(super) fn is_reserved(segment: &str) -> bool {
    is_ntfs_dotgit(segment.as_bytes())
        || is_hfs_dot(segment, "git")
        || SPECIALS.iter().any(|special| {
            is_ntfs_special(segment.as_bytes(), special) || is_hfs_dot(segment, special.name)
        })
}

/// HFS+ ignores some code points and letter case.
fn is_hfs_dot(segment: &str, name: &str) -> bool {
    let mut seen = segment.chars().filter(|c| !is_ignored_by_hfs(*c));
    let starts_so = seen.next() == Some('.')
        && name.chars().all(|wanted| {
            seen.next()
                .is_some_and(|c| c.to_ascii_lowercase() == wanted)
        });
    // git's decoder stops at these two noncharacters as it does at malformed UTF-8, and takes both for the end.
    starts_so && matches!(seen.next(), None | Some('\u{fffe}' | '\u{ffff}'))
}

fn is_ignored_by_hfs(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

fn is_ntfs_dotgit(segment: &[u8]) -> bool {
    let rest = without_prefix(segment, b".git").or_else(|| without_prefix(segment, b"git~1"));
    rest.is_some_and(is_dropped_by_ntfs)
}

fn is_ntfs_special(segment: &[u8], special: &Special) -> bool {
    let name = special.name.as_bytes();
    let long = segment
        .strip_prefix(b".")
        .and_then(|rest| without_prefix(rest, name));
    long.or_else(|| after_short_name(segment, &name[..6]))
        .or_else(|| after_hashed_short_name(segment, special.hashed_short_name))
        .is_some_and(is_dropped_by_ntfs)
}

/// What follows `gitmod~1` to `gitmod~4`.
fn after_short_name<'a>(segment: &'a [u8], stem: &[u8]) -> Option<&'a [u8]> {
    let number = without_prefix(segment, stem)?.strip_prefix(b"~")?;
    let (digit, rest) = number.split_first()?;
    matches!(digit, b'1'..=b'4').then_some(rest)
}

/// What follows eight characters such as `gi7eba~1`, `gi7eb~12` or even `~1234567`.
fn after_hashed_short_name<'a>(segment: &'a [u8], hashed: &[u8; 6]) -> Option<&'a [u8]> {
    let (short, rest) = segment.split_at_checked(8)?;
    let tilde = short[..7].iter().position(|c| *c == b'~')?;
    let (stem, number) = (&short[..tilde], &short[tilde + 1..]);
    let numbered = number[0] != b'0' && number.iter().all(u8::is_ascii_digit);
    (stem.eq_ignore_ascii_case(&hashed[..tilde]) && numbered).then_some(rest)
}

/// NTFS drops spaces and dots at the end, and a colon opens an alternate stream of the same file.
fn is_dropped_by_ntfs(rest: &[u8]) -> bool {
    matches!(
        rest.iter().find(|c| !matches!(c, b' ' | b'.')),
        None | Some(b':')
    )
}

fn without_prefix<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_git_is_recognised_in_every_form() {
        let plain = [".git", ".GIT", ".gIt", ".git ", ".git.", ".git. . "];
        let streams = [".git:", ".git::$INDEX_ALLOCATION", ".git ..:x"];
        let short = ["git~1", "GIT~1", "git~1 ", "git~1.", "git~1.:x"];
        let hfs = [
            "\u{200c}.git",
            ".\u{200d}g\u{200f}it",
            ".gi\u{202a}t\u{202e}",
            "\u{206a}.git\u{206f}",
            ".G\u{feff}IT",
            ".git\u{fffe}x",
            ".git\u{200e}\u{ffff}x",
        ];
        for segment in [&plain[..], &streams, &short, &hfs].concat() {
            assert!(is_reserved(segment), "{segment:?}");
        }
    }

    #[test]
    fn dot_gitmodules_and_dot_gitattributes_are_recognised_in_every_form() {
        for (name, stem, hashed) in [
            ("gitmodules", "gitmod", "gi7eba"),
            ("gitattributes", "gitatt", "gi7d29"),
        ] {
            for segment in [
                format!(".{name}"),
                format!(".{}", name.to_uppercase()),
                format!(".{name} . "),
                format!(".{name}:$DATA"),
                format!(".\u{200c}{name}\u{feff}"),
                format!(".{name}\u{ffff}x"),
                format!("{stem}~1"),
                format!("{}~4", stem.to_uppercase()),
                format!("{stem}~2 ."),
                format!("{stem}~3:x"),
                format!("{hashed}~1"),
                format!("{}~9. ", hashed.to_uppercase()),
                format!("{}~10", &hashed[..5]),
                format!("{}~10000:x", &hashed[..2]),
                "~1000000".to_owned(),
            ] {
                assert!(is_reserved(&segment), "{segment:?}");
            }
        }
    }

    #[test]
    fn names_that_are_merely_similar_are_free() {
        let dot_git = [
            "git", ".gi", ".gitt", "a.git", ".git.x", ".git x", "..git", ".git-",
        ];
        let short = ["git~", "git~2", "git~10", "git~1x", "gi~1", "git~1 x"];
        let hfs = [
            ".git\u{200b}",
            ".g\u{131}t",
            ".gi\u{ffff}t",
            ".git\u{1fffe}",
            "\u{200c}git",
        ];
        let special = [
            "gitmodules",
            ".gitmodule",
            ".gitmodulesx",
            ".gitattributes.x",
            "gitmod~0",
            "gitmod~5",
            "gitatt~10",
            "gi7eba~0",
            "gi7eba~",
            "gi7ebb~1",
            "gi7d29~1x",
            "gi7d29~",
            "gi7d~1",
            "gi7d~0123",
            "gi7d~12a",
            "gi7d2912~1",
            "~100000",
        ];
        let symbolic_links_only = [".gitignore", ".mailmap", "gitign~1", "gi250a~1", "maba30~1"];
        for segment in [&dot_git[..], &short, &hfs, &special, &symbolic_links_only].concat() {
            assert!(!is_reserved(segment), "{segment:?}");
        }
    }
}
