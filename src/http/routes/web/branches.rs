//! Handlers of the list of branches and of the preview of a merge.

use std::time::{Duration, Instant};

use axum::response::Response;
use serde::Deserialize;

use super::compare::{VERDICTS_BYTES_MAX, rows};
use super::form_page::FormContext;
use super::screen::{Answer, Content, Screen};
use super::visitor::Visitor;
use crate::http::error::{Failure, Result};
use crate::http::extract::QueryParams;
use crate::names::BranchName;
use crate::store::{Commit, MergeOutcome, MergePreview, Revision, Store};
use crate::web::branches::{BranchList, BranchRow, MergePage};
use crate::web::change_form::{ChangeForm, ChangeKind};
use crate::web::text::plain;
use crate::web::{Markup, Section, Site, change_texts};

/// The number of branches on a page of the list.
const PAGE_SIZE: usize = 50;

/// The maximum time for counting the commits by which branches have diverged, for one page. After that, the remaining branches are listed
/// without counts.
const RELATIONS_TIME_MAX: Duration = Duration::from_millis(500);

/// The query parameter that selects a page of the list.
#[derive(Deserialize)]
pub(super) struct StartQuery {
    #[serde(default)]
    start: usize,
}

/// The query parameters of the preview of a merge.
#[derive(Deserialize)]
pub(super) struct MergeQuery {
    from: String,
    into: String,
}

pub(super) async fn list(
    screen: Screen,
    QueryParams(StartQuery { start }): QueryParams<StartQuery>,
) -> Result<Response> {
    screen
        .respond_without_commit(0, move |store, screen| branch_list(store, screen, start))
        .await
}

fn branch_list(store: &Store, screen: &Screen, start: usize) -> Result<Answer> {
    let base = BranchName::parse(&screen.site.default_branch)?;
    let base_tip = tip(store, &base)?;
    let mut names = store.branches()?;
    // The default branch comes first. It is listed even if it has no commit yet.
    names.retain(|name| *name != base);
    names.insert(0, base.clone());
    let total = names.len();
    let (started, mut rows) = (Instant::now(), Vec::new());
    for name in names.into_iter().skip(start).take(PAGE_SIZE) {
        let tip = tip(store, &name)?;
        let both = tip.as_ref().zip(base_tip.as_ref());
        let relation = both
            .filter(|_| name != base && started.elapsed() < RELATIONS_TIME_MAX)
            .map(|(tip, base)| store.relation(tip.id, base.id));
        rows.push(BranchRow {
            relation: relation.transpose()?,
            tip,
            name,
        });
    }
    let after = start.saturating_add(PAGE_SIZE);
    let list = BranchList {
        site: &screen.site,
        base: &base,
        rows: &rows,
        total,
        next: (after < total).then(|| Site::and(&screen.site.branches(), "start", after)),
    };
    Ok(Answer::Page(Content {
        title: "Branches".to_owned(),
        section: Section::Branches,
        query: String::new(),
        markup: list.render(),
        is_cacheable: false,
    }))
}

/// Returns the newest commit of a branch; `None` if the branch has no commit, or was deleted since it was listed.
fn tip(store: &Store, branch: &BranchName) -> Result<Option<Commit>> {
    match store.snapshot(&Revision::Branch(Some(branch.clone()))) {
        Ok(tip) => Ok(Some(store.commit(tip)?)),
        Err(error) if error.kind() == crate::store::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn merge(
    screen: Screen,
    visitor: Visitor,
    QueryParams(query): QueryParams<MergeQuery>,
) -> Result<Response> {
    let (from, into) = (
        BranchName::parse(&query.from)?,
        BranchName::parse(&query.into)?,
    );
    if from == into {
        return Err(Failure::malformed("a branch cannot be merged into itself"));
    }
    let context = FormContext::of(&visitor);
    let response = screen.respond_without_commit(VERDICTS_BYTES_MAX, move |store, screen| {
        merge_page((store, screen, &context), &from, &into)
    });
    Ok(visitor.with_form(response.await?))
}

fn merge_page(
    (store, screen, context): (&Store, &Screen, &FormContext),
    from: &BranchName,
    into: &BranchName,
) -> Result<Answer> {
    let preview = store.preview_merge(into, from)?;
    let changes = match &preview.outcome {
        MergeOutcome::FastForward(changes) | MergeOutcome::Merged(changes) => changes.clone(),
        MergeOutcome::Contained | MergeOutcome::Conflict(_) => Vec::new(),
    };
    let total = changes.len();
    let rows = rows(store, changes)?.rows;
    let page = MergePage {
        site: &screen.site,
        into,
        from,
        preview: &preview,
        rows: &rows,
        total,
        form: merge_form(&screen.site, context, (from, into), &preview),
    };
    Ok(Answer::Page(Content {
        title: plain(&format!("Merge {from} into {into}"), 120),
        section: Section::Branches,
        query: String::new(),
        markup: page.render(),
        is_cacheable: false,
    }))
}

/// Returns the form that makes the previewed merge. Returns `None` if there is nothing to merge, or if the API key does not allow it.
fn merge_form(
    site: &Site,
    context: &FormContext,
    (from, into): (&BranchName, &BranchName),
    preview: &MergePreview,
) -> Option<Markup> {
    let message = format!("Merge {from}");
    let fields = match &preview.outcome {
        MergeOutcome::Merged(_) => change_texts::no_fields(),
        MergeOutcome::FastForward(_) => change_texts::fast_forward_fields(),
        MergeOutcome::Contained | MergeOutcome::Conflict(_) => return None,
    };
    let hidden = [
        ("branch", into.to_string()),
        ("expected", preview.ours.to_string()),
        ("theirs", from.to_string()),
        ("theirs_tip", preview.theirs.to_string()),
    ];
    let form = ChangeForm {
        site,
        token: &context.token,
        fixed_author: context.fixed_author(),
        title: "Merge",
        explanation: change_texts::merge(from, into),
        action: "/ui/merge",
        hidden: &hidden,
        fields,
        kind: ChangeKind::Commit(&message),
        button: "Merge",
        back: &site.branches(),
    };
    site.rights.post.then(|| form.form())
}
