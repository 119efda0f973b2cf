//! Handlers of the second step of an upload: shows a preview of the commit, and commits.

use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;

use super::form::Form;
use super::form_page::{done, require, respond_with_form};
use super::screen::Screen;
use super::upload_plan::UploadPlan;
use super::visitor::Visitor;
use crate::http::error::{Failure, Result};
use crate::http::extract::UrlTail;
use crate::http::state::App;
use crate::names::{BranchName, Digest, ModuleHash, ModulePath, ModuleRef, TreePath};
use crate::store::{self, ErrorKind, PlannedModule, Revision, Store};
use crate::web::upload::{UploadEffect, UploadPreview, UploadedModule};
use crate::web::{self, Markup};

/// The maximum number of modules that the preview describes.
const DESCRIBED_MAX: usize = 50;

/// The maximum time for describing modules for one page. Descriptions are cached, so the page has more descriptions when it is loaded
/// again.
const DESCRIBED_TIME_MAX: Duration = Duration::from_secs(1);

/// The total length of the descriptions, in bytes, after which no further module is described. The last description may exceed the limit,
/// but the length of a single description is limited too.
const DESCRIBED_BYTES_MAX: usize = 1 << 20;

/// The maximum size of a module that is compared with another one, in bytes. Both modules are in memory during the comparison.
const COMPARED_BYTES_MAX: u64 = 32 << 20;

/// Shows a preview of what a commit of the upload would change.
pub(super) async fn show(screen: Screen, visitor: Visitor, tail: UrlTail) -> Result<Response> {
    require(&screen.app, &visitor, &Method::POST)?;
    let id = tail.parse(Digest::parse)?;
    let app = screen.app.clone();
    let plan = app
        .run_read(move |store| UploadPlan::read(store, &id))
        .await?;
    respond_with_form(
        screen,
        &visitor,
        "Check the upload",
        move |store, site, context| {
            let branch = plan.branch()?;
            let (mut modules, mut more, started) = (Vec::new(), Vec::new(), Instant::now());
            let mut described_bytes = 0;
            for file in plan.files() {
                let planned = file.parse()?;
                let has_time = modules.is_empty() || started.elapsed() < DESCRIBED_TIME_MAX;
                let has_space = described_bytes < DESCRIBED_BYTES_MAX;
                if has_time && has_space && modules.len() < DESCRIBED_MAX {
                    let module = describe((&app, store), &branch, planned, file.size_bytes)?;
                    described_bytes += module.module.as_ref().map_or(0, |markup| markup.0.len());
                    modules.push(module);
                } else {
                    more.push(planned.path);
                }
            }
            let paths: Vec<_> = modules.iter().map(|module| &module.path).collect();
            let again = match paths.as_slice() {
                [only] if more.is_empty() => site.upload_version(&branch, only.as_tree_path()),
                [first, ..] => site.upload_to(&branch, &parent(first)),
                [] => site.upload_to(&branch, &TreePath::root()),
            };
            let preview = UploadPreview {
                site,
                token: &context.token,
                id: &id.to_hex(),
                branch: &branch,
                message: plan.message(),
                author: context.fixed_author().or(plan.author()),
                modules: &modules,
                more: &more,
                again: &again,
            };
            Ok(preview.render())
        },
    )
    .await
}

/// Commits the upload.
pub(super) async fn commit(State(app): State<App>, tail: UrlTail, form: Form) -> Result<Response> {
    require(&app, &form.visitor, &Method::POST)?;
    let id = tail.parse(Digest::parse)?;
    let plan = app
        .run_read(move |store| UploadPlan::read(store, &id))
        .await?;
    let branch = plan.branch()?;
    let (mut change, modules) = plan.change()?;
    // The user who commits need not be the user who uploaded. So if the API key of the committing user requires an author, that author
    // replaces the author in the plan.
    change.author = match form.visitor.fixed_author() {
        Some(author) => Some(author.clone()),
        None => change.author,
    };
    let put = app.publish(move |store| {
        let published = store.put_kept(&change, &modules)?;
        store.forget_kept(&id, &modules);
        Ok(published)
    });
    Ok(done(&app, &branch, put.await?.0.commit))
}

fn describe(
    (app, store): (&App, &Store),
    branch: &BranchName,
    planned: PlannedModule,
    size_bytes: u64,
) -> Result<UploadedModule> {
    let revision = Revision::Branch(Some(branch.clone()));
    let name = ModuleRef::Path(planned.path.clone());
    let is_there = store.contains(&revision, &name)?;
    let current = is_there.then(|| store.hash(&revision, &name)).transpose()?;
    let effect = match current {
        None => UploadEffect::New,
        Some(current) if store.digest(current)? == planned.digest => UploadEffect::SameBytes,
        Some(_) => UploadEffect::Replaces,
    };
    let replaced = current.filter(|_| effect == UploadEffect::Replaces);
    let module = match description((app, store), &planned, size_bytes, replaced) {
        Err(DescribeError::Gone(reason)) => Err(reason),
        Err(DescribeError::Failed(failure)) => return Err(failure),
        Ok(description) => Ok(description),
    };
    Ok(UploadedModule {
        is_outdated: current != planned.replaced && effect != UploadEffect::SameBytes,
        path: planned.path,
        module,
        effect,
    })
}

/// The reason why the preview cannot describe an uploaded module.
enum DescribeError {
    /// The store no longer has the uploaded module. The text says so to the user.
    Gone(String),
    /// Any other error.
    Failed(Failure),
}

impl From<store::Error> for DescribeError {
    fn from(error: store::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::Gone(store::chain(&error)),
            _ => Self::Failed(error.into()),
        }
    }
}

/// Returns the rendered description of an uploaded module. Caches it, so that the module is validated and compared only once.
fn description(
    (app, store): (&App, &Store),
    planned: &PlannedModule,
    size_bytes: u64,
    replaced: Option<ModuleHash>,
) -> Result<Markup, DescribeError> {
    let key = (planned.digest, replaced, planned.path.clone());
    // Ignores an error here: `preview` reports it if the file cannot be opened.
    let is_kept = store.is_kept(&planned.digest).unwrap_or(false);
    if let Some(known) = app.previews.get(&key).filter(|_| is_kept) {
        return Ok(known);
    }
    let module = store.preview(&planned.digest, &planned.path)?;
    let comparison = match replaced {
        None => None,
        Some(current) => {
            let current_bytes = store.size_bytes(current)?;
            Some(if size_bytes.max(current_bytes) <= COMPARED_BYTES_MAX {
                // This does not wait for memory: requests that hold memory while they wait for more could block each other.
                let charge = app.memory.try_charge(size_bytes + current_bytes);
                let _charge =
                    charge.map_err(|exhausted| DescribeError::Failed(exhausted.into()))?;
                Ok(store.compare_with_kept(current, (&planned.digest, &planned.path))?)
            } else {
                let limit = COMPARED_BYTES_MAX >> 20;
                Err(format!(
                    "It was not compared with the module that is there now, because one of them is larger than {limit} MiB."
                ))
            })
        }
    };
    let description = web::upload::describe(&module, comparison.as_ref());
    app.previews.insert(key, description.clone());
    Ok(description)
}

/// Returns the directory that contains a module.
fn parent(path: &ModulePath) -> TreePath {
    let mut segments: Vec<_> = path.segments().collect();
    segments.pop();
    TreePath::parse(&segments.join("/")).unwrap_or_default()
}
