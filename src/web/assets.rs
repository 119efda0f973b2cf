//! The files that pages load: a style sheet, a script and an icon. They are part of the executable.
//!
//! The name of each file contains a hash of its content. So a browser can cache the file forever, and pages of a new version of wasmstore
//! never load an old file.

use std::hash::{DefaultHasher, Hasher};
use std::sync::LazyLock;

/// A file that pages load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// The file name, with the hash of the content.
    pub name: String,
    /// The value of `Content-Type`.
    pub media_type: &'static str,
    /// The content of the file.
    pub bytes: &'static [u8],
}

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("assets/style.css");
    Asset::new("style", "css", "text/css; charset=utf-8", bytes)
});

static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("assets/ui.js");
    Asset::new("ui", "js", "text/javascript; charset=utf-8", bytes)
});

static ICON: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("assets/icon.svg");
    Asset::new("icon", "svg", "image/svg+xml", bytes)
});

impl Asset {
    fn new(stem: &str, extension: &str, media_type: &'static str, bytes: &'static [u8]) -> Self {
        // A hash without collision resistance is enough, because only the authors of wasmstore choose the content.
        let mut hasher = DefaultHasher::new();
        hasher.write(bytes);
        Self {
            name: format!("{stem}-{:016x}.{extension}", hasher.finish()),
            media_type,
            bytes,
        }
    }
}

/// Returns the style sheet.
pub fn style() -> &'static Asset {
    &STYLE
}

/// Returns the script, an ES module.
pub fn script() -> &'static Asset {
    &SCRIPT
}

/// Returns the icon of the site.
pub fn icon() -> &'static Asset {
    &ICON
}

/// Returns the file with this name; `None` if there is none.
pub fn find(name: &str) -> Option<&'static Asset> {
    let mut all = [style(), script(), icon()].into_iter();
    all.find(|asset| asset.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_are_found_by_the_name_with_the_hash_only() {
        assert_eq!(find(&style().name), Some(style()));
        assert_eq!(find("style.css"), None);
        assert_eq!(find("style-0000000000000000.css"), None);
        let lines = script().bytes.split(|byte| *byte == b'\n').count();
        assert!(lines <= 250, "the script has {lines} lines");
    }
}
