//! `tag`: creates, deletes and lists tags.

use crate::cli::args::WriteArgs;
use crate::cli::change_report::{TagVerb, report_tag};
use crate::cli::exit::Result;
use crate::cli::local_time::{self, parse_revision};
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::{Message, TagName};
use crate::store::{ExistingTag, Revision};
use crate::wire::TagJson;

/// Create, delete or list tags: names for commits
///
/// With --message, the tag is annotated: it has a message, an author and a date of its own. Prints nothing, and reports the commit on
/// standard
/// error; with --list, prints the names, sorted. JSON: {"name":"…","commit":"…","changed":true}, and "moved_from":"…" if a tag of another
/// commit was replaced; with --delete, the commit of the deleted tag, or null if it had none; with --list
/// [{"name":"…","commit":"…","annotated":true,"author":"…","date":<unix seconds>,"message":"…"},…]
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("action").required(true).args(["name", "list"]))]
pub(in crate::cli) struct TagArgs {
    /// Create this tag
    #[arg(value_parser = TagName::parse)]
    name: Option<TagName>,
    /// Create the tag at this commit instead of the tip of the current branch
    #[arg(value_name = "REV", conflicts_with_all = ["delete", "list"], value_parser = parse_revision)]
    revision: Option<Revision>,
    /// Replace the tag if it exists
    #[arg(short, long, requires = "name", conflicts_with = "delete")]
    force: bool,
    /// Delete the tag; commits that only it reaches are kept until the next gc
    #[arg(short, long, requires = "name")]
    delete: bool,
    /// List all tags
    #[arg(short, long)]
    list: bool,
    /// With --list, print date, commit, author and the first line of the message, too
    #[arg(long, requires = "list")]
    long: bool,
    /// Annotate the tag with this message
    #[arg(short, long, value_name = "TEXT", conflicts_with_all = ["delete", "list"], value_parser = Message::parse)]
    message: Option<Message>,
}

impl TagArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let Some(name) = self.name else {
            return list(settings, out, self.long);
        };
        let message = self.message;
        let change = settings.change(WriteArgs { message })?;
        if self.delete {
            let deleted = settings.open_existing()?.delete_tag(&change, &name)?;
            return report_tag(settings, out, &name, (TagVerb::Deleted, &deleted));
        }
        let from = match self.revision {
            Some(from) => from.on_branch(change.branch.clone()),
            None => Revision::Branch(change.branch.clone()),
        };
        let existing = if self.force {
            ExistingTag::Replace
        } else {
            ExistingTag::Refuse
        };
        let store = settings.open_existing()?;
        let created = store.create_tag(&change, &name, &from, existing)?;
        let verb = match created.value {
            Some(from) => TagVerb::Replaced(from),
            None => TagVerb::Created,
        };
        report_tag(settings, out, &name, (verb, &created.with_value(())))
    }
}

fn list(settings: &Settings, out: &mut Output, is_long: bool) -> Result<()> {
    let tags = settings.open()?.tags()?;
    if out.is_json() {
        return out.json(&tags.into_iter().map(TagJson::from).collect::<Vec<_>>());
    }
    let width = tags.iter().map(|tag| tag.name.as_str().chars().count());
    let width = width.max().unwrap_or_default();
    for tag in tags {
        if !is_long {
            out.line(tag.name)?;
            continue;
        }
        let date = local_time::sortable(tag.date_s);
        let author = out.untrusted(&tag.author).into_owned();
        let subject = tag.message.lines().next().unwrap_or_default();
        let subject = out.untrusted(subject).into_owned();
        out.line(format_args!(
            "{:<width$}  {date:<19}  {}  {author}  {subject}",
            tag.name.as_str(),
            tag.commit
        ))?;
    }
    Ok(())
}
