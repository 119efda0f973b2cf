//! Demangles symbols of Rust and C++, and finds the crate or namespace in the name of a function.
//!
//! Some linkers write mangled symbols into the name section, others write demangled names, so both are supported.

use std::fmt::{self, Write as _};

use cpp_demangle::{DemangleOptions, ParseOptions, Symbol};

/// The maximum length of a demangled name, in bytes. The limit exists because a symbol can refer back to its own parts, so that its
/// demangled name is exponentially longer.
const DEMANGLED_BYTES_MAX: usize = 4096;
/// The maximum depth of nested types in a symbol of C++.
const RECURSION_MAX: u32 = 96;

/// Returns the demangled name for a mangled symbol: of Rust without the hash, of C++ with the types of the parameters. Returns `None` for
/// any other text, and if the demangled name would be longer than 4 KiB.
pub fn demangle(symbol: &str) -> Option<String> {
    let mut name = BoundedName(String::new());
    if let Ok(rust) = rustc_demangle::try_demangle(symbol) {
        write!(name, "{rust:#}").ok()?;
        return Some(name.0);
    }
    if !symbol.starts_with("_Z") {
        return None;
    }
    let options = ParseOptions::default().recursion_limit(RECURSION_MAX);
    let cpp = Symbol::new_with_options(symbol, &options).ok()?;
    let options = DemangleOptions::new().recursion_limit(RECURSION_MAX);
    cpp.structured_demangle(&mut name, &options).ok()?;
    Some(name.0)
}

/// A text that can be written to until it has [`DEMANGLED_BYTES_MAX`] bytes.
struct BoundedName(String);

impl fmt::Write for BoundedName {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > DEMANGLED_BYTES_MAX {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// Returns the crate (Rust) or the outermost namespace or class (C++) in a symbol, which may be mangled or demangled. For a method of a
/// trait, returns the crate of the type, or the crate of the trait if the type is a primitive type or a type parameter.
pub(super) fn group_of(symbol: &str) -> Option<&str> {
    if let Some(rest) = symbol.strip_prefix("_R") {
        return rust_v0(rest);
    }
    if let Some(rest) = symbol.strip_prefix("_ZN") {
        return match has_rust_hash(symbol) {
            true => rust_legacy(rest),
            false => cpp_nested(rest),
        };
    }
    if symbol.starts_with("_Z") {
        return symbol.starts_with("_ZSt").then_some("std");
    }
    demangled(symbol)
}

/// Returns the crate of the first path in a
/// [v0 symbol](https://doc.rust-lang.org/rustc/symbol-mangling/v0.html), without its prefix `_R`.
fn rust_v0(mut rest: &str) -> Option<&str> {
    loop {
        let tag = *rest.as_bytes().first()?;
        rest = rest.get(1..)?;
        match tag {
            b'C' => return identifier(skip_disambiguator(rest)?),
            b'N' => rest = rest.get(1..)?,
            b'I' => {}
            b'M' | b'X' => rest = skip_disambiguator(rest)?,
            // `<T as Trait>` with a primitive type `T`: the path of the trait follows the type.
            b'Y' if rest.starts_with(|c: char| c.is_ascii_lowercase()) => rest = rest.get(1..)?,
            b'Y' => {}
            _ => return None,
        }
    }
}

/// Returns the rest of a v0 symbol after an optional disambiguator: `s`, a number in base 62, and `_`.
fn skip_disambiguator(rest: &str) -> Option<&str> {
    match rest.strip_prefix('s') {
        Some(number) => number.split_once('_').map(|(_, rest)| rest),
        None => Some(rest),
    }
}

/// Returns the identifier at the start of `rest`, which is encoded as its length and its text.
fn identifier(rest: &str) -> Option<&str> {
    let rest = rest.strip_prefix('u').unwrap_or(rest);
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let length: usize = rest[..digits].parse().ok()?;
    let rest = &rest[digits..];
    // If the identifier starts with a digit or an underscore, an additional underscore follows the length. The length does not include it.
    let rest = match rest.get(..1)? {
        "_" if rest.len() > length => &rest[1..],
        _ => rest,
    };
    rest.get(..length).filter(|name| !name.is_empty())
}

/// Returns whether the symbol ends with the hash of Rust's legacy mangling.
fn has_rust_hash(symbol: &str) -> bool {
    // Most symbols have no dot, and a search for one character takes a fraction of the time.
    let symbol = match symbol.contains('.') {
        true => symbol.split_once(".llvm.").map_or(symbol, |(head, _)| head),
        false => symbol,
    };
    let Some(end) = symbol.strip_suffix('E').and_then(|rest| {
        let start = rest.len().checked_sub("17h0123456789abcdef".len())?;
        rest.get(start..)
    }) else {
        return false;
    };
    let is_hex = |hash: &str| hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    end.strip_prefix("17h").is_some_and(is_hex)
}

fn rust_legacy(rest: &str) -> Option<&str> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let length: usize = rest[..digits].parse().ok()?;
    let first = rest[digits..].get(..length)?;
    let Some(ty) = first.strip_prefix("_$LT$") else {
        return Some(first).filter(|name| is_identifier(name));
    };
    let with_crate = |path: &'_ str| -> Option<usize> { path.find("..") };
    let ty = skip_all(ty, &["$RF$", "mut$u20$", "dyn$u20$", "impl$u20$"]);
    let crate_of = |path: &'_ str| with_crate(path).filter(|end| is_identifier(&path[..*end]));
    if let Some(end) = crate_of(ty) {
        return Some(&ty[..end]);
    }
    let (_, of_trait) = ty.split_once("$u20$as$u20$")?;
    crate_of(of_trait).map(|end| &of_trait[..end])
}

/// Returns the first part of a nested name in the mangling of the [Itanium C++
/// ABI](https://itanium-cxx-abi.github.io/cxx-abi/abi.html#mangling), without its prefix `_ZN`.
fn cpp_nested(rest: &str) -> Option<&str> {
    let rest = rest.trim_start_matches(['r', 'V', 'K', 'R', 'O']);
    if rest.starts_with('S') {
        let is_std = matches!(
            rest.as_bytes().get(1),
            Some(b't' | b'a' | b's' | b'b' | b'i' | b'o' | b'd')
        );
        return is_std.then_some("std");
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let length: usize = rest[..digits].parse().ok()?;
    match rest[digits..].get(..length)? {
        name if name.starts_with("_GLOBAL__N") => Some(ANONYMOUS),
        name => Some(name).filter(|name| is_identifier(name)),
    }
}

const ANONYMOUS: &str = "(anonymous namespace)";

/// Returns the crate or namespace in a demangled name of Rust or C++, such as `core` in `<core::fmt::Error as core::fmt::Debug>::fmt` and
/// `std` in `void std::sort<int*>(int*, int*)`.
fn demangled(name: &str) -> Option<&str> {
    // Most names have no `::`, so this is decided first.
    if !name.as_bytes().contains(&b':') {
        return name.starts_with(ANONYMOUS).then_some(ANONYMOUS);
    }
    if let Some(ty) = name.strip_prefix('<') {
        let ty = skip_all(ty, &["&", "mut ", "dyn ", "impl "]);
        return scope(ty).or_else(|| scope(ty.split_once(" as ")?.1));
    }
    if name.starts_with(ANONYMOUS) {
        return Some(ANONYMOUS);
    }
    scope(name).or_else(|| scope(without_return_type(name)))
}

/// Returns the identifier at the start of `path`, if it is followed by `::`.
fn scope(path: &str) -> Option<&str> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$');
    let end = path.bytes().take_while(is_part).count();
    let name = &path[..end];
    (path[end..].starts_with("::") && is_identifier(name)).then_some(name)
}

/// Returns a demangled C++ name without its return type: the text after the last space that is neither in template arguments nor in the
/// parameters.
fn without_return_type(name: &str) -> &str {
    let (mut depth, mut start) = (0_usize, 0);
    for (position, byte) in name.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' => depth = depth.saturating_sub(1),
            b'(' if depth == 0 => break,
            b' ' if depth == 0 => start = position + 1,
            _ => {}
        }
    }
    &name[start..]
}

fn skip_all<'t>(mut text: &'t str, prefixes: &[&str]) -> &'t str {
    while let Some(rest) = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix)) {
        text = rest;
    }
    text
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_' || !first.is_ascii())
        && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_of_rust_and_cpp_are_demangled() {
        for (symbol, name) in [
            ("_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write"),
            ("_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar"),
            ("_ZNSt6vectorIiE4pushEi", "std::vector<int>::push(int)"),
            ("_Z3addii", "add(int, int)"),
        ] {
            assert_eq!(demangle(symbol).as_deref(), Some(name), "{symbol}");
        }
        for other in ["", "add", "_Z", "_ZN", "_R", "std::sort(int)", "_ZN4core"] {
            assert_eq!(demangle(other), None, "{other}");
        }
    }

    #[test]
    fn a_symbol_that_becomes_exponentially_longer_is_not_demangled() {
        // Each pair of template arguments refers back to the previous pair twice.
        let pairs: String = (0..30).map(|n| format!("4pairIS{n}_S{n}_E")).collect();
        assert_eq!(demangle(&format!("_Z1fI1aE{pairs}v")), None);
        let deep = format!("_Z1f{}i", "P".repeat(100_000));
        assert_eq!(demangle(&deep), None);
    }

    #[test]
    fn the_crate_or_namespace_of_a_symbol_is_found() {
        for (symbol, group) in [
            ("_ZN4core3fmt5write17h0123456789abcdefE", "core"),
            ("_ZN4core3fmt5write17h0123456789abcdefE.llvm.123", "core"),
            (
                "_ZN66_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..ops..drop..Drop$GT$4drop17h0123456789abcdefE",
                "alloc",
            ),
            (
                "_ZN50_$LT$$RF$mut$u20$W$u20$as$u20$core..fmt..Write$GT$9write_str17h0123456789abcdefE",
                "core",
            ),
            ("_RNvNtCs1234_7mycrate3foo3bar", "mycrate"),
            ("_RNvXs_NtCshash_5alloc3vecINtB4_3VecE4drop", "alloc"),
            ("_RNvYjNtCs1_4core5Debug3fmt", "core"),
            ("_RINvNtC3std3mem8align_ofdE", "std"),
            ("_ZNSt3__212basic_stringIcE6appendEPKc", "std"),
            ("_ZNK6google8protobuf7Message4sizeEv", "google"),
            ("_ZSt4sortIPiEvT_S1_", "std"),
            ("_ZN12_GLOBAL__N_13fooEv", ANONYMOUS),
            ("core::fmt::write::h0123456789abcdef", "core"),
            (
                "<alloc::vec::Vec<T> as core::ops::drop::Drop>::drop",
                "alloc",
            ),
            ("<&mut W as core::fmt::Write>::write_str", "core"),
            ("void std::__2::__sort<int*>(int*, foo::bar)", "std"),
            ("std::__2::basic_ios<char>::init(void*)", "std"),
            ("non-virtual thunk to ns::Class::~Class()", "ns"),
            ("(anonymous namespace)::f(int)", ANONYMOUS),
        ] {
            assert_eq!(group_of(symbol), Some(group), "{symbol}");
        }
        for none in [
            "",
            "main",
            "_Z3addii",
            "_ZN",
            "_ZN99x",
            "_R",
            "_RC",
            "_RNv",
            "_RCs",
            "_RC9x",
            "_RC0_",
            "add(foo::bar)",
            "::x",
            "a b",
            "operator new(unsigned long)",
            "_ZN3+++1aEv",
            "é",
            "<",
            "_ZN5_$LT$17h0123456789abcdefE",
        ] {
            assert_eq!(group_of(none), None, "{none}");
        }
    }
}
