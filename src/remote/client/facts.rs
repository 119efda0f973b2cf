//! Requests facts about a module from a server: its WIT and the sizes of its parts.

use super::request::{Client, in_path};
use crate::names::ModuleRef;
use crate::remote::error::Result;
use crate::store::Revision;
use crate::wire::{PartSelection, SizesJson};

impl Client {
    /// Requests the WIT of a module, as text.
    pub(super) fn wit_text(&self, revision: &Revision, name: &ModuleRef) -> Result<String> {
        let request = self.get(&format!("/wit/{}", in_path(name)), revision);
        Ok(self.text(request)?.value)
    }

    /// Requests the sizes of parts of a module. `selection` determines which parts.
    pub(super) fn selected_sizes(
        &self,
        revision: &Revision,
        name: &ModuleRef,
        selection: PartSelection,
    ) -> Result<SizesJson> {
        let by = selection.by.map(|by| format!("by={by}"));
        let top = selection.top.map(|top| format!("top={top}"));
        let query: Vec<_> = by.into_iter().chain(top).collect();
        let path = format!("/size/{}?{}", in_path(name), query.join("&"));
        Ok(self.json(self.get(&path, revision))?.value)
    }
}
