//! Names and texts that try to be markup, to hide, or to be too many.

use super::Web;
use crate::support::store::{branch, custom_section, on};

/// Markup, quotes, bidirectional controls and an escape.
const HOSTILE: &str = "<script>alert(1)</script>\"'&amp;\u{202e}gnp.exe\u{2066}\u{1b}[31m";

/// Returns the bytes of a name in the binary format.
fn name(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut length = text.len();
    loop {
        let low = (length & 127) as u8;
        length >>= 7;
        bytes.push(if length > 0 { low | 128 } else { low });
        if length == 0 {
            break;
        }
    }
    bytes.extend(text);
    bytes
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![id];
    bytes.extend(name(content));
    bytes
}

/// Returns a module that imports and exports functions with these names.
fn module_with_names(names: &[&str]) -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend(section(1, &[1, 0x60, 0, 0]));
    let mut imports = vec![names.len() as u8];
    let mut exports = vec![names.len() as u8];
    for (at, text) in names.iter().enumerate() {
        imports.extend(name(text.as_bytes()));
        imports.extend(name(text.as_bytes()));
        imports.extend([0, 0]);
        exports.extend(name(text.as_bytes()));
        exports.extend([0, at as u8]);
    }
    module.extend(section(2, &imports));
    module.extend(section(7, &exports));
    for kind in [
        "description",
        "licenses",
        "authors",
        "homepage",
        "source",
        "version",
    ] {
        let mut content = name(kind.as_bytes());
        content.extend(names[0].as_bytes());
        module.extend(section(0, &content));
    }
    module
}

#[test]
fn names_of_a_module_are_text() {
    let w = Web::new();
    // wasmparser accepts no longer name; a megabyte of names is ten of them.
    let long = "x".repeat(100_000);
    let longer: Vec<_> = (0..9).map(|n| format!("{n}{}", &long[1..])).collect();
    let mut names = vec![HOSTILE, "שלום", &long, "\u{202e}\u{0}", ""];
    names.extend(longer.iter().map(String::as_str));
    w.put_bytes(None, "a.wasm", &module_with_names(&names));
    let old = w.tip();
    w.put_bytes(None, "a.wasm", &module_with_names(&["b"]));
    w.read_all();
    let at = format!("commit={old}");
    for uri in [
        format!("/ui/module/a.wasm?{at}"),
        format!("/ui/module/a.wasm?all=true&{at}"),
        format!("/ui/tree?{at}"),
        format!("/ui/compare?from={old}&to=main&path=a.wasm"),
        format!("/ui/search?q=export:*&history=true&{at}"),
    ] {
        let page = w.page(&uri);
        page.is(200)
            .shows("&lt;script&gt;")
            .hides("<script>alert")
            .shows("\\u{202e}");
        assert!(page.html.len() < 400_000, "{uri}: {}", page.html.len());
    }
}

#[test]
fn what_a_request_says_is_text() {
    let w = Web::new();
    w.put("a.wasm", 1);
    let script = "%3Cscript%3Ealert(1)%3C%2Fscript%3E%E2%80%AE";
    for (uri, status) in [
        (format!("/ui/tree/{script}"), 404),
        ("/ui/tree/%3Cscript%3Ex".to_owned(), 404),
        (format!("/ui/tree?branch={script}"), 404),
        ("/ui/tree?branch=%3Cscript%3E".to_owned(), 404),
        (format!("/ui/tree?commit={script}"), 404),
        (format!("/ui/tree?commit={script}~x"), 400),
        (format!("/ui/search?q={script}"), 200),
        (format!("/ui/search?q=size%3E{script}"), 200),
        (format!("/ui/compare?from={script}&to=main"), 404),
        ("/ui/compare?from=%3Cscript%3E&to=main".to_owned(), 404),
        (format!("/ui/{script}"), 404),
        ("/ui/tree?start=-1".to_owned(), 400),
        ("/ui/history?after=%3Cscript%3E".to_owned(), 400),
        ("/ui/tree/%FF".to_owned(), 400),
    ] {
        if uri.ends_with("%FF") {
            // Such a URL is refused before anything knows that it is for a page.
            assert_eq!(
                w.send("GET", &uri, &[("accept", "text/html")], "").status,
                400
            );
            continue;
        }
        w.page(&uri)
            .is(status)
            .hides("<script>alert")
            .hides("<script>x");
    }
}

#[test]
fn odd_paths_branches_and_authors_round_trip() {
    let w = Web::new();
    let odd = "a b/?#%&+'\"<i>/%2F;=@:!$()*,[]{}|^`~ä\u{1F600}.wasm";
    w.put(odd, 1);
    w.store
        .create_branch(&branch("x/<b>/%2F&\"'é"), &Default::default())
        .unwrap();
    let change = wasmstore::store::Change {
        author: Some("O'Neil & Söhne".parse().unwrap()),
        message: Some(
            "</title><script>alert(1)</script>\n\n<b>body</b>"
                .parse()
                .unwrap(),
        ),
        ..on(Some("x/<b>/%2F&\"'é"))
    };
    let module = crate::support::store::module(7);
    w.store
        .put(&change, &odd.parse().unwrap(), module.as_slice())
        .unwrap();
    let branches = w.page("/ui/branches");
    let tree = w.page(branches.link("/ui/tree?branch=x%2F%3Cb%3E%2F%252F%26%22%27%C3%A9"));
    let directory = w.page(tree.link("/ui/tree/a%20b?branch=x%2F%3Cb%3E%2F%252F%26%22%27%C3%A9"));
    directory.shows("?#%&amp;+'&quot;&lt;i&gt;");
    let inner = directory
        .links
        .iter()
        .find(|link| link.contains("/ui/tree/a%20b/"))
        .unwrap();
    let module_page = w.page(inner);
    let module_link = module_page
        .links
        .iter()
        .find(|link| link.contains("/ui/module/"))
        .unwrap();
    let page = w.page(module_link);
    page.is(200)
        .shows("😀.wasm")
        .shows("O'Neil &amp; Söhne")
        .hides("<script>alert");
    let raw = page
        .links
        .iter()
        .find(|link| link.contains("/ui/raw/"))
        .unwrap();
    assert_eq!(w.send("GET", raw, &[], "").body, module);
    let tip = wasmstore::store::Revision::Branch(change.branch);
    let commit = page.link(&w.store.snapshot(&tip).unwrap().to_string());
    w.page(commit)
        .is(200)
        .shows("&lt;/title&gt;&lt;script&gt;")
        .shows("&lt;b&gt;body");
}

#[test]
fn a_hundred_thousand_functions_are_grouped() {
    let w = Web::new();
    let count = 100_000_u32;
    let leb = |mut value: u32| {
        let mut bytes = Vec::new();
        loop {
            let low = (value & 127) as u8;
            value >>= 7;
            bytes.push(if value > 0 { low | 128 } else { low });
            if value == 0 {
                return bytes;
            }
        }
    };
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend(section(1, &[1, 0x60, 0, 0]));
    module.extend(section(3, &[leb(count), vec![0; count as usize]].concat()));
    let (mut code, mut names) = (leb(count), leb(count));
    for at in 0..count {
        // A body of no locals, some nops and an end.
        let nops = if at % 1000 == 0 { 100 } else { 1 };
        code.extend(name(&[&[0][..], &vec![1; nops], &[0x0b]].concat()));
        names.extend(leb(at));
        names.extend(name(format!("crate{}::module::f{at}", at % 700).as_bytes()));
    }
    module.extend(section(10, &code));
    let mut name_section = name(b"name");
    name_section.extend(section(1, &names));
    module.extend(section(0, &name_section));
    w.put_bytes(None, "large.wasm", &module);
    let page = w.page("/ui/module/large.wasm");
    page.is(200)
        .shows("100\u{202f}000")
        .shows("smaller")
        .shows("crate0");
    assert!(page.html.len() < 200_000, "{}", page.html.len());
    let parts = page.html.matches("data-level=").count();
    assert!((10..400).contains(&parts), "{parts}");
}

#[test]
fn a_module_with_a_section_of_noise_is_shown() {
    let w = Web::new();
    w.put_bytes(None, "noise.wasm", &custom_section(0..=255));
    w.page("/ui/module/noise.wasm")
        .is(200)
        .shows("custom section x");
}
