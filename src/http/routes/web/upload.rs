//! Handlers of the first step of an upload: shows the form, validates the files, and stores them for the preview.
//!
//! This step commits nothing, and the server keeps no state in memory: the plan of the upload is stored in a file like the modules, and its
//! digest is in the URL of the preview. So the user can reload the preview, open it again after signing in, or send its URL to another user
//! who may change the store.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use serde::Deserialize;

use super::form::{Fields, change_of};
use super::form_page::{require, respond_with_form};
use super::multipart::{FilePart, MultipartForm};
use super::screen::{Screen, redirect};
use super::upload_plan::{PlannedFile, UploadPlan};
use super::visitor::Visitor;
use crate::http::error::{Failure, Result};
use crate::http::extract::QueryParams;
use crate::http::site::site_of_links;
use crate::http::state::App;
use crate::http::upload::cancel_on_drop::CancelOnDrop;
use crate::http::upload::decoding::ModuleSink;
use crate::http::upload::memory::{CHUNK_BYTES, UploadMemory};
use crate::names::{ModulePath, ModuleRef, TreePath};
use crate::store::{Change, Revision};
use crate::web::upload::UploadForm;

/// The maximum number of files in one upload.
const FILES_MAX: usize = 500;

/// The query parameters of the page with the upload form.
#[derive(Deserialize)]
pub(super) struct UploadQuery {
    /// The directory into which the modules are put.
    #[serde(default)]
    directory: String,
    /// The path of the module, if a new version of an existing module is uploaded; otherwise empty.
    #[serde(default)]
    path: String,
}

/// Shows the form for uploading.
pub(super) async fn show(
    screen: Screen,
    visitor: Visitor,
    QueryParams(query): QueryParams<UploadQuery>,
) -> Result<Response> {
    require(&screen.app, &visitor, &Method::POST)?;
    let (directory, module_name) = match query.path.trim_matches('/').rsplit_once('/') {
        Some((directory, name)) => (directory.to_owned(), name.to_owned()),
        None if query.path.is_empty() => (query.directory, String::new()),
        None => (String::new(), query.path.trim_matches('/').to_owned()),
    };
    let directory = TreePath::parse(&directory)?;
    let branch = screen.branch()?;
    let module_bytes_max = screen.app.module_bytes_max();
    respond_with_form(screen, &visitor, "Upload", move |_, site, context| {
        let form = UploadForm {
            site,
            token: &context.token,
            fixed_author: context.fixed_author(),
            branch: &branch,
            directory: &directory,
            module_name: &module_name,
            module_bytes_max,
        };
        Ok(form.render())
    })
    .await
}

/// Validates the files in a form, stores them for the preview, and redirects to the preview of the commit.
pub(super) async fn receive(State(app): State<App>, mut form: MultipartForm) -> Result<Response> {
    require(&app, &form.visitor, &Method::POST)?;
    let mut files: Vec<PlannedFile> = Vec::new();
    while let Some(file) = form.next_file().await? {
        if files.len() == FILES_MAX {
            let detail = format!("the form has more than {FILES_MAX} files; nothing was changed");
            return Err(Failure::malformed(detail));
        }
        let change = change_of(&form.visitor, &form.fields)?;
        let path = target(&form.fields, &file.name, files.len())?;
        if files.iter().any(|other| other.path == path.as_str()) {
            let detail = format!("two files would be at {path}; nothing was changed");
            return Err(Failure::malformed(detail));
        }
        files.push(keep(&app, change, path, file).await?);
    }
    if files.is_empty() {
        return Err(Failure::malformed(
            "the form has no file; nothing was changed",
        ));
    }
    let change = change_of(&form.visitor, &form.fields)?;
    let plan = UploadPlan::new(&change, files);
    let text = plan.to_text();
    let id = app
        .run_write(move |store| Ok(store.keep_text(&text)?))
        .await?;
    let site = site_of_links(&app.base_path);
    Ok(redirect(&site.upload_preview(&id.to_hex())))
}

/// Returns the path at which a file is put: the directory in the form, followed by the name in the form. If the form has no name, the name
/// of the file is used.
fn target(fields: &Fields, file_name: &str, count: usize) -> Result<ModulePath> {
    let directory = fields.parse_optional("directory", TreePath::parse)?;
    let name = match fields.optional("name")? {
        Some(_) if count > 0 => {
            let detail = "a name is for one file only, and there are several; nothing was changed";
            return Err(Failure::malformed(detail));
        }
        Some(name) => name,
        None => file_name,
    };
    let directory = directory.unwrap_or_default();
    let path = TreePath::parse(&format!("{}/{name}", directory.as_str()))?;
    Ok(ModulePath::try_from(path)?)
}

/// Receives a file like `POST /module`: spools it to disk, validates it as it arrives, and stores it for the preview without a commit.
async fn keep(
    app: &App,
    change: Change,
    path: ModulePath,
    mut file: FilePart,
) -> Result<PlannedFile> {
    let begin = {
        let path = path.clone();
        app.run_read(move |store| {
            let revision = Revision::Branch(change.branch.clone());
            let begun = store.begin_put(&change, &path)?;
            let name = ModuleRef::Path(path);
            let is_there = store.contains(&revision, &name)?;
            let replaced = is_there.then(|| store.hash(&revision, &name)).transpose()?;
            Ok((begun, replaced))
        })
    };
    let (begun, replaced) = begin.await?;
    let _cancel = CancelOnDrop(begun.cancellation());
    // This does not wait for memory: requests that hold memory while they wait for more could block each other.
    let charge = app.memory.try_charge(UploadMemory::first_bytes(None))?;
    let mut sink = ModuleSink::new(begun, app.reserve_upload(), UploadMemory::new(charge, None));
    let mut chunk = Vec::new();
    loop {
        let bytes = file.next().await?;
        let is_last = bytes.is_none();
        chunk.extend_from_slice(&bytes.unwrap_or_default());
        if is_last {
            break;
        }
        if chunk.len() >= CHUNK_BYTES {
            let full = std::mem::take(&mut chunk);
            let written = app.run_read(move |_| {
                sink.write_chunk(&full)?;
                Ok(sink)
            });
            sink = written.await?;
        }
    }
    let kept = app.run_write(move |store| {
        sink.write_chunk(&chunk)?;
        let (upload, _memory) = sink.into_parts();
        Ok(store.keep_for_preview(upload)?)
    });
    let kept = kept.await?;
    Ok(PlannedFile::new(&path, &kept, replaced))
}
