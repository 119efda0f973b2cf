//! Prints the result of `add --dry-run`.

use serde_json::{Value, json};

use super::commands::print_verdict;
use super::exit::Result;
use super::output::Output;
use crate::remote::{DryRun, PutEffect};

/// Prints the properties of a module, and what `add` would change at its path.
pub(super) fn print(run: &DryRun, out: &mut Output) -> Result<()> {
    let effect = match run.effect {
        PutEffect::Added => "would be added",
        PutEffect::Unchanged => "has the same bytes already",
        PutEffect::Updated { .. } => "would be replaced",
    };
    out.text(format_args!("{} {effect}\n", run.path))?;
    out.text(format_args!("    kind: {}\n", run.info.kind))?;
    out.text(format_args!("    size: {}\n", run.info.size_bytes))?;
    out.text(format_args!("    hash: {}\n", run.hash))?;
    out.text(format_args!("    digest: {}\n", run.digest))?;
    out.text(format_args!("    imports: {}\n", run.info.imports.len()))?;
    out.text(format_args!("    exports: {}\n", run.info.exports.len()))?;
    if let PutEffect::Updated { old, verdict } = &run.effect {
        out.text(format_args!("    replaces: {old}\n"))?;
        print_verdict(out, verdict)?;
    }
    Ok(())
}

/// Returns as JSON what `print` prints.
pub(super) fn to_json(run: &DryRun) -> Value {
    let action = match run.effect {
        PutEffect::Added => "added",
        PutEffect::Unchanged => "unchanged",
        PutEffect::Updated { .. } => "updated",
    };
    let mut fields = json!({
        "path": run.path.to_string(),
        "action": action,
        "kind": run.info.kind,
        "size": run.info.size_bytes,
        "hash": run.hash.to_string(),
        "digest": run.digest.to_string(),
        "import_count": run.info.imports.len(),
        "export_count": run.info.exports.len(),
    });
    if let PutEffect::Updated { old, verdict } = &run.effect {
        fields["replaces"] = json!(old.to_string());
        fields["verdict"] = json!(verdict.compatibility.as_str());
        fields["reasons"] = json!({
            "breaking": verdict.breaking,
            "compatible": verdict.compatible,
            "left_out": verdict.left_out,
        });
    }
    fields
}
