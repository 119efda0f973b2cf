//! The second step of an upload: what a commit would change, and the commit.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;

use super::form::Form;
use super::form_page::{done, require, respond_with_form};
use super::screen::Screen;
use super::upload_plan::UploadPlan;
use super::visitor::Visitor;
use crate::http::error::Result;
use crate::http::extract::UrlTail;
use crate::http::state::App;
use crate::names::{BranchName, Digest, ModulePath, ModuleRef, TreePath};
use crate::store::{self, ErrorKind, PlannedModule, Revision, Store};
use crate::web::upload::{UploadEffect, UploadPreview, UploadedModule};

/// How many modules of an upload are described.
const DESCRIBED_MAX: usize = 50;

/// How many bytes of an upload are validated again for the page.
const DESCRIBED_BYTES_MAX: u64 = 256 << 20;

/// The size up to which two modules are compared, in bytes: both are in memory then.
const COMPARED_BYTES_MAX: u64 = 32 << 20;

/// Shows what a commit of the upload would change.
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
            let (mut modules, mut more, mut budget) = (Vec::new(), Vec::new(), DESCRIBED_BYTES_MAX);
            for file in plan.files() {
                let planned = file.parse()?;
                match budget.checked_sub(file.size_bytes) {
                    Some(rest) if modules.len() < DESCRIBED_MAX => {
                        budget = rest;
                        modules.push(describe((&app, store), &branch, planned, file.size_bytes)?);
                    }
                    _ => more.push(planned.path),
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
    // The user who commits may be another one than the user who has uploaded.
    change.author = match form.visitor.fixed_author() {
        Some(author) => Some(author.clone()),
        None => change.author,
    };
    let put = app.publish(move |store| {
        let published = store.put_kept(&change, &modules)?;
        store.forget_kept(&id, &modules);
        Ok(published)
    });
    Ok(done(&app, &branch, put.await?.0.0))
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
    let module = match store.preview(&planned.digest, &planned.path) {
        Ok(module) => Ok(module),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(store::chain(&error)),
        Err(error) => return Err(error.into()),
    };
    let effect = match current {
        None => UploadEffect::New,
        Some(current) if store.digest(current)? == planned.digest => UploadEffect::SameBytes,
        Some(current) => {
            let current_bytes = store.size_bytes(current)?;
            let is_small = size_bytes.max(current_bytes) <= COMPARED_BYTES_MAX;
            let kept = (&planned.digest, &planned.path);
            let compare = || -> Result<_> {
                // A wait for memory by a request that holds some could block others that hold some, too.
                let _charge = app.memory.try_charge(size_bytes + current_bytes)?;
                Ok(store.compare_with_kept(current, kept)?)
            };
            let comparison = (is_small && module.is_ok()).then(compare);
            UploadEffect::Replaces(comparison.transpose()?.map(Box::new))
        }
    };
    Ok(UploadedModule {
        is_outdated: current != planned.replaced && effect != UploadEffect::SameBytes,
        path: planned.path,
        module,
        effect,
    })
}

/// Returns the directory of a module.
fn parent(path: &ModulePath) -> TreePath {
    let mut segments: Vec<_> = path.segments().collect();
    segments.pop();
    TreePath::parse(&segments.join("/")).unwrap_or_default()
}
