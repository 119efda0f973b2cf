//! The error for a configuration file never repeats a value, which may be a secret.

#![no_main]

use libfuzzer_sys::fuzz_target;

/// Stands for a secret. It is neither a key, a number nor a legal branch name, which errors may repeat.
const SECRET: &str = "hunter2~hunter2";

fuzz_target!(|text: &str| {
    let text = text.replace('\u{1}', SECRET);
    if let Err(error) = wasmstore::cli::parse_configuration(&text) {
        assert!(!error.contains(SECRET), "{text:?}: {error}");
    }
});
