//! Encodes the items of a list as JSON, up to a size limit.

use serde::Serialize;

/// Whether a list is a JSON object or an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListKind {
    Object,
    Array,
}

impl ListKind {
    fn brackets(self) -> [u8; 2] {
        match self {
            Self::Object => *b"{}",
            Self::Array => *b"[]",
        }
    }
}

/// The JSON of consecutive items of a list, up to a size limit. It begins with the opening bracket if it is the first part of the list.
#[derive(Clone)]
pub(super) struct JsonItems {
    json: Vec<u8>,
    kind: ListKind,
    /// The size limit in bytes: once `json` has this size, no further item is added.
    bytes_max: usize,
    /// The number of items that may still be added to this part.
    left: usize,
    /// Whether the next item is the first one of the list.
    is_at_start: bool,
}

impl JsonItems {
    /// Returns the first part of a list, with the opening bracket and no items.
    pub fn first(kind: ListKind, bytes_max: usize, items_max: usize) -> Self {
        Self {
            json: vec![kind.brackets()[0]],
            kind,
            bytes_max,
            left: items_max,
            is_at_start: true,
        }
    }

    /// Returns a later part of a list, with no items. The earlier parts must have at least one item.
    pub fn next(kind: ListKind, bytes_max: usize) -> Self {
        Self {
            json: Vec::with_capacity(bytes_max),
            kind,
            bytes_max,
            left: usize::MAX,
            is_at_start: false,
        }
    }

    /// Appends an item to an array, unless this part of the list is full. Returns whether the item was appended. The first item of a list
    /// is appended even if it is larger than the limit.
    pub fn push(&mut self, item: &impl Serialize) -> bool {
        self.begin_item() && {
            write(&mut self.json, item);
            true
        }
    }

    /// Appends an entry to an object. Otherwise like [`push`](Self::push).
    pub fn push_entry(&mut self, key: &impl Serialize, value: &impl Serialize) -> bool {
        self.begin_item() && {
            write(&mut self.json, key);
            self.json.push(b':');
            write(&mut self.json, value);
            true
        }
    }

    fn begin_item(&mut self) -> bool {
        if self.left == 0 || (!self.is_at_start && self.json.len() >= self.bytes_max) {
            return false;
        }
        self.left -= 1;
        if !std::mem::take(&mut self.is_at_start) {
            self.json.push(b',');
        }
        true
    }

    /// Returns the JSON. If `is_end`, the list ends with this part, and the JSON ends with the closing bracket.
    pub fn finish(mut self, is_end: bool) -> Vec<u8> {
        if is_end {
            self.json.push(self.kind.brackets()[1]);
        }
        self.json.shrink_to_fit();
        self.json
    }
}

fn write(json: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(json, value).expect("BUG: plain data is JSON");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_list_join_to_one_json_value() {
        for (kind, expected) in [
            (ListKind::Array, r#"["0","1","2","3","4"]"#),
            (ListKind::Object, r#"{"0":0,"1":1,"2":2,"3":3,"4":4}"#),
        ] {
            for bytes_max in 1..expected.len() + 2 {
                let mut parts = Vec::new();
                let mut items = JsonItems::first(kind, bytes_max, usize::MAX);
                let mut n = 0;
                while n < 5 {
                    let is_pushed = match kind {
                        ListKind::Array => items.push(&n.to_string()),
                        ListKind::Object => items.push_entry(&n.to_string(), &n),
                    };
                    if is_pushed {
                        n += 1;
                    } else {
                        let next = JsonItems::next(kind, bytes_max);
                        parts.push(std::mem::replace(&mut items, next).finish(false));
                    }
                }
                parts.push(items.finish(true));
                assert_eq!(String::from_utf8(parts.concat()).unwrap(), expected);
                assert!(bytes_max > 8 || parts.len() > 2, "{bytes_max}");
            }
        }
        let empty = JsonItems::first(ListKind::Object, 9, 0).finish(true);
        assert_eq!(empty, b"{}");
    }

    #[test]
    fn page_has_at_most_its_number_of_items() {
        let mut items = JsonItems::first(ListKind::Array, 100, 2);
        assert!(items.push(&1) && items.push(&2) && !items.push(&3));
        assert_eq!(items.finish(true), b"[1,2]");
    }
}
