use axum::http::Method;

use super::*;

const EMPTY: &str = "has an empty key";
const FORM: &str = "is not KEY:METHODS";
const METHODS: &str = "has methods that are neither `*` nor a list like `GET,POST`";
const TWICE: &str = "has the same key as an earlier one";
const CHARACTER: &str = "has a key with a character that cannot be sent in a header";
const AUTHOR: &str = "has a malformed author";

fn may(keys: &Keys, key: &str, method: Method) -> Option<bool> {
    let grant = keys.find(key.as_bytes())?;
    Some(grant.methods.allow(&method))
}

fn fault(text: &str) -> KeyError {
    Keys::parse(text).map(|_| ()).unwrap_err()
}

fn fault_of_file(text: &str) -> KeyError {
    Keys::parse_file(text).map(|_| ()).unwrap_err()
}

#[test]
fn each_key_allows_its_methods() {
    let keys = Keys::parse("reader:GET;writer:POST,DELETE;root:*").unwrap();
    assert_eq!(may(&keys, "reader", Method::GET), Some(true));
    assert_eq!(may(&keys, "reader", Method::HEAD), Some(true));
    assert_eq!(may(&keys, "reader", Method::POST), Some(false));
    assert_eq!(may(&keys, "reader", Method::OPTIONS), Some(false));
    assert_eq!(may(&keys, "writer", Method::DELETE), Some(true));
    assert_eq!(may(&keys, "writer", Method::HEAD), Some(false));
    assert_eq!(may(&keys, "root", Method::PUT), Some(true));
    let own = Method::from_bytes(b"PROPFIND").unwrap();
    assert_eq!(may(&keys, "root", own), Some(true));
}

#[test]
fn a_key_with_another_method_is_a_warning() {
    let all = "GET,HEAD,POST,PUT,DELETE,CONNECT,OPTIONS,TRACE,PATCH";
    let warnings = |keys: &Keys| -> Vec<_> {
        let texts = keys.warnings().iter().map(KeyError::to_string);
        texts
            .map(|text| text.split_once(':').unwrap().0.to_owned())
            .collect()
    };
    let keys = Keys::parse(&format!("reader:GET;all:{all};writer:GTE,POST")).unwrap();
    assert_eq!(may(&keys, "all", Method::DELETE), Some(true));
    assert_eq!(may(&keys, "writer", Method::GET), Some(false));
    let expected = [2, 3].map(|n| format!("entry {n} of the keys has an unknown method"));
    assert_eq!(warnings(&keys), expected);
    let file = Keys::parse_file(&format!("# x\na:*\nb:{all}\n")).unwrap();
    let in_line = "line 3 of the keys has an unknown method";
    assert_eq!(warnings(&file), [in_line]);
    let both = file.and(Keys::parse("c:GET,TRACE").unwrap()).unwrap();
    assert_eq!(
        warnings(&both),
        [in_line, "entry 1 of the keys has an unknown method"]
    );
    // A key that allows no method that exists is useless.
    let error = Keys::parse("reader:GET;dav:PROPFIND").unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("entry 2 of the keys has an unknown method: use `*`, or GET, "),
        "{text}"
    );
}

#[test]
fn a_key_matches_only_exactly() {
    let longest = "k".repeat(256);
    let keys = Keys::parse(&format!("secret:*;{longest}:GET")).unwrap();
    let near = ["", "s", "secre", "secret ", "secret\0", "Secret", "secrets"];
    for given in near {
        assert!(keys.find(given.as_bytes()).is_none(), "{given:?}");
    }
    assert!(keys.find(&[0; 256]).is_none());
    assert!(keys.find(b"\xff\xfe").is_none());
    assert!(keys.find(&b"k".repeat(255)).is_none());
    assert!(keys.find(&b"k".repeat(257)).is_none());
    assert!(keys.find(&b"k".repeat(1 << 20)).is_none());
    assert_eq!(may(&keys, &longest, Method::PUT), Some(false));
    assert_eq!(may(&keys, "secret", Method::PUT), Some(true));
}

#[test]
fn one_trailing_semicolon_and_outer_white_space_are_ignored() {
    for text in ["a:GET;b:*", "a:GET;b:*;", " a:GET; b:* ;\n"] {
        let keys = Keys::parse(text).unwrap();
        assert_eq!(may(&keys, "a", Method::GET), Some(true), "{text:?}");
        assert_eq!(may(&keys, "b", Method::PUT), Some(true), "{text:?}");
        assert_eq!(format!("{keys:?}"), "Keys { count: 2, .. }");
    }
}

#[test]
fn errors_state_the_number_of_the_malformed_entry() {
    for empty in ["", " ", ";", "\n"] {
        assert_eq!(fault(empty), KeyError::Missing, "{empty:?}");
    }
    let long = format!("{}:*", "k".repeat(257));
    for (text, number, fault_expected) in [
        ("secret", 1, FORM),
        ("a:*;;", 2, FORM),
        (";a:*", 1, FORM),
        (";;", 1, FORM),
        ("a:*;secret", 2, FORM),
        (":GET", 1, EMPTY),
        (":", 1, EMPTY),
        ("a:", 1, METHODS),
        ("a:get", 1, METHODS),
        ("a:GET,", 1, METHODS),
        ("a:,GET", 1, METHODS),
        ("a:GET, POST", 1, METHODS),
        ("a:GET,GET", 1, METHODS),
        ("a:GET,*", 1, METHODS),
        ("a:**", 1, METHODS),
        ("a:GET POST", 1, METHODS),
        ("a:GÉT", 1, METHODS),
        ("a:GET:Ann <ann@example.org>", 1, METHODS),
        ("a:*;b:GET;a:POST", 3, TWICE),
        ("a :GET", 1, CHARACTER),
        ("ä:GET", 1, CHARACTER),
        ("a\tb:GET", 1, CHARACTER),
        (&long, 1, "has a key of more than 256 bytes"),
    ] {
        let fault_expected = KeyError::Entry {
            number,
            fault: fault_expected,
        };
        assert_eq!(fault(text), fault_expected, "{text:?}");
    }
}

#[test]
fn a_key_file_has_one_key_per_line_and_may_fix_the_author() {
    let keys = Keys::parse_file(
        "# readers\r\n\r\na;b c:GET\r\n  # writers\n\tx:*: Ann: Smith <ann@example.org> \n",
    )
    .unwrap();
    let reader = keys.find(b"a;b c").unwrap();
    assert_eq!(reader.methods, AllowedMethods::Only(vec![Method::GET]));
    assert_eq!(reader.author, None);
    let writer = keys.find(b"x").unwrap();
    assert_eq!(writer.methods, AllowedMethods::All);
    let author = "Ann: Smith <ann@example.org>".parse().unwrap();
    assert_eq!(writer.author, Some(author));
    assert!(keys.find(b"# readers").is_none());
}

#[test]
fn errors_state_the_number_of_the_malformed_line() {
    for empty in ["", "\n\n", "# a:*\n"] {
        assert_eq!(fault_of_file(empty), KeyError::Missing, "{empty:?}");
    }
    for (text, number, fault) in [
        ("# x\n\nsecret\n", 3, FORM),
        ("a:*\nb:* # b\n", 2, METHODS),
        ("a:*;b:*\n", 1, METHODS),
        ("a:*:\n", 1, AUTHOR),
        ("a:*:Ann <ann\n", 1, AUTHOR),
        ("a:get:Ann\n", 1, METHODS),
        (":*:Ann\n", 1, EMPTY),
        ("a:*\nb:*\na:GET:Ann\n", 3, TWICE),
        ("\u{feff}a:*\n", 1, CHARACTER),
    ] {
        let expected = KeyError::Line { number, fault };
        assert_eq!(fault_of_file(text), expected, "{text:?}");
    }
}

#[test]
fn two_sets_are_combined_if_they_share_no_key() {
    let given = || Keys::parse("a:GET").unwrap();
    let both = given().and(Keys::parse_file("b:*:Ann").unwrap()).unwrap();
    assert_eq!(may(&both, "a", Method::GET), Some(true));
    assert_eq!(may(&both, "b", Method::PUT), Some(true));
    let shared = given().and(Keys::parse_file("b:*\na:GET").unwrap());
    assert_eq!(shared.unwrap_err(), KeyError::Shared);
}

#[test]
fn errors_and_debug_output_contain_no_key() {
    let wrong = [
        "hunter2",
        "hunter2:hunter2",
        "GET:hunter2",
        "hunter2:*;hunter2:*",
        "a:*;hunter2 :GET",
        "a:GET:hunter2",
        "hunter2\u{e9}:*",
        "a:*:<hunter2",
        "a:*\nhunter2\n",
    ];
    for text in wrong {
        let errors = [Keys::parse(text).err(), Keys::parse_file(text).err()];
        assert!(errors.iter().any(Option::is_some), "{text:?}");
        for error in errors.into_iter().flatten() {
            let text = format!("{error} {error:?}");
            assert!(!text.contains("hunter2") && !text.contains('\n'), "{text}");
        }
    }
    let keys = Keys::parse("hunter2:*").unwrap();
    assert_eq!(format!("{keys:?}"), "Keys { count: 1, .. }");
}
