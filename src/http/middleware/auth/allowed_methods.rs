//! The HTTP methods that an API key allows.

use std::fmt;

use axum::http::Method;

/// The methods that the HTTP API and git use, and OPTIONS. A key whose list has any other method causes a warning: the method is probably a
/// typing error such as `GTE`, which would otherwise only be noticed when a client is refused. It is not an error, because the list may
/// name all methods that exist.
const KNOWN: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// The text of the warning or error about an unknown method. It does not quote the method: if a key contains a colon, a part of the key may
/// have been parsed as the methods.
pub(super) const UNKNOWN: &str = "has an unknown method: use `*`, or GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS in a list like `GET,POST`";

/// The HTTP methods that an API key allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::http) enum AllowedMethods {
    /// All methods.
    #[default]
    All,
    /// These methods, and HEAD if GET is among them.
    Only(Vec<Method>),
}

impl AllowedMethods {
    /// Parses `*`, or a list of upper-case methods separated by commas, of which at least one is known.
    ///
    /// # Errors
    /// If the text is malformed or all methods are unknown. The error is the end of a sentence that begins with "entry 1 of the keys".
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text == "*" {
            return Ok(Self::All);
        }
        let mut methods = Vec::new();
        for name in text.split(',') {
            let is_upper_case =
                !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase());
            match Method::from_bytes(name.as_bytes()) {
                Ok(method) if is_upper_case && !methods.contains(&method) => methods.push(method),
                _ => return Err("has methods that are neither `*` nor a list like `GET,POST`"),
            }
        }
        if methods.iter().any(is_known) {
            Ok(Self::Only(methods))
        } else {
            Err(UNKNOWN)
        }
    }

    /// Returns whether the list has an unknown method, which neither the HTTP API nor git uses.
    pub fn has_unknown(&self) -> bool {
        match self {
            Self::All => false,
            Self::Only(methods) => !methods.iter().all(is_known),
        }
    }

    /// Returns whether the method is allowed. GET implies HEAD.
    pub fn allow(&self, method: &Method) -> bool {
        match self {
            Self::All => true,
            Self::Only(methods) => {
                let implied = method == Method::HEAD && methods.contains(&Method::GET);
                implied || methods.contains(method)
            }
        }
    }
}

fn is_known(method: &Method) -> bool {
    KNOWN.contains(method)
}

/// Writes the text that [`AllowedMethods::parse`] parses.
impl fmt::Display for AllowedMethods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Only(methods) => {
                let names: Vec<_> = methods.iter().map(Method::as_str).collect();
                f.write_str(&names.join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_displayed_form_parses_to_the_same_methods() {
        for text in ["*", "GET", "GET,POST,DELETE"] {
            assert_eq!(AllowedMethods::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(AllowedMethods::default(), AllowedMethods::All);
    }

    #[test]
    fn unknown_methods_are_found_and_one_must_be_known() {
        for text in ["GTE", "PROPFIND", "TRACE,CONNECT", "GETPOST"] {
            assert_eq!(AllowedMethods::parse(text), Err(UNKNOWN), "{text}");
        }
        for (text, has_unknown) in [
            ("*", false),
            ("GET,OPTIONS", false),
            ("GET,POST,TRACE", true),
            ("GTE,POST", true),
        ] {
            let methods = AllowedMethods::parse(text).unwrap();
            assert_eq!(methods.has_unknown(), has_unknown, "{text}");
            assert_eq!(methods.to_string(), text);
        }
        for method in KNOWN {
            assert!(UNKNOWN.contains(method.as_str()), "{method}");
        }
    }

    #[test]
    fn get_implies_head_and_nothing_else() {
        let get = AllowedMethods::parse("GET").unwrap();
        assert!(get.allow(&Method::GET) && get.allow(&Method::HEAD));
        assert!(!get.allow(&Method::OPTIONS) && !get.allow(&Method::POST));
        let head = AllowedMethods::parse("HEAD").unwrap();
        assert!(head.allow(&Method::HEAD) && !head.allow(&Method::GET));
        let lower = Method::from_bytes(b"get").unwrap();
        assert!(!get.allow(&lower) && AllowedMethods::All.allow(&lower));
    }
}
