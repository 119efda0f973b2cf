//! The report of a copy or a move: how many modules have which new path.

use serde_json::json;

use super::change_effect::visit_changes;
use super::change_report::{ChangeVerb, report_effect};
use super::exit::Result;
use super::first_changes::CHANGES_MAX;
use super::output::Output;
use super::settings::Settings;
use crate::names::ModulePath;
use crate::remote::StoreOperations;
use crate::store::Published;

/// Reports a copy or a move, like [`report_effect`]. `verb` is its verb in the past tense.
pub(super) fn report_relocation(
    settings: &Settings,
    out: &mut Output,
    store: &dyn StoreOperations,
    (verb, published): (&str, &Published<()>),
) -> Result<()> {
    let (mut paths, mut removed) = (Vec::new(), 0);
    let is_needed = out.is_json() || !settings.is_quiet();
    let visited = is_needed.then(|| {
        visit_changes(store, published, None, &mut |change| match change.new {
            Some(_) => paths.push(change.path),
            None => removed += 1,
        })
    });
    let change = (ChangeVerb::Committed, published);
    if visited.flatten().is_none() {
        return report_effect(settings, out, change, json!({}), None);
    }
    if paths.len() + removed > CHANGES_MAX {
        let effect = format!("{verb} thousands of modules");
        return report_effect(settings, out, change, json!({}), Some(effect));
    }
    // A move that replaces an equal module adds none, and a copy removes none.
    let count = paths.len().max(removed);
    let modules = if count == 1 { "module" } else { "modules" };
    let mut effect = format!("{verb} {count} {modules}");
    let mut fields = json!({ "modules": count });
    if let Some(to) = common_path(&paths) {
        effect.push_str(&format!(" to {to}"));
        fields["to"] = json!(to);
    }
    report_effect(settings, out, change, fields, Some(effect))
}

/// Returns the path if there is only one, otherwise the deepest directory that contains all of them; `None` if there are none.
fn common_path(paths: &[ModulePath]) -> Option<String> {
    let (first, others) = paths.split_first()?;
    let mut common: Vec<_> = first.segments().collect();
    for other in others {
        let same = common.iter().zip(other.segments());
        let count = same.take_while(|(one, other)| **one == *other).count();
        common.truncate(count);
    }
    Some(format!("/{}", common.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_path_is_that_of_the_module_or_of_the_directory_of_all() {
        let common = |paths: &[&str]| {
            let paths: Vec<_> = paths
                .iter()
                .map(|path| ModulePath::parse(path).unwrap())
                .collect();
            common_path(&paths)
        };
        assert_eq!(common(&[]), None);
        assert_eq!(common(&["a/b.wasm"]).unwrap(), "/a/b.wasm");
        assert_eq!(common(&["a/b/c", "a/b/d/e", "a/bc"]).unwrap(), "/a");
        assert_eq!(common(&["a/b", "c"]).unwrap(), "/");
    }
}
