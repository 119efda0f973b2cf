//! The methods that a key is good for.

use std::fmt;

use axum::http::Method;

/// The methods that a key is good for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::http) enum Methods {
    /// Every one.
    #[default]
    All,
    /// These, and what they imply.
    Only(Vec<Method>),
}

impl Methods {
    /// Reads `*`, or upper-case methods joined by commas.
    ///
    /// # Errors
    /// What is wrong, said of the entry that holds them.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text == "*" {
            return Ok(Self::All);
        }
        let mut methods = Vec::new();
        for name in text.split(',') {
            let upper = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase());
            match Method::from_bytes(name.as_bytes()) {
                Ok(method) if upper && !methods.contains(&method) => methods.push(method),
                _ => return Err("has methods that are neither `*` nor like `GET,POST`"),
            }
        }
        Ok(Self::Only(methods))
    }

    /// Whether the method is among them; GET implies HEAD.
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

/// As [`Methods::parse`] reads it.
impl fmt::Display for Methods {
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
    fn methods_are_written_as_they_are_read() {
        for text in ["*", "GET", "GET,POST,DELETE"] {
            assert_eq!(Methods::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Methods::default(), Methods::All);
    }

    #[test]
    fn get_implies_head_and_nothing_else() {
        let get = Methods::parse("GET").unwrap();
        assert!(get.allow(&Method::GET) && get.allow(&Method::HEAD));
        assert!(!get.allow(&Method::OPTIONS) && !get.allow(&Method::POST));
        let head = Methods::parse("HEAD").unwrap();
        assert!(head.allow(&Method::HEAD) && !head.allow(&Method::GET));
        let lower = Method::from_bytes(b"get").unwrap();
        assert!(!get.allow(&lower) && Methods::All.allow(&lower));
    }
}
