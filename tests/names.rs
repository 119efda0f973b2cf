//! Compares `names` with stock git: a repository with any accepted name passes `git fsck`, and the rules match git's own exactly. Many
//! names go into each git process.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::process::{Command, Output};

use crate::support::program::find_program;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use wasmstore::names::{Author, BranchName, Message, ModulePath, TreePath, is_legal_segment};

/// The reports of `git fsck` on a tree with a reserved name whose entry is a symbolic link.
const TREE_FAULTS: [&str; 5] = [
    "hasDot",
    "hasDotdot",
    "hasDotgit",
    "gitmodulesSymlink",
    "gitattributesSymlink",
];

/// Returns a blob that `git fsck` rejects as the content of `.gitmodules` and of `.gitattributes`.
fn invalid_special_file() -> Vec<u8> {
    let long_line = "x".repeat(4096);
    format!("[submodule \"a\"]\n\turl = -evil\n# {long_line}\n").into_bytes()
}

/// A bare repository, and the git program without any user configuration.
struct Git {
    dir: tempfile::TempDir,
}

impl Git {
    fn init() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let git = Self { dir };
        git.ok(&["init", "-q", "--bare", "repo"], b"");
        git
    }

    /// Runs git. `repo` is its GIT_DIR once it exists.
    fn run(&self, args: &[&str], stdin: &[u8]) -> Output {
        let input = self.dir.path().join("stdin");
        fs::write(&input, stdin).unwrap();
        let mut command = Command::new(find_program("git").unwrap());
        command.args(args).current_dir(self.dir.path()).env_clear();
        for (name, value) in [
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("LC_ALL", "C"),
            ("GIT_AUTHOR_NAME", "a"),
            ("GIT_AUTHOR_EMAIL", "a"),
            ("GIT_AUTHOR_DATE", "@0 +0000"),
            ("GIT_COMMITTER_NAME", "c"),
            ("GIT_COMMITTER_EMAIL", "c"),
            ("GIT_COMMITTER_DATE", "@0 +0000"),
        ] {
            command.env(name, value);
        }
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        let repo = self.dir.path().join("repo");
        if repo.exists() {
            command.env("GIT_DIR", repo);
        }
        command
            .env("HOME", self.dir.path())
            .stdin(File::open(input).unwrap());
        command.output().unwrap()
    }

    /// Runs git, which must succeed, and returns its output.
    fn ok(&self, args: &[&str], stdin: &[u8]) -> String {
        let output = self.run(args, stdin);
        assert!(output.status.success(), "git {args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn ok_line(&self, args: &[&str], stdin: &[u8]) -> String {
        self.ok(args, stdin).trim_end().to_owned()
    }

    fn blob(&self, bytes: &[u8]) -> String {
        self.ok_line(&["hash-object", "-w", "--stdin"], bytes)
    }

    fn commit(&self, tree: &str) -> String {
        self.ok_line(&["commit-tree", tree, "-m", "m"], b"")
    }

    /// Writes a tree with one entry for each name. Returns the ids in the same order.
    fn trees_of_one(&self, mode: &str, blob: &str, names: &[String]) -> Vec<String> {
        let record = |name| format!("{mode} blob {blob}\t{name}\0\0");
        let records: String = names.iter().map(record).collect();
        let trees = self.ok(&["mktree", "-z", "--batch"], records.as_bytes());
        trees.lines().map(str::to_owned).collect()
    }

    /// Writes many commits unchanged. Returns their ids in the same order.
    fn raw_commits(&self, commits: &[String]) -> Vec<String> {
        let mut paths = String::new();
        for (nth, commit) in commits.iter().enumerate() {
            fs::write(self.dir.path().join(format!("commit-{nth}")), commit).unwrap();
            paths += &format!("commit-{nth}\n");
        }
        let args = ["hash-object", "-t", "commit", "-w", "--stdin-paths"];
        let ids = self.ok(&args, paths.as_bytes());
        ids.lines().map(str::to_owned).collect()
    }

    /// Returns the formatted log of each commit, by id.
    fn log(&self, ids: &[String], format: &str) -> BTreeMap<String, String> {
        let format = format!("--format=%H%n{format}");
        let text = self.ok(
            &["log", "--no-walk", "--stdin", "-z", &format],
            ids.join("\n").as_bytes(),
        );
        let entries = text.split_terminator('\0');
        let pairs = entries.map(|entry| entry.split_once('\n').unwrap());
        pairs
            .map(|(id, rest)| (id.to_owned(), rest.to_owned()))
            .collect()
    }

    fn fsck(&self) -> Output {
        self.run(&["fsck", "--strict", "--no-progress", "--no-dangling"], b"")
    }

    #[track_caller]
    fn assert_clean(&self) {
        let output = self.fsck();
        let report = String::from_utf8(output.stderr).unwrap();
        let is_fault = |line: &&str| !line.starts_with("notice: ");
        let faults: Vec<&str> = report.lines().filter(is_fault).collect();
        assert!(output.status.success() && faults.is_empty(), "{faults:?}");
    }
}

const ORDINARY: &str = "a B main x.wasm ä 日 😀 1 0 10 HEAD refs heads";
const PUNCTUATION: &str = ". .. ... ~ : \\ @ { @{ @{-1} - * ? [ ^ .lock .LOCK \" < > '";
const RESERVED_PARTS: &str = ".git .GIT git modules attributes gitmod gi7eb gi7d ~1 ~4 ::$DATA";
const RESERVED: &str = ". .. .git git~1 .gitmodules gitmod~1 gi7eba~1 gi7eb~12 .gitattributes \
    gitatt~4 gi7d29~9 g~123456 ~1000000 .gitignore .mailmap";
const ODD: &str = "\u{200b}\u{1fffe}\u{fffd}\u{130}\u{131}\u{212a} \u{a0}\u{3000}\u{2029}\n\r\t\u{1}\u{7f}\u{80}\u{9f}";
const ODD_FOR_HFS: &str =
    "\u{200c}\u{200f}\u{202a}\u{202e}\u{206a}\u{206f}\u{feff}\u{fffe}\u{ffff}";

fn word_of(words: &'static str) -> impl Strategy<Value = String> {
    select(words.split(' ').collect::<Vec<_>>()).prop_map(str::to_owned)
}

fn char_of(chars: &'static str) -> impl Strategy<Value = String> {
    select(chars.chars().collect::<Vec<_>>()).prop_map(String::from)
}

/// Parts of names that the rules mention.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => word_of(ORDINARY),
        3 => word_of(PUNCTUATION),
        2 => word_of(RESERVED_PARTS),
        1 => word_of(RESERVED),
        1 => char_of(ODD),
        1 => char_of(ODD_FOR_HFS),
    ]
}

/// A reserved name in any letter case, unchanged or with one character inserted or replaced.
fn nearly_reserved() -> impl Strategy<Value = String> {
    let added = prop_oneof![piece(), char_of(ODD_FOR_HFS)];
    let changes = vec((any::<Index>(), any::<bool>(), added), 0..3);
    (word_of(RESERVED), any::<u16>(), changes).prop_map(|(form, upper, changes)| {
        let recased = form.char_indices().map(|(nth, c)| match upper >> nth & 1 {
            0 => c,
            _ => c.to_ascii_uppercase(),
        });
        let mut chars: Vec<char> = recased.collect();
        for (index, replaces, added) in changes {
            let at = index.index(chars.len() + 1);
            let end = (at + usize::from(replaces)).min(chars.len());
            chars.splice(at..end, added.chars());
        }
        chars.into_iter().collect()
    })
}

/// One segment or component: any text without a slash or NUL, never empty.
fn segment() -> impl Strategy<Value = String> {
    let ordinary = || vec(word_of(ORDINARY), 0..3).prop_map(|words| words.concat());
    let one_oddity = (ordinary(), piece(), ordinary()).prop_map(|(a, b, c)| a + &b + &c);
    let pieces = vec(piece(), 2..5).prop_map(|pieces| pieces.concat());
    let long = ("[aä.]{1,2}", 240..258usize).prop_map(|(unit, bytes)| {
        let text = unit.repeat(bytes / unit.len());
        let rest = bytes - text.len();
        text + &"b".repeat(rest)
    });
    let anything = any::<String>().prop_map(|text| text.replace(['/', '\0'], "x") + "y");
    prop_oneof![3 => one_oddity, 3 => pieces, 5 => nearly_reserved(), 1 => long, 1 => anything]
}

/// Segments joined by slashes, some repeated; sometimes close to the limits on length or depth, or with the form of a hash.
fn path() -> impl Strategy<Value = String> {
    let harmless = "[a-c.]{1,3}x";
    let odd = vec(segment(), 0..4).prop_map(|segments| segments.join("/"));
    let mixed = (harmless, segment(), harmless).prop_map(|(a, b, c)| format!("/{a}//{b}/{c}/"));
    let deep = vec("[ab]", 60..68usize).prop_map(|segments| segments.join("/"));
    let long = (4080..4110usize)
        .prop_map(|bytes| format!("{}x", "ab/".repeat(20)) + &long_tail(bytes - 61));
    let hash = "([0-9a-fA-F]{40}|[0-9a-f]{64}|[0-9a-f]{39,41}|sha256:[0-9a-f]{0,2})(/a)?";
    prop_oneof![6 => odd, 4 => mixed, 1 => deep, 1 => long, 1 => hash]
}

fn long_tail(bytes: usize) -> String {
    let text = format!("/{}", "a".repeat(250)).repeat(bytes / 251 + 1);
    text[..bytes].trim_end_matches('/').to_owned()
}

/// A batch is too large to shrink in reasonable time; the assertions print the failing name.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        max_shrink_iters: 0,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

#[test]
fn git_fsck_rejects_special_files() {
    let git = Git::init();
    let blob = git.blob(&invalid_special_file());
    git.trees_of_one("100644", &blob, &["free".to_owned()]);
    git.assert_clean();
    for name in [".gitmodules", "gi7d29~1"] {
        let git = Git::init();
        git.blob(&invalid_special_file());
        git.trees_of_one("100644", &blob, &[name.to_owned()]);
        assert!(!git.fsck().status.success(), "{name}");
    }
}

#[test]
fn conflicting_branches_cannot_both_exist() {
    let git = Git::init();
    let commit = git.commit(&git.ok_line(&["mktree"], b""));
    let names =
        ["a", "a/b", "a/b/c", "a-", "ab", "b/a"].map(|name| BranchName::parse(name).unwrap());
    for (first, second) in names.iter().flat_map(|a| names.iter().map(move |b| (a, b))) {
        if first == second {
            continue;
        }
        git.ok(&["update-ref", &first.full_ref(), &commit], b"");
        let output = git.run(&["update-ref", &second.full_ref(), &commit], b"");
        assert_ne!(
            output.status.success(),
            first.conflicts_with(second),
            "{first} {second}"
        );
        let refs = git.ok(&["for-each-ref", "--format=%(refname)"], b"");
        for created in refs.lines() {
            git.ok(&["update-ref", "-d", created], b"");
        }
    }
}

proptest! {
    #![proptest_config(config(4))]

    #[test]
    fn exactly_the_names_that_git_rejects_are_reserved(segments in vec(segment(), 300)) {
        let git = Git::init();
        let trees = git.trees_of_one("120000", &git.blob(b"a"), &segments);
        prop_assert_eq!(trees.len(), segments.len());
        let report = String::from_utf8(git.fsck().stderr).unwrap();
        let faulty: BTreeSet<&str> = report.lines().filter_map(|line| {
            let (tree, fault) = line.split_once(" in tree ")?.1.split_once(": ")?;
            TREE_FAULTS.contains(&fault.split_once(':')?.0).then_some(tree)
        }).collect();
        for (segment, tree) in segments.iter().zip(&trees) {
            let breaks_our_rules = segment.len() > 255 || segment.contains(|c: char| c.is_control() || c == '\\');
            let is_rejected = breaks_our_rules || faulty.contains(tree.as_str());
            prop_assert_eq!(is_legal_segment(segment), !is_rejected, "{:?}", segment);
        }
    }

    #[test]
    fn trees_with_accepted_paths_pass_fsck(paths in vec(path(), 300)) {
        let git = Git::init();
        let blob = git.blob(&invalid_special_file());
        let accepted: Vec<ModulePath> = paths.iter().filter_map(|path| ModulePath::parse(path).ok()).collect();
        // Each path gets its own directory, because one path may be a directory of another.
        let entries: BTreeSet<String> = accepted.iter().enumerate().map(|(nth, path)| format!("{nth}{path}")).collect();
        let records: String = entries.iter().map(|entry| format!("100644 {blob}\t{entry}\0")).collect();
        let protect = ["-c", "core.protectHFS=true", "-c", "core.protectNTFS=true"];
        git.ok(&[&protect[..], &["update-index", "-z", "--index-info"]].concat(), records.as_bytes());
        let commit = git.commit(&git.ok_line(&["write-tree"], b""));
        git.ok(&["update-ref", "refs/heads/main", &commit], b"");
        git.assert_clean();
        let listed = git.ok(&["ls-tree", "-r", "-z", "--name-only", "main"], b"");
        prop_assert_eq!(listed.split_terminator('\0').map(str::to_owned).collect::<BTreeSet<_>>(), entries);
    }

    #[test]
    fn accepted_paths_parse_back_to_themselves(paths in vec(path(), 300)) {
        for text in paths {
            if let Ok(path) = ModulePath::parse(&text) {
                prop_assert_eq!(&ModulePath::parse(&path.to_string()), &Ok(path.clone()));
                let tree_path = TreePath::from(path.clone());
                let mut walked = TreePath::root();
                for segment in path.segments() {
                    walked = TreePath::from_entry(&walked, segment.as_bytes()).unwrap();
                }
                prop_assert_eq!(walked, tree_path);
            }
        }
    }

    #[test]
    fn exactly_the_branch_names_that_git_accepts_are_accepted(
        names in vec(prop_oneof![segment(), vec(segment(), 0..4).prop_map(|segments| segments.join("/"))], 100)
    ) {
        let outside = Git { dir: tempfile::tempdir().unwrap() };
        let mut branches: Vec<BranchName> = Vec::new();
        for name in &names {
            let is_valid_for_git = outside.run(&["check-ref-format", "--branch", name], b"").status.success();
            let too_long = name.len() > 1024
                || name.split('/').any(|component| component.len() > 250);
            let ours = BranchName::parse(name);
            prop_assert_eq!(ours.is_ok(), is_valid_for_git && !too_long, "{:?}", name);
            branches.extend(ours.ok().filter(|new| !branches.iter().any(|old| old == new || old.conflicts_with(new))));
        }
        let git = Git::init();
        let commit = git.commit(&git.ok_line(&["mktree"], b""));
        let creations: String = branches.iter().map(|name| format!("create {}\0{commit}\0", name.full_ref())).collect();
        git.ok(&["update-ref", "--stdin", "-z"], creations.as_bytes());
        let listed = git.ok(&["for-each-ref", "--format=%(refname)"], b"");
        prop_assert_eq!(
            listed.lines().map(str::to_owned).collect::<BTreeSet<_>>(),
            branches.iter().map(BranchName::full_ref).collect::<BTreeSet<_>>()
        );
    }

    #[test]
    fn commits_with_accepted_authors_pass_fsck(
        texts in vec((vec(piece(), 0..4), vec(piece(), 0..3), any::<bool>(), 0..1030usize), 200)
    ) {
        let git = Git::init();
        let tree = git.ok_line(&["mktree"], b"");
        let authors: Vec<Author> = texts.iter().filter_map(|(name, mail, bare, length)| {
            let name = if length % 50 == 0 { "n".repeat(*length) } else { name.concat() };
            let mail = if *bare { String::new() } else { format!(" <{}>", mail.concat()) };
            Author::parse(&(name + &mail)).ok()
        }).chain([Author::default()]).collect();
        let commits: Vec<String> = authors.iter().map(|author| {
            format!("tree {tree}\nauthor {author} 0 +0000\ncommitter {author} 0 +0000\n\nm\n")
        }).collect();
        let ids = git.raw_commits(&commits);
        git.assert_clean();
        let read = git.log(&ids, "%an%n%ae");
        for (author, id) in authors.iter().zip(&ids) {
            prop_assert_eq!(&read[id], &format!("{}\n{}", author.name(), author.mail()));
            prop_assert_eq!(&author.to_string().parse::<Author>(), &Ok(author.clone()));
        }
    }

    #[test]
    fn commits_with_accepted_messages_pass_fsck(
        texts in vec(vec(prop_oneof![4 => piece(), 2 => Just("\n".to_owned()), 1 => Just("Restores: x".to_owned()), 1 => Just("\0".to_owned())], 0..8), 200)
    ) {
        let git = Git::init();
        let tree = git.ok_line(&["mktree"], b"");
        let messages: Vec<Message> = texts.iter().filter_map(|pieces| Message::parse(&pieces.concat()).ok()).collect();
        let commits: Vec<String> = messages.iter().map(|message| {
            format!("tree {tree}\nauthor a <a> 0 +0000\ncommitter a <a> 0 +0000\n\n{message}\n")
        }).collect();
        let ids = git.raw_commits(&commits);
        git.assert_clean();
        let read = git.log(&ids, "%B");
        for (message, id) in messages.iter().zip(&ids) {
            prop_assert_eq!(read[id].trim(), message.as_str().trim());
            prop_assert!(!message.as_str().lines().next_back().unwrap().starts_with("Restores:"));
            prop_assert_eq!(&message.to_string().parse::<Message>(), &Ok(message.clone()));
        }
    }
}
