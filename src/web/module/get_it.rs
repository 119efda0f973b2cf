//! The card that shows how to download or run a module with different programs.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{Markup, html};

use super::page::ModulePage;
use crate::oci::OciModule;
use crate::store::ModuleKind;
use crate::web::picker::file_name;
use crate::web::text::plain;
use crate::wire::{encode_header_value, encode_path};

/// One way to download or run a module: the HTML id, the heading and the commands that the card shows.
struct CommandExample {
    id: &'static str,
    title: &'static str,
    text: String,
}

/// Renders the card with the download link and the commands that download the module.
pub(super) fn card(page: &ModulePage<'_>) -> Markup {
    let examples = examples(page);
    let (first, others) = examples.split_at(1);
    html! {
        section.card aria-labelledby="get" {
            h2 #get { "Get it" }
            p.actions {
                a.button.primary href=(page.site.raw(page.place, page.path)) download=(plain(file_name(page.path), 200)) { "Download" }
            }
            @for example in first { (block(example)) }
            details {
                summary { "With other programs" }
                @for example in others { (block(example)) }
            }
        }
    }
}

fn block(example: &CommandExample) -> Markup {
    html! {
        div.get {
            h3 { (example.title) }
            div.copy {
                pre tabindex="0" { code id=(example.id) { (plain_lines(&example.text)) } }
                button type="button" data-copy=(example.id) aria-label=(format!("Copy: {}", example.title)) { "Copy" }
            }
        }
    }
}

/// Returns a command as text. Control characters are shown as escapes, so that the copied text is the shown text.
fn plain_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(crate::names::printable).collect();
    lines.join("\n")
}

fn examples(page: &ModulePage<'_>) -> Vec<CommandExample> {
    let site = page.site;
    let file = quoted(file_name(page.path));
    let digest = page.digest.to_hex();
    let example = |id, title, text| CommandExample { id, title, text };
    let mut examples = vec![example(
        "get-curl",
        "curl, and check the digest",
        format!(
            "{}\necho '{digest}  '{file} | sha256sum -c",
            curl(page, &file)
        ),
    )];
    examples.push(example(
        "get-wasmstore",
        "wasmstore",
        command_line(page, &file),
    ));
    examples.push(example("get-git", "git", git(page, &file)));
    if let Some(oci) = page.oci {
        examples.push(example("get-wkg", "wkg (OCI)", wkg(page, oci, &file)));
    }
    examples.push(example("get-wasmtime", "wasmtime", run(page, &file)));
    if page.facts.facts.kind == ModuleKind::Module {
        let by_digest = format!("{}/api/v1/module/sha256:{digest}", site.url);
        examples.push(example(
            "get-browser",
            "Browser, with subresource integrity",
            browser(page, &by_digest),
        ));
        examples.push(example(
            "get-extism",
            "Extism manifest",
            extism(page, &by_digest),
        ));
    }
    examples
}

/// The name of the shell variable that holds the API key in the shown commands, and the placeholder for the API key in JavaScript and
/// manifests. So no page contains an API key.
const KEY: &str = "WASMSTORE_KEY";

/// Returns the HTTP header that selects the branch or commit; `None` for the default branch.
fn revision_header(page: &ModulePage<'_>) -> Option<(&'static str, String)> {
    let branch = page.place.branch.as_ref().map(|branch| branch.as_str());
    match (&page.place.commit, branch) {
        (Some(commit), _) => Some(("Wasmstore-Commit", commit.to_string())),
        (None, Some(branch)) if branch != page.site.default_branch => {
            Some(("Wasmstore-Branch", encode_header_value(branch).to_string()))
        }
        _ => None,
    }
}

/// Returns the HTTP headers that a program must send: the branch or commit, and the API key if the user has signed in.
fn headers(page: &ModulePage<'_>) -> Vec<(&'static str, String)> {
    let key = page.site.rights.is_signed_in;
    let key = key.then(|| ("Wasmstore-Auth", KEY.to_owned()));
    revision_header(page).into_iter().chain(key).collect()
}

/// Returns the HTTP headers that a program must send, as a JSON object; an empty text if there are none.
fn header_object(page: &ModulePage<'_>) -> String {
    let headers = headers(page).into_iter().map(|(name, value)| {
        let value = serde_json::Value::from(value);
        format!("\"{name}\": {value}")
    });
    let headers: Vec<_> = headers.collect();
    match headers.as_slice() {
        [] => String::new(),
        headers => format!("{{ {} }}", headers.join(", ")),
    }
}

fn curl(page: &ModulePage<'_>, file: &str) -> String {
    let url = format!(
        "{}/api/v1/module/{}",
        page.site.url,
        encode_path(page.path.as_str())
    );
    let revision = revision_header(page).map(|(name, value)| {
        let header = format!("{name}: {value}");
        format!(" -H {}", quoted(&header))
    });
    let key = if page.site.rights.is_signed_in {
        // curl reads the header from standard input, and printf is built into the shell, so the API key is in no list of processes.
        format!("printf 'Wasmstore-Auth: %s' \"${KEY}\" | curl -H @- -f")
    } else {
        "curl -f".to_owned()
    };
    format!("{key}{} -o {file} '{url}'", revision.unwrap_or_default())
}

/// Returns the command for `wasmstore`, which reads the API key from the environment variable itself.
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
        "wasmstore --root {} find{selection} {path} -o {file}",
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
    let key = if page.site.rights.is_signed_in {
        format!(
            "GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.extraHeader GIT_CONFIG_VALUE_0=\"Wasmstore-Auth: ${KEY}\" "
        )
    } else {
        String::new()
    };
    format!(
        "{key}git clone --no-checkout {}/wasmstore.git modules\ngit -C modules show {} > {file}",
        page.site.url,
        quoted(&object)
    )
}

fn wkg(page: &ModulePage<'_>, oci: &OciModule, file: &str) -> String {
    let url = &page.site.url;
    let host = url.split("://").nth(1).unwrap_or_default();
    let insecure = if url.starts_with("http://") {
        format!(" --insecure {host}")
    } else {
        String::new()
    };
    let key = if page.site.rights.is_signed_in {
        format!(" -u any -p \"${KEY}\"")
    } else {
        String::new()
    };
    format!(
        "wkg oci pull{insecure}{key} '{host}/{}:{}' -o {file}",
        oci.repository, oci.tag
    )
}

fn extism(page: &ModulePage<'_>, url: &str) -> String {
    let headers = header_object(page);
    let headers = if headers.is_empty() {
        String::new()
    } else {
        format!(",\n      \"headers\": {headers}")
    };
    format!(
        "{{\n  \"wasm\": [\n    {{\n      \"url\": \"{url}\",\n      \"hash\": \"{}\"{headers}\n    }}\n  ]\n}}",
        page.digest.to_hex()
    )
}

/// Returns the command that runs the module. A module without an entry point is run by calling a function, or only compiled.
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
    let headers = header_object(page);
    let headers = if headers.is_empty() {
        String::new()
    } else {
        format!("\n  headers: {headers},")
    };
    format!(
        "const response = fetch(\"{url}\", {{\n  integrity: \"sha256-{integrity}\",{headers}\n}});\n\
         const {{ instance }} = await WebAssembly.instantiateStreaming(response, {{}});"
    )
}

/// Quotes a word for a shell, if necessary.
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
