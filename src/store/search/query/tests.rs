use proptest::prelude::*;

use super::*;

fn fault(query: &str) -> (usize, String) {
    let error = Query::parse(query).unwrap_err();
    (error.offset, error.fault)
}

#[test]
fn terms_have_keys_values_and_bounds() {
    let query = "export:run -import:wasi:http@0.2 crate:tokio<1.40 size>=1KiB path:plugins/** \"two words\" license:MIT";
    let parsed = Query::parse(query).unwrap();
    let shown: Vec<_> = parsed
        .terms
        .iter()
        .map(|term| {
            format!(
                "{}{:?}",
                if term.is_negated { "-" } else { "" },
                term.condition
            )
        })
        .collect();
    assert!(
        shown[0].starts_with(
            "Item(Export, ItemPattern { text: \"run\", name: NamePattern(\"run\"), bound: Any })"
        ),
        "{shown:?}"
    );
    assert!(
        shown[1].starts_with("-Item(Import, ItemPattern { text: \"wasi:http@0.2\", name: NamePattern(\"wasi:http\"), bound: Required("),
        "{shown:?}"
    );
    assert!(
        shown[2].starts_with("Item(Crate, ItemPattern { text: \"tokio<1.40\", name: NamePattern(\"tokio\"), bound: Required("),
        "{shown:?}"
    );
    assert_eq!(shown[3], format!("Size(1024..={})", u64::MAX));
    assert!(shown[4].starts_with("Path(Glob"), "{shown:?}");
    assert_eq!(shown[5], "Words(\"two words\")");
    assert!(shown[6].contains("NamePattern(\"mit\")"), "{shown:?}");
    assert_eq!(parsed.to_string(), query);
}

#[test]
fn errors_point_to_the_fault() {
    for (query, offset, part) in [
        ("", 0, "no terms"),
        ("a foo:bar", 2, "`foo:` is not a key"),
        ("a \"b", 2, "the quote has no end"),
        ("\"a\"b", 3, "a space is missing"),
        ("a\"b", 1, "a quote begins inside"),
        ("export:", 7, "a value is missing"),
        ("import:@1", 7, "a name is missing"),
        ("crate:tokio<x", 11, "not a version requirement"),
        ("size>1XB", 4, "not a size"),
        ("a !", 2, "no word"),
        ("-", 1, "a value is missing"),
        ("kind:modul", 5, "did you mean `kind:module`?"),
        ("kind:core", 5, "which are component, module"),
        ("-needs:thread", 7, "did you mean `needs:threads`?"),
        ("needs:threads@1", 6, "is not a value of `needs:`"),
        ("size>1 MB", 7, "write `size>1MB`"),
        ("size > 1MB", 5, "write `size>1MB`"),
        ("size >1MB", 5, "write `size>1MB`"),
        ("-size> 1MB", 5, "write `size>1MB`"),
        ("crate:tokio < 1.40", 12, "write `crate:tokio<1.40`"),
        ("import=wasi:http", 0, "write `import:wasi:http`"),
        ("a needs>=2.0", 2, "write `needs:2.0`"),
        ("export:add OR export:sub", 11, "`OR` is not an operator"),
    ] {
        let (found, text) = fault(query);
        assert_eq!(found, offset, "{query}: {text}");
        assert!(text.contains(part), "{query}: {text}");
    }
}

#[test]
fn words_and_values_that_can_match_are_no_faults() {
    for query in [
        "kind:mod* needs:2 needs:1.0 -needs:*",
        "\"OR\" or MB \"size\" \">1MB\" \"import=wasi:http\"",
        "size<=1MB mb1 kind importer=x a=b size",
        "needs:component-model needs:threads needs:simd",
    ] {
        Query::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    }
}

#[test]
fn the_caret_is_below_the_fault_and_long_queries_are_cut() {
    let error = Query::parse("ä\tfoo:bar").unwrap_err();
    assert_eq!(error.excerpt(), ["ä foo:bar", "  ^"]);
    let long = format!("{} foo:bar {}", "x ".repeat(40), "y ".repeat(500));
    let [shown, caret] = Query::parse(&long).unwrap_err().excerpt();
    assert!(shown.len() <= 2 * SHOWN_CHARS);
    assert!(shown[caret.len() - 1..].starts_with("foo:bar"));
}

#[test]
fn queries_are_limited_in_length_and_terms() {
    assert_eq!(fault(&"x".repeat(100_000)).0, QUERY_BYTES_MAX);
    assert_eq!(fault(&"ä".repeat(50_000)).0, QUERY_BYTES_MAX);
    let terms = |count| "x ".repeat(count);
    Query::parse(&terms(TERMS_MAX)).unwrap();
    assert_eq!(fault(&terms(TERMS_MAX + 1)).0, 2 * TERMS_MAX);
    fault(&"\"".repeat(4001));
}

proptest! {
    #[test]
    fn every_text_is_a_query_or_an_error_with_a_position(text in "([a-z]{1,7}:)?[-\"@<>=*a-z0-9. ä\t]{0,40}") {
        if let Err(error) = Query::parse(&text) {
            prop_assert!(error.query.is_char_boundary(error.offset));
            let [shown, caret] = error.excerpt();
            prop_assert!(caret.chars().count() <= shown.chars().count() + 1);
        }
    }
}
