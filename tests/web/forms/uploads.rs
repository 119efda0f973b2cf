//! Uploads: the files are checked and kept, then shown, then committed.

use std::time::Duration;

use wasmstore::config::{BlobUploadLimits, ModuleLimits, Options, ServerLimits};

use super::session::{BOUNDARY, KEYS, Session, part};
use crate::support::store::module;

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// Uploads files, and returns the URL of the page that shows them.
#[track_caller]
fn upload(browser: &mut Session, fields: &[(&str, &str)], files: &[(&str, &[u8])]) -> String {
    let response = browser.upload("/ui/upload?branch=main", fields, files);
    assert_eq!(response.status, 303, "{}", response.text());
    response.header("location").unwrap().to_owned()
}

#[test]
fn an_upload_is_shown_before_it_is_committed() {
    let mut browser = Session::without_keys();
    browser.api.put("m/a.wasm", 1);
    let before = browser.api.state();
    let new = wat(r#"(module (func (export "g")))"#);
    let preview = upload(
        &mut browser,
        &[("directory", "/m"), ("message", "new a")],
        &[("a.wasm", &new)],
    );
    assert_eq!(browser.api.state(), before, "nothing is committed");
    let page = browser.get(&preview);
    for text in ["/m/a.wasm", "Breaking", "new version", "new a"] {
        assert!(page.text().contains(text), "{text}: {}", page.text());
    }
    let committed = browser.submit(&preview, &[]);
    assert_eq!(committed.status, 303, "{}", committed.text());
    assert_eq!(browser.api.subjects()[0], "new a");
    let hash = browser.api.hash_of(&new);
    assert_eq!(browser.api.rev("HEAD:m/a.wasm"), hash);
    let again = browser.get(&preview);
    assert_eq!(again.status, 404, "what was committed is not kept twice");
    assert!(again.text().contains("committed"), "{}", again.text());
    // The same bytes once more.
    let preview = upload(&mut browser, &[("directory", "/m")], &[("a.wasm", &new)]);
    let page = browser.get(&preview);
    assert!(page.text().contains("same bytes as now"), "{}", page.text());
}

#[test]
fn several_files_become_one_commit() {
    let mut browser = Session::without_keys();
    let files: Vec<_> = (1..=3).map(|n| (format!("{n}.wasm"), module(n))).collect();
    let files: Vec<_> = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    let commits = browser.api.subjects().len();
    let preview = upload(&mut browser, &[("directory", "x/y")], &files);
    assert_eq!(browser.submit(&preview, &[]).status, 303);
    assert_eq!(
        browser.api.content(),
        "/x/y/1.wasm=1 /x/y/2.wasm=2 /x/y/3.wasm=3"
    );
    assert_eq!(browser.api.subjects().len(), commits + 1);
    assert_eq!(browser.api.subjects()[0], "Import /x/y");
}

#[test]
fn a_file_can_be_renamed() {
    let mut browser = Session::without_keys();
    let response = browser.upload(
        "/ui/upload?branch=main&path=m/a",
        &[],
        &[("build.wasm", &module(1))],
    );
    let preview = response.header("location").unwrap().to_owned();
    assert_eq!(browser.submit(&preview, &[]).status, 303);
    assert_eq!(browser.api.content(), "/m/a=1");
    let two: [(&str, &[u8]); 2] = [("a", &module(1)), ("b", &module(2))];
    let response = browser.upload("/ui/upload?branch=main", &[("name", "c")], &two);
    assert_eq!(response.status, 400, "{}", response.text());
}

#[test]
fn a_change_in_between_is_shown_and_not_overwritten() {
    let mut browser = Session::without_keys();
    browser.api.put("a", 1);
    let preview = upload(&mut browser, &[], &[("a", &module(2))]);
    let form = browser.form(&preview);
    browser.api.put("a", 3);
    let response = browser.post_form(&form, &[]);
    assert_eq!(response.status, 412, "{}", response.text());
    assert!(
        response.text().contains("/a was changed"),
        "{}",
        response.text()
    );
    assert_eq!(browser.api.value("a"), Some(3));
    let page = browser.get(&preview);
    assert!(
        page.text().contains("Somebody else has changed a path"),
        "{}",
        page.text()
    );
    assert!(!page.text().contains(">Commit<"));
}

#[test]
fn an_upload_survives_the_end_of_its_session() {
    let mut browser = Session::signed_in("writer-key");
    let preview = upload(&mut browser, &[], &[("a", &module(2))]);
    browser.submit("/ui/logout", &[]);
    assert_eq!(browser.get(&preview).status, 303, "signed out");
    browser.sign_in("admin-key");
    assert_eq!(browser.submit(&preview, &[]).status, 303);
    assert_eq!(browser.api.value("a"), Some(2));
    let mut reader = Session::signed_in("reader-key");
    assert_eq!(reader.get(&preview).status, 403);
}

/// The time of a session, for tests in which it ends.
const SHORT: Duration = Duration::from_secs(4);

#[test]
fn files_that_arrive_after_the_end_of_a_session_are_kept_until_the_user_has_signed_in_again() {
    let limits = ServerLimits {
        session_age_max: SHORT,
        ..ServerLimits::default()
    };
    let mut browser = Session::new(Some(KEYS), limits, Options::default());
    browser.sign_in("writer-key");
    let form = browser.form("/ui/upload?branch=main");
    let old_cookie = browser.cookie();
    std::thread::sleep(SHORT);
    assert_eq!(
        browser.get("/ui/upload?branch=main").status,
        303,
        "it has ended"
    );
    let body = |form: &super::session::PageForm| {
        let mut body = Vec::new();
        for (name, value) in &form.fields {
            body.extend(part(&format!("name=\"{name}\""), value.as_bytes()));
        }
        body.extend(part("name=\"file\"; filename=\"a\"", &module(2)));
        body.extend(format!("--{BOUNDARY}--\r\n").as_bytes());
        body
    };
    // Everything else is refused: a session that has ended changes nothing.
    let refused = browser.post_form(&form, &[]);
    assert_ne!(refused.status, 303);
    assert_eq!(
        browser
            .post("/ui/rollback", &[("token", form.field("token"))])
            .status,
        401
    );
    let kept = browser.post_multipart("/ui/upload", body(&form));
    assert_eq!(kept.status, 303, "{}", kept.text());
    let preview = kept.header("location").unwrap().to_owned();
    assert_eq!(browser.api.value("a"), None);
    let login = browser.get(&preview);
    assert_eq!(login.status, 303, "it needs a session to be shown");
    assert!(login.header("location").unwrap().ends_with("&why=ended"));
    browser.sign_in("writer-key");
    assert_eq!(browser.submit(&preview, &[]).status, 303);
    assert_eq!(browser.api.value("a"), Some(2));
    assert_eq!(
        browser.api.git(&["log", "-1", "--format=%an"]).trim(),
        "Wanda"
    );

    // A session that the user has ended counts for nothing.
    let form = browser.form("/ui/upload?branch=main");
    let cookie = browser.cookie();
    browser.submit("/ui/logout", &[]);
    let media_type = format!("multipart/form-data; boundary={BOUNDARY}");
    let send = |cookie: &str, form: &super::session::PageForm| {
        let headers = [
            ("Cookie", cookie),
            ("Origin", super::session::ORIGIN),
            ("Content-Type", media_type.as_str()),
        ];
        browser
            .api
            .send("POST", "/ui/upload", &headers, body(form))
            .status
    };
    assert_eq!(send(&cookie, &form), 401);
    // Nor does one whose key is gone.
    let keys = wasmstore::http::Keys::parse_file("other:*").unwrap();
    browser.keyring.clone().unwrap().replace(keys);
    assert_eq!(send(&old_cookie, &form), 401);
}

#[test]
fn an_upload_is_described_again_from_memory_only_while_its_file_is_there() {
    let mut browser = Session::without_keys();
    browser.api.put("a", 1);
    let preview = upload(&mut browser, &[], &[("a", &module(2))]);
    let first = browser.get(&preview).text().to_owned();
    assert!(first.contains("Same interface"), "{first}");
    assert_eq!(browser.get(&preview).text(), first);
    browser.api.put("a", 3);
    assert!(
        browser
            .get(&preview)
            .text()
            .contains("Somebody else has changed a path")
    );
}

#[test]
fn files_that_cannot_be_stored_are_refused_with_a_page() {
    let mut browser = Session::without_keys();
    browser.api.put("m/a", 1);
    let before = browser.api.state();
    let good = module(1);
    for (fields, files, status, text) in [
        (
            &[][..],
            &[("a", &b"\0asm\x01\0\0\0\xff"[..])][..],
            400,
            "/a",
        ),
        (&[], &[("a", b"")], 400, "/a"),
        (&[("directory", "m/a")], &[("b", &good)], 409, "/m/a"),
        (&[("directory", "../x")], &[("b", &good)], 400, ".."),
        (&[], &[("../../etc/x", &good)], 400, "slash"),
        (&[], &[("..\\x", &good)], 400, "slash"),
        (&[], &[("..", &good)], 400, ".."),
        (&[], &[(".git", &good)], 400, ".git"),
        (&[], &[("", b"")], 400, "no file"),
        (&[], &[("a", &good), ("a", &good)], 400, "two files"),
        (&[("branch", "missing")], &[("a", &good)], 404, "missing"),
    ] {
        let response = browser.upload("/ui/upload?branch=main", fields, files);
        assert_eq!(response.status, status, "{files:?}: {}", response.text());
        assert!(
            response.text().contains(text),
            "{text}: {}",
            response.text()
        );
        assert_eq!(
            response.header("content-type"),
            Some("text/html; charset=utf-8")
        );
    }
    assert_eq!(browser.api.state(), before);
}

#[test]
fn uploads_have_the_limits_of_the_api() {
    let options = Options {
        modules: ModuleLimits {
            module_bytes_max: 100,
            ..ModuleLimits::default()
        },
        ..Options::default()
    };
    let mut browser = Session::new(None, ServerLimits::default(), options);
    // A custom section of 2 KiB.
    let section = [b"\0asm\x01\0\0\0\0\x84\x10\x01a" as &[u8], &[0; 2050]].concat();
    let response = browser.upload("/ui/upload?branch=main", &[], &[("a", &section)]);
    assert_eq!(response.status, 413, "{}", response.text());
    let limits = ServerLimits {
        spool_bytes_max: 0,
        ..ServerLimits::default()
    };
    let mut browser = Session::new(None, limits, Options::default());
    let response = browser.upload("/ui/upload?branch=main", &[], &[("a", &section)]);
    assert_eq!(response.status, 503, "{}", response.text());
    let options = Options {
        blob_uploads: BlobUploadLimits {
            files_max: 1,
            ..BlobUploadLimits::default()
        },
        ..Options::default()
    };
    let mut browser = Session::new(None, ServerLimits::default(), options);
    let response = browser.upload("/ui/upload?branch=main", &[], &[("a", &module(1))]);
    assert_eq!(
        response.status,
        507,
        "no space for the plan: {}",
        response.text()
    );
}

#[test]
fn a_malformed_form_is_refused() {
    let mut browser = Session::without_keys();
    let token = browser
        .form("/ui/upload?branch=main")
        .field("token")
        .to_owned();
    let token_part = part("name=\"token\"", token.as_bytes());
    let branch = part("name=\"branch\"", b"main");
    let file = part("name=\"file\"; filename=\"a\"", &module(1));
    let end = format!("--{BOUNDARY}--\r\n").into_bytes();
    let many = part("name=\"x\"", b"1").repeat(10_001);
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{}",
        "x".repeat(3 << 20)
    );
    for (name, body, status) in [
        ("no token", [&branch[..], &file, &end].concat(), 403),
        (
            "the token after the file",
            [&file[..], &token_part, &end].concat(),
            403,
        ),
        ("truncated", [&token_part[..], &branch, &file].concat(), 400),
        ("many fields", [&token_part[..], &many, &end].concat(), 400),
        (
            "a huge field",
            [
                &token_part[..],
                &part("name=\"message\"", &[b'x'; 70 << 10]),
                &end,
            ]
            .concat(),
            413,
        ),
        (
            "a huge head",
            [&token_part[..], head.as_bytes()].concat(),
            400,
        ),
        ("nothing", Vec::new(), 400),
    ] {
        let response = browser.post_multipart("/ui/upload", body);
        assert_eq!(response.status, status, "{name}: {}", response.text());
    }
    assert_eq!(browser.api.content(), "");
}

#[test]
fn an_unknown_upload_is_not_found() {
    let mut browser = Session::without_keys();
    for id in ["0".repeat(64), "x".to_owned()] {
        let status = browser.get(&format!("/ui/upload/{id}")).status;
        assert_eq!(status, if id == "x" { 400 } else { 404 });
    }
    // A module that is kept is no plan.
    let preview = upload(&mut browser, &[], &[("a", &module(1))]);
    assert_eq!(browser.get(&preview).status, 200);
    let digest = crate::http::api::digest_of(&module(1));
    let response = browser.get(&format!(
        "/ui/upload/{}",
        digest.trim_start_matches("sha256:")
    ));
    assert_eq!(response.status, 404);
}

#[test]
fn the_parts_of_a_form_and_their_names_are_limited() {
    let mut browser = Session::without_keys();
    let form = browser.form("/ui/upload?branch=main");
    let token = part("name=\"token\"", form.field("token").as_bytes());
    let end = format!("--{BOUNDARY}--\r\n").into_bytes();
    let not_chosen = part("name=\"file\"; filename=\"\"", b"");
    let long_name = part(&format!("name=\"{}\"", "n".repeat(65)), b"");
    for parts in [not_chosen.repeat(1024), long_name] {
        let body = [token.clone(), parts, end.clone()].concat();
        let response = browser.post_multipart(&form.action, body);
        assert_eq!(response.status, 400, "{}", response.text());
        assert!(response.text().contains("parts"), "{}", response.text());
    }
}
