//! A page with a form that changes what is at a path. The pages for removing, restoring and rolling back have this form.

use axum::http::Method;
use axum::response::Response;

use super::target::{Target, TargetParts};
use crate::http::error::Result;
use crate::http::routes::web::compare::VERDICTS_BYTES_MAX;
use crate::http::routes::web::form_page::{require, respond_with_large_form};
use crate::http::routes::web::screen::Screen;
use crate::http::routes::web::visitor::Visitor;
use crate::store::Store;
use crate::web::change_form::{ChangeForm, ChangeKind};
use crate::web::{Markup, Site, change_texts};

/// A page with a form that changes what is at a path, in one commit.
pub(super) struct TargetPage {
    /// The HTTP method that the API key must allow.
    pub method: Method,
    /// The heading of the page.
    pub title: &'static str,
    /// The first word of the default commit message.
    pub verb: &'static str,
    /// The path to which the form is sent.
    pub action: &'static str,
    /// The label of the button that sends the form.
    pub button: &'static str,
}

/// Whether a form can change its target, which is a path on a branch.
pub(super) enum TargetState {
    /// It can be changed. The texts describe the change.
    Changeable(TargetTexts),
    /// It cannot be changed, for the reason in this text.
    Unchangeable(String),
}

/// The parts of the page that depend on the module, directory or branch that the form is about.
pub(super) struct TargetTexts {
    /// Sentences that say what the change will do.
    pub explanation: Markup,
    /// Names and values of hidden form fields, in addition to those that the form of every page has.
    pub more_hidden_fields: Vec<(&'static str, String)>,
    /// The list of modules that would change; empty if the explanation is enough.
    pub preview: Markup,
}

impl TargetPage {
    /// Responds with the page.
    ///
    /// # Errors
    /// 403 if the API key does not allow the change; the errors of `describe`.
    pub async fn respond(
        self,
        screen: Screen,
        visitor: &Visitor,
        parts: &TargetParts,
        describe: impl Fn(&Store, &Site, &Target) -> Result<TargetState> + Send + 'static,
    ) -> Result<Response> {
        require(&screen.app, visitor, &self.method)?;
        let target = Target::of(&screen, parts)?;
        let memory = (visitor, VERDICTS_BYTES_MAX);
        respond_with_large_form(screen, memory, self.title, move |store, site, context| {
            // The tag is read before the description. So if another user commits in between, the form fails, instead of changing modules
            // that the page does not show.
            let tag = target.current_tag(store)?;
            let back = target.back(store, site, tag.is_some())?;
            let texts = match describe(store, site, &target)? {
                TargetState::Changeable(texts) => texts,
                TargetState::Unchangeable(reason) => {
                    return Ok(change_texts::unchangeable(self.title, &reason, &back));
                }
            };
            let mut hidden = target.hidden_fields(tag);
            hidden.extend(texts.more_hidden_fields);
            let form = ChangeForm {
                site,
                token: &context.token,
                fixed_author: context.fixed_author(),
                title: self.title,
                explanation: texts.explanation,
                action: self.action,
                hidden: &hidden,
                fields: change_texts::no_fields(),
                kind: ChangeKind::Commit(&change_texts::default_message(self.verb, &target.path)),
                button: self.button,
                back: &back,
            };
            Ok(form.render_above(&texts.preview))
        })
        .await
    }
}
