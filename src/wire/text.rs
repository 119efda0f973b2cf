//! Names as JSON strings.

use serde::{Serialize, Serializer};

/// A value whose JSON is the string that it displays as.
pub struct Text<T>(pub T);

impl<T: std::fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
