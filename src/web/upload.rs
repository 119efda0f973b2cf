//! The pages for uploading: the form, and the preview before the commit.

use maud::{Markup, html};

use super::change_form::{commit_fields, name, text_field};
use super::format;
use super::links::{Place, Site};
use super::text::{self, shown_cut};
use crate::names::{BranchName, ModulePath, TreePath};
use crate::store::{Compatibility, Cut, Facts, ModuleComparison, ModuleInfo, PreviewedModule};

/// The maximum number of listed reasons for a verdict, which says whether the new module can replace the old one.
const REASONS_MAX: usize = 20;

/// The maximum number of shown imports, and of shown exports.
const ITEMS_MAX: usize = 30;

/// The page with the form for uploading.
pub struct UploadForm<'f> {
    /// The server, and the rights of the client.
    pub site: &'f Site,
    /// The token that protects the form against cross-site requests.
    pub token: &'f str,
    /// The author that the client's API key requires; `None` if the user may choose the author.
    pub fixed_author: Option<&'f str>,
    /// The branch to which the modules are committed.
    pub branch: &'f BranchName,
    /// The directory into which the modules are put.
    pub directory: &'f TreePath,
    /// The name of the module in the directory; empty if it is the name of the uploaded file.
    pub module_name: &'f str,
    /// The maximum size of a module, in bytes.
    pub module_bytes_max: u64,
}

impl UploadForm<'_> {
    /// Renders the content of the page, without its frame.
    pub fn render(&self) -> Markup {
        let place = Place::branch(self.branch.clone());
        let back = self.site.tree(&place, self.directory);
        let rename = "Name in the store, for one file whose name on your disk differs (optional)";
        html! {
            div.head { div {
                h1 { "Upload modules" }
                p.muted { "To branch " (name(self.branch.as_str())) ". You see what would change before anything is committed." }
            } }
            form.card.form method="post" action=(format!("{}/ui/upload", self.site.base)) enctype="multipart/form-data" data-upload="" data-login=(self.site.login("")) {
                input type="hidden" name="token" value=(self.token);
                input type="hidden" name="branch" value=(self.branch.as_str());
                (text_field("directory", "Directory", &self.directory.to_string(), false))
                (text_field("name", rename, self.module_name, false))
                (commit_fields(self.fixed_author, "Import and the path"))
                div.field.drop data-drop="" {
                    label for="files" { "Modules and components, at most " (format::bytes(self.module_bytes_max)) " each" }
                    input #files name="file" type="file" multiple required accept=".wasm,application/wasm";
                    p.muted.small.hint { "Or drop files here." }
                }
                p role="status" data-progress="" hidden {
                    progress max="100" value="0" aria-label="Upload" {} " " span {}
                }
                div.actions {
                    button.primary { "Upload and check" }
                    a.button href=(back) { "Cancel" }
                }
            }
        }
    }
}

/// A module of an upload, for the preview.
pub struct UploadedModule {
    /// The path at which a commit would put the module.
    pub path: ModulePath,
    /// The rendered description of the module, or the reason why the module cannot be described any more.
    pub module: Result<Markup, String>,
    /// What a commit would do to the path.
    pub effect: UploadEffect,
    /// Whether the path has changed since the file was uploaded.
    pub is_outdated: bool,
}

/// What committing an uploaded module would do to its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadEffect {
    /// Nothing is at the path yet.
    New,
    /// The path has the same module already.
    SameBytes,
    /// The path has another module, which would be replaced.
    Replaces,
}

/// The preview of an upload before it is committed.
pub struct UploadPreview<'p> {
    /// The server, and the rights of the client.
    pub site: &'p Site,
    /// The token that protects the form against cross-site requests.
    pub token: &'p str,
    /// The id of the upload, which is part of the URL.
    pub id: &'p str,
    /// The branch to which the modules are committed.
    pub branch: &'p BranchName,
    /// The commit message; `None` for the default message.
    pub message: Option<&'p str>,
    /// The author of the commit; `None` for the default author.
    pub author: Option<&'p str>,
    /// The modules that the page shows with details, such as the comparison with the module that they replace.
    pub modules: &'p [UploadedModule],
    /// The paths of further uploaded modules. The page lists them without details, because comparing more modules takes too long for one
    /// page.
    pub more: &'p [ModulePath],
    /// The URL of the upload form, for another attempt.
    pub again: &'p str,
}

impl UploadPreview<'_> {
    /// Renders the content of the page, without its frame.
    pub fn render(&self) -> Markup {
        let is_outdated = self.modules.iter().any(|module| module.is_outdated);
        let is_gone = self.modules.iter().any(|module| module.module.is_err());
        let count = self.modules.len() + self.more.len();
        html! {
            div.head { div {
                h1 { @if count == 1 { "Check the module" } @else { "Check " (format::count(count as u64)) " modules" } }
                p.muted { "Nothing is committed yet. All of it becomes one commit on branch " (name(self.branch.as_str())) "." }
            } }
            @if is_gone {
                p.note.bad role="alert" {
                    "An uploaded file is not there any more: files that are not committed are kept for a day. Upload it again."
                }
            } @else if is_outdated {
                p.note.warn role="alert" {
                    "Somebody else has changed a path since you uploaded. Upload again to compare with what is there now."
                }
            }
            @for module in self.modules { (self.module(module)) }
            @if !self.more.is_empty() {
                section.card {
                    h2 { "And " (format::count(self.more.len() as u64)) " more" }
                    p.muted.small { "They are valid. To compare more of them takes too long for one page; load it again to see more." }
                    ul.plain { @for path in self.more { li.mono { (shown_cut(&path.to_string(), 200)) } } }
                }
            }
            form.card.form method="post" action=(self.site.upload_preview(self.id)) {
                input type="hidden" name="token" value=(self.token);
                dl.facts {
                    dt { "Message" }
                    dd.message { @if let Some(message) = self.message { (shown_cut(message, 1000)) } @else { span.muted { "Import and the path" } } }
                    dt { "Author" }
                    dd { @if let Some(author) = self.author { (shown_cut(author, 200)) } @else { span.muted { "wasmstore" } } }
                }
                div.actions {
                    @if !is_outdated && !is_gone { button.primary { "Commit" } }
                    a.button href=(self.again) { "Upload again" }
                }
            }
        }
    }

    fn module(&self, module: &UploadedModule) -> Markup {
        let place = Place::branch(self.branch.clone());
        html! {
            section.card {
                h2.mono { (shown_cut(&module.path.to_string(), 300)) }
                p {
                    @match &module.effect {
                        UploadEffect::New => span.tag.good { "new" },
                        UploadEffect::SameBytes => span.tag { "same bytes as now" },
                        UploadEffect::Replaces => {
                            span.tag { "new version" } " of " a href=(self.site.module(&place, &module.path)) { "the module that is there now" }
                        },
                    }
                }
                @match &module.module {
                    Err(reason) => p.note.bad { (shown_cut(reason, 300)) },
                    Ok(description) => (description),
                }
            }
        }
    }
}

/// Renders the description of an uploaded module. `comparison` is the comparison with the module that the upload would replace, or the
/// reason why the two were not compared; `None` if the upload replaces no module.
pub fn describe(
    previewed: &PreviewedModule,
    comparison: Option<&Result<ModuleComparison, String>>,
) -> Markup {
    html! {
        @match comparison {
            Some(Ok(comparison)) => (verdict(comparison)),
            Some(Err(reason)) => p.note.warn { (shown_cut(reason, 300)) },
            None => {},
        }
        (description(&previewed.info, previewed.facts.as_ref()))
    }
}

fn description(info: &ModuleInfo, facts: Option<&Facts>) -> Markup {
    html! {
        dl.facts {
            dt { "Kind" } dd { (info.kind) }
            dt { "Size" } dd { (format::bytes(info.size_bytes)) }
            @if let Some(facts) = facts {
                dt { "Needs" }
                dd { "Wasm " (facts.requires.standard.as_str()) @for proposal in &facts.requires.proposals { " + " (proposal) } }
                dt { "Imports" }
                dd { (items(&facts.imports, |import| signature(import.module.as_deref(), &import.name, import.kind.as_str(), import.ty.as_deref()))) }
                dt { "Exports" }
                dd { (items(&facts.exports, |export| signature(None, &export.name, export.kind.as_str(), export.ty.as_deref()))) }
            }
        }
    }
}

fn items<T>(items: &Cut<T>, render: impl Fn(&T) -> Markup) -> Markup {
    let shown = items.items.len().min(ITEMS_MAX);
    let more = items.total.saturating_sub(shown as u64);
    html! {
        @if items.total == 0 { "none" }
        @else { ul.plain { @for item in &items.items[..shown] { li.sig { (render(item)) } } } }
        @if more > 0 && items.total > 0 { span.muted { "and " (format::count(more)) " more" } }
    }
}

fn signature(module: Option<&str>, name: &str, kind: &str, ty: Option<&str>) -> Markup {
    html! {
        @if let Some(module) = module { (shown_cut(module, 150)) " " }
        (shown_cut(name, 150)) " " span.muted { (shown_cut(ty.unwrap_or(kind), 200)) }
    }
}

fn verdict(comparison: &ModuleComparison) -> Markup {
    let diff = match comparison {
        ModuleComparison::Compared(diff) => diff,
        ModuleComparison::NotComparable(reason) => {
            return html! { p.note.warn { (shown_cut(reason, 300)) } };
        }
    };
    let (class, title, sentence) = match diff.verdict.compatibility {
        Compatibility::Same => (
            "same",
            "Same interface",
            "Imports and exports do not differ.",
        ),
        Compatibility::Compatible => (
            "compatible",
            "Compatible",
            "Whatever uses the old module can use the new one.",
        ),
        Compatibility::Breaking => (
            "breaking",
            "Breaking",
            "Something that uses the old module may not work with the new one.",
        ),
    };
    let reasons = [
        ("What breaks", &diff.verdict.breaking),
        ("What else changed", &diff.verdict.compatible),
    ];
    html! {
        div class=(format!("verdict {class}")) { strong { (title) } span { (sentence) } }
        @for (title, reasons) in reasons {
            @if !reasons.is_empty() {
                h3 { (title) }
                ul {
                    @for reason in reasons.iter().take(REASONS_MAX) { li { (text::sentence(reason, 300)) } }
                    @if reasons.len() > REASONS_MAX { li.muted { "and " (reasons.len() - REASONS_MAX) " more" } }
                }
            }
        }
    }
}
