//! A candidate for the word that is being completed.

/// A text that the word may become, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Candidate {
    /// The whole word. A directory ends with a slash.
    pub value: String,
    /// One line, which may be empty.
    pub description: String,
}

impl Candidate {
    /// Creates a candidate. Only the first line of the description is used.
    pub fn new(value: impl Into<String>, description: impl AsRef<str>) -> Self {
        let line = description.as_ref().lines().next().unwrap_or_default();
        Self {
            value: value.into(),
            description: line.replace('\t', " "),
        }
    }

    /// Returns whether a shell can be given the value as a line.
    pub fn is_line(&self) -> bool {
        !self.value.is_empty() && !self.value.contains(char::is_control)
    }
}
