//! How to get a module, with different programs.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{Markup, html};

use super::page::ModulePage;
use crate::store::ModuleKind;
use crate::web::picker::file_name;
use crate::web::text::plain;
use crate::wire::{encode_header_value, encode_path};

/// A way to get a module.
struct Way {
    id: &'static str,
    title: &'static str,
    text: String,
}

/// Renders the card.
pub(super) fn card(page: &ModulePage<'_>) -> Markup {
    let ways = ways(page);
    let (first, others) = ways.split_at(1);
    html! {
        section.card aria-labelledby="get" {
            h2 #get { "Get it" }
            p.actions {
                a.button.primary href=(page.site.raw(page.place, page.path)) download=(plain(file_name(page.path), 200)) { "Download" }
            }
            @for way in first { (block(way)) }
            details {
                summary { "With other programs" }
                @for way in others { (block(way)) }
            }
        }
    }
}

fn block(way: &Way) -> Markup {
    html! {
        div.get {
            h3 { (way.title) }
            div.copy {
                pre tabindex="0" { code id=(way.id) { (plain_lines(&way.text)) } }
                button type="button" data-copy=(way.id) aria-label=(format!("Copy: {}", way.title)) { "Copy" }
            }
        }
    }
}

/// Returns a command as text. Control characters are shown as escapes, so that what is copied is what is seen.
fn plain_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(crate::names::printable).collect();
    lines.join("\n")
}

fn ways(page: &ModulePage<'_>) -> Vec<Way> {
    let site = page.site;
    let url = format!(
        "{}/api/v1/module/{}",
        site.url,
        encode_path(page.path.as_str())
    );
    let file = quoted(file_name(page.path));
    let digest = page.digest.to_hex();
    let way = |id, title, text| Way { id, title, text };
    let mut ways = vec![way(
        "get-curl",
        "curl, and check the digest",
        format!(
            "curl -f{} -o {file} '{url}'\necho '{digest}  '{file} | sha256sum -c",
            revision_header(page)
        ),
    )];
    ways.push(way("get-wasmstore", "wasmstore", command_line(page, &file)));
    ways.push(way("get-git", "git", git(page, &file)));
    if let Some(oci) = page.oci {
        let host = site.url.split("://").nth(1).unwrap_or_default();
        let insecure = if site.url.starts_with("http://") {
            format!(" --insecure {host}")
        } else {
            String::new()
        };
        let text = format!(
            "wkg oci pull{insecure} '{host}/{}:{}' -o {file}",
            oci.repository, oci.tag
        );
        ways.push(way("get-wkg", "wkg (OCI)", text));
    }
    ways.push(way("get-wasmtime", "wasmtime", run(page, &file)));
    if page.facts.facts.kind == ModuleKind::Module {
        let by_digest = format!("{}/api/v1/module/sha256:{digest}", site.url);
        ways.push(way(
            "get-browser",
            "Browser, with subresource integrity",
            browser(page, &by_digest),
        ));
        let manifest = format!(
            "{{\n  \"wasm\": [\n    {{ \"url\": \"{by_digest}\", \"hash\": \"{digest}\" }}\n  ]\n}}"
        );
        ways.push(way("get-extism", "Extism manifest", manifest));
    }
    ways
}

/// Returns the option of curl that selects the branch or commit; nothing for the default branch.
fn revision_header(page: &ModulePage<'_>) -> String {
    let branch = page.place.branch.as_ref().map(|branch| branch.as_str());
    match (&page.place.commit, branch) {
        (Some(commit), _) => format!(" -H 'Wasmstore-Commit: {commit}'"),
        (None, Some(branch)) if branch != page.site.default_branch => {
            let header = format!("Wasmstore-Branch: {}", encode_header_value(branch));
            format!(" -H {}", quoted(&header))
        }
        _ => String::new(),
    }
}

fn command_line(page: &ModulePage<'_>, file: &str) -> String {
    let path = quoted(page.path.as_str());
    let branch = page.place.branch.as_ref().map(|branch| branch.as_str());
    let selection = match (&page.place.commit, branch) {
        (Some(commit), _) => format!(" --commit {commit}"),
        (None, Some(branch)) if branch != page.site.default_branch => {
            format!(" --branch {}", quoted(branch))
        }
        _ => String::new(),
    };
    format!(
        "wasmstore --root {}{selection} find {path} -o {file}",
        page.site.url
    )
}

fn git(page: &ModulePage<'_>, file: &str) -> String {
    let branch = page
        .place
        .branch
        .as_ref()
        .map_or("HEAD", |branch| branch.as_str());
    let commit = page.place.commit.map(|commit| commit.to_string());
    let object = match &commit {
        Some(commit) => format!("{commit}:{}", page.path.as_str()),
        None => format!("origin/{branch}:{}", page.path.as_str()),
    };
    format!(
        "git clone --no-checkout {}/wasmstore.git modules\ngit -C modules show {} > {file}",
        page.site.url,
        quoted(&object)
    )
}

/// Returns how to run the module. Only a program with an entry point runs as it is.
fn run(page: &ModulePage<'_>, file: &str) -> String {
    let exports = &page.facts.facts.exports.items;
    let has = |name: &str| {
        exports.iter().any(|export| {
            export.name == name || export.name.starts_with(name) && name.ends_with('@')
        })
    };
    if has("_start") || has("wasi:cli/run@") {
        return format!("wasmtime run ./{file}");
    }
    if exports
        .iter()
        .any(|export| export.name.starts_with("wasi:http/incoming-handler"))
    {
        return format!("wasmtime serve ./{file}");
    }
    let function = exports.iter().find(|export| export.kind.as_str() == "func");
    match function {
        Some(function) => format!("wasmtime run --invoke {} ./{file}", quoted(&function.name)),
        None => format!("wasmtime compile ./{file}"),
    }
}

fn browser(page: &ModulePage<'_>, url: &str) -> String {
    let integrity = BASE64_STANDARD.encode(page.digest.as_bytes());
    format!(
        "const response = fetch(\"{url}\", {{\n  integrity: \"sha256-{integrity}\",\n}});\n\
         const {{ instance }} = await WebAssembly.instantiateStreaming(response, {{}});"
    )
}

/// Returns a word for a shell: as it is, or in quotes.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+=".contains(&byte);
    if !word.is_empty() && !word.starts_with('-') && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_a_shell_are_quoted() {
        for (word, in_shell) in [
            ("add.wasm", "add.wasm"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$(x)", "'$(x)'"),
            ("-rf", "'-rf'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), in_shell);
        }
    }
}
