//! A candidate for the word that is being completed.

/// A word that the shell offers as a completion, and its description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Candidate {
    /// The word with its completion, in full. The path of a directory ends with a slash.
    pub value: String,
    /// What the value is, in one line for the user. Empty if there is nothing to say.
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

    /// Returns whether the value can be printed as one line: it is not empty, and contains no control characters.
    pub fn is_line(&self) -> bool {
        !self.value.is_empty() && !self.value.contains(char::is_control)
    }
}
