//! Every text is a search query that is parsed to the same query from its own text, or an error whose excerpt is short and has a caret.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wasmstore::store::Query;

fuzz_target!(|text: &str| match Query::parse(text) {
    Ok(query) => {
        assert_eq!(query.to_string(), text);
        assert!(text.len() <= 4096);
    }
    Err(error) => {
        let [query, caret] = error.excerpt();
        assert!(query.chars().count() <= 120, "{query}");
        assert!(caret.ends_with('^') && caret.len() <= query.chars().count() + 1);
        assert!(error.position() <= text.chars().count() + 1);
        assert!(error.to_string().len() <= 8192);
    }
});
