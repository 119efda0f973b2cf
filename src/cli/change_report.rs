//! The report of a command that changed the store: the commit that it made, on standard error and in JSON.

use std::fmt;

use serde_json::{Value, json};

use super::exit::Result;
use super::output::{Output, print_note};
use super::settings::Settings;
use super::shell_word::shell_word;
use crate::names::{CommitId, TagName};
use crate::store::Published;

/// The number of digits to which commit ids are shortened in texts for people.
pub(super) const ID_DIGITS: usize = 10;

/// The effect of a change on its branch, as a verb in the past tense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChangeVerb {
    /// Made a commit.
    Committed,
    /// Merged a branch.
    Merged,
    /// Moved the branch from this commit, its previous tip, to an existing descendant (a fast-forward).
    Forwarded(CommitId),
    /// Squashed the history to one commit.
    Squashed,
    /// Dropped versions from the history.
    Shortened,
    /// Created the branch.
    Created,
}

/// The effect of a change on a tag, as a verb in the past tense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TagVerb {
    /// Created the tag.
    Created,
    /// Replaced a tag that pointed to this commit.
    Replaced(CommitId),
    /// Deleted the tag.
    Deleted,
}

/// Reports a change on standard error. With `--json`, first prints `fields` with `commit`, `branch` and `changed` added. Without `--json`,
/// the caller has already printed the output of the command.
pub(super) fn report<T>(
    settings: &Settings,
    out: &mut Output,
    change: (ChangeVerb, &Published<T>),
    fields: Value,
) -> Result<()> {
    report_effect(settings, out, change, fields, None)
}

/// Reports a change like [`report`]. If the branch has moved, the line on standard error also contains `effect`, which says what changed,
/// for example `removed 2 modules`.
pub(super) fn report_effect<T>(
    settings: &Settings,
    out: &mut Output,
    (verb, published): (ChangeVerb, &Published<T>),
    mut fields: Value,
    effect: Option<String>,
) -> Result<()> {
    if out.is_json() {
        fields["commit"] = json!(published.commit.map(|commit| commit.to_string()));
        fields["branch"] = json!(published.branch.as_ref().map(ToString::to_string));
        fields["changed"] = json!(published.has_moved);
        out.json(&fields)?;
    }
    let effect = effect.filter(|effect| !effect.is_empty());
    let effect = effect.map_or_else(String::new, |effect| format!(": {effect}"));
    let line = line(verb, published, &effect, &settings.root_flag());
    print_line(settings, out, &line)
}

/// Reports a change of a tag, on standard error and with `--json` as JSON.
pub(super) fn report_tag(
    settings: &Settings,
    out: &mut Output,
    tag: &TagName,
    (verb, published): (TagVerb, &Published<()>),
) -> Result<()> {
    if out.is_json() {
        let mut fields = json!({
            "name": tag.as_str(),
            "commit": published.commit.map(|commit| commit.to_string()),
            "changed": published.has_moved,
        });
        if let TagVerb::Replaced(from) = verb {
            fields["moved_from"] = json!(from.to_string());
        }
        out.json(&fields)?;
    }
    print_line(settings, out, &tag_line(tag, verb, published))
}

/// Reports a change on standard error, and prints nothing to standard output.
pub(super) fn report_on_stderr<T>(
    settings: &Settings,
    out: &mut Output,
    verb: ChangeVerb,
    published: &Published<T>,
) -> Result<()> {
    print_line(
        settings,
        out,
        &line(verb, published, "", &settings.root_flag()),
    )
}

/// Prints a line about what a command did on standard error, after the output of the command so far. Prints nothing with `--quiet`.
pub(super) fn print_line(settings: &Settings, out: &mut Output, line: &str) -> Result<()> {
    // If both streams are the same terminal, the output of the command must appear before this line.
    out.flush()?;
    if !settings.is_quiet() {
        print_note(line);
    }
    Ok(())
}

fn tag_line(tag: &TagName, verb: TagVerb, published: &Published<()>) -> String {
    let id = published.commit.as_ref().map(short_id);
    let at = id
        .as_ref()
        .map(|id| format!(" at {id}"))
        .unwrap_or_default();
    match verb {
        _ if !published.has_moved => format!("nothing changed: tag {tag} is{at}"),
        TagVerb::Created => format!("created tag {tag}{at}"),
        TagVerb::Replaced(from) if Some(from) == published.commit => {
            format!("replaced tag {tag}{at}")
        }
        TagVerb::Replaced(from) => {
            let (from, to) = (short_id(&from), id.unwrap_or_default());
            format!("moved tag {tag} from {from} to {to}")
        }
        TagVerb::Deleted => {
            let was = id.map(|id| format!(" (was {id})")).unwrap_or_default();
            format!("deleted tag {tag}{was}")
        }
    }
}

/// Returns the line that reports a change. If the branch has moved, `effect` is appended after the new tip. `root_flag` is the `--root`
/// option of the running command, for a command that the line suggests.
fn line<T>(verb: ChangeVerb, published: &Published<T>, effect: &str, root_flag: &str) -> String {
    let branch = published.branch.as_ref();
    let branch = branch.map_or_else(|| "the branch".to_owned(), ToString::to_string);
    let Some(commit) = &published.commit else {
        return format!("nothing changed: {branch} has no commit");
    };
    let id = short_id(commit);
    if !published.has_moved {
        return format!("nothing changed: {branch} is at {id}");
    }
    match verb {
        ChangeVerb::Committed => format!("committed {id} on {branch}{effect}"),
        ChangeVerb::Merged => format!("merged: {branch} is at {id}{effect}"),
        ChangeVerb::Forwarded(from) => {
            // A fast-forward makes no commit whose parent is the previous tip, so `rollback` cannot return to that tip. The suggested
            // `restore` names it.
            let (from, branch_word) = (short_id(&from), shell_word(&branch));
            let undo = format!("wasmstore restore {from} --branch {branch_word}{root_flag}");
            format!("merged: {branch} is at {id} (fast-forward){effect}; to undo it: {undo}")
        }
        ChangeVerb::Squashed => format!("squashed {branch} to {id}"),
        ChangeVerb::Shortened => format!("dropped versions: {branch} is at {id}"),
        ChangeVerb::Created => format!("created branch {branch} at {id}"),
    }
}

/// Returns the first [`ID_DIGITS`] digits of a commit id, for texts for people.
pub(super) fn short_id(id: &impl fmt::Display) -> String {
    id.to_string().chars().take(ID_DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_what_the_change_did_to_the_branch() {
        let published = |commit: bool, has_moved| Published {
            branch: Some("main".parse().unwrap()),
            commit: commit.then(|| "12".repeat(20).parse().unwrap()),
            has_moved,
            value: (),
        };
        let of = |verb, moved| line(verb, &published(true, moved), "", " --root x");
        assert_eq!(
            of(ChangeVerb::Committed, true),
            "committed 1212121212 on main"
        );
        assert_eq!(
            line(
                ChangeVerb::Committed,
                &published(true, true),
                ": undid 56",
                ""
            ),
            "committed 1212121212 on main: undid 56"
        );
        assert_eq!(
            of(ChangeVerb::Merged, true),
            "merged: main is at 1212121212"
        );
        let forwarded = ChangeVerb::Forwarded("34".repeat(20).parse().unwrap());
        assert_eq!(
            of(forwarded, true),
            "merged: main is at 1212121212 (fast-forward); to undo it: wasmstore restore 3434343434 --branch main --root x"
        );
        assert_eq!(
            of(ChangeVerb::Squashed, true),
            "squashed main to 1212121212"
        );
        assert_eq!(
            of(ChangeVerb::Created, true),
            "created branch main at 1212121212"
        );
        let tag = "v1".parse().unwrap();
        let tag_line = |verb, moved| tag_line(&tag, verb, &published(true, moved));
        let [here, there] = ["12", "34"].map(|digits| digits.repeat(20).parse().unwrap());
        for (verb, expected) in [
            (TagVerb::Created, "created tag v1 at 1212121212"),
            (TagVerb::Replaced(here), "replaced tag v1 at 1212121212"),
            (
                TagVerb::Replaced(there),
                "moved tag v1 from 3434343434 to 1212121212",
            ),
            (TagVerb::Deleted, "deleted tag v1 (was 1212121212)"),
        ] {
            assert_eq!(tag_line(verb, true), expected);
        }
        let unchanged = "nothing changed: tag v1 is at 1212121212";
        assert_eq!(tag_line(TagVerb::Created, false), unchanged);
        let unchanged = "nothing changed: main is at 1212121212";
        assert_eq!(of(ChangeVerb::Committed, false), unchanged);
        assert_eq!(
            line(ChangeVerb::Committed, &published(false, false), ": x", ""),
            "nothing changed: main has no commit"
        );
    }
}
