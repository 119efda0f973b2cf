//! Recognizes the file names that git reserves, in all forms that HFS+ and NTFS treat as equal.
//!
//! Follows git's `utf8.c` (`is_hfs_dot_generic`) and `path.c` (`is_ntfs_dotgit`, `is_ntfs_dot_generic`), so that it rejects exactly
//! the names that `git fsck` rejects. `.gitignore` and `.mailmap` are not reserved: git rejects them only as symbolic
//! links.

/// A file that git reads from a tree, such as `.gitmodules`. No module or directory may have its name.
struct ReservedFile {
    /// The name without its leading dot.
    name: &'static str,
    /// The first six characters of the short name (8.3) that NTFS derives from a hash of the name if other files already have the short
    /// names that end with `~1` to `~4`.
    hashed_short_name: &'static [u8; 6],
}

const RESERVED_FILES: [ReservedFile; 2] = [
    ReservedFile {
        name: "gitmodules",
        hashed_short_name: b"gi7eba",
    },
    ReservedFile {
        name: "gitattributes",
        hashed_short_name: b"gi7d29",
    },
];

/// Returns whether a path segment is `.git`, `.gitmodules` or `.gitattributes` in any of these forms. The segment contains no slash or
/// backslash.
pub(super) fn is_reserved(segment: &str) -> bool {
    is_ntfs_dotgit(segment.as_bytes())
        || is_hfs_dot(segment, "git")
        || RESERVED_FILES.iter().any(|file| {
            is_ntfs_reserved(segment.as_bytes(), file) || is_hfs_dot(segment, file.name)
        })
}

/// Returns whether HFS+ treats the segment as `.` and `name`: HFS+ ignores letter case and some code points.
fn is_hfs_dot(segment: &str, name: &str) -> bool {
    let mut seen = segment.chars().filter(|c| !is_ignored_by_hfs(*c));
    let starts_with_name = seen.next() == Some('.')
        && name.chars().all(|expected| {
            seen.next()
                .is_some_and(|c| c.to_ascii_lowercase() == expected)
        });
    // git's decoder treats these two noncharacters like malformed UTF-8, and ignores the rest of the name.
    starts_with_name && matches!(seen.next(), None | Some('\u{fffe}' | '\u{ffff}'))
}

pub(super) fn is_ignored_by_hfs(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

fn is_ntfs_dotgit(segment: &[u8]) -> bool {
    let rest = without_prefix(segment, b".git").or_else(|| without_prefix(segment, b"git~1"));
    rest.is_some_and(is_ignored_by_ntfs)
}

fn is_ntfs_reserved(segment: &[u8], file: &ReservedFile) -> bool {
    let name = file.name.as_bytes();
    let long = segment
        .strip_prefix(b".")
        .and_then(|rest| without_prefix(rest, name));
    long.or_else(|| after_short_name(segment, &name[..6]))
        .or_else(|| after_hashed_short_name(segment, file.hashed_short_name))
        .is_some_and(is_ignored_by_ntfs)
}

/// Returns the rest of the segment after a short name such as `gitmod~1`, whose number is 1 to 4; `None` if it does not start with
/// one.
fn after_short_name<'a>(segment: &'a [u8], stem: &[u8]) -> Option<&'a [u8]> {
    let number = without_prefix(segment, stem)?.strip_prefix(b"~")?;
    let (digit, rest) = number.split_first()?;
    matches!(digit, b'1'..=b'4').then_some(rest)
}

/// Returns the rest of the segment after an NTFS short name of eight characters, such as `gi7eba~1`, `gi7eb~12` or even `~1234567`; `None`
/// if the segment does not start with one. `hashed` has the first six characters of the short name: two of the long name, and a hash.
fn after_hashed_short_name<'a>(segment: &'a [u8], hashed: &[u8; 6]) -> Option<&'a [u8]> {
    let (short, rest) = segment.split_at_checked(8)?;
    let tilde = short[..7].iter().position(|c| *c == b'~')?;
    let (stem, number) = (&short[..tilde], &short[tilde + 1..]);
    let numbered = number[0] != b'0' && number.iter().all(u8::is_ascii_digit);
    (stem.eq_ignore_ascii_case(&hashed[..tilde]) && numbered).then_some(rest)
}

/// Returns whether NTFS ignores the rest of the name: it drops trailing spaces and dots, and a colon starts an alternate stream of
/// the same file.
fn is_ignored_by_ntfs(rest: &[u8]) -> bool {
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
    fn similar_names_are_not_reserved() {
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
