//! Prints WIT as text of limited length.

use wit_component::{Output, WitPrinter};
use wit_parser::{PackageId, Resolve, Type};

use super::WitError;

/// The output of the WIT printer. Only the first `bytes_max` bytes are kept.
#[derive(Debug)]
pub(super) struct BoundedText {
    text: String,
    bytes_max: usize,
    /// Whether the output was longer than `bytes_max`.
    is_cut: bool,
    indent: usize,
    at_line_start: bool,
}

/// Prints the package `main` and then all other packages in `resolve`, as `wasm-tools component wit` does. Returns the text, and whether it
/// was cut. The text has at most `bytes_max` bytes; a longer one is cut at the end of a line.
pub(super) fn print(
    resolve: &Resolve,
    main: PackageId,
    bytes_max: usize,
) -> Result<(String, bool), WitError> {
    let mut printer = WitPrinter::new(BoundedText::new(bytes_max));
    let packages = resolve.packages.iter().map(|(id, _)| id);
    let others: Vec<_> = packages.filter(|id| *id != main).collect();
    printer
        .print(resolve, main, &others)
        .map_err(WitError::undecodable)?;
    let mut output = printer.output;
    if output.is_cut {
        let end = output.text.rfind('\n').map_or(0, |newline| newline + 1);
        output.text.truncate(end);
    }
    Ok((output.text, output.is_cut))
}

impl BoundedText {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            text: String::new(),
            bytes_max,
            is_cut: false,
            indent: 0,
            at_line_start: false,
        }
    }

    /// Returns the text on one line. It ends with `…` if it is cut.
    pub(super) fn into_line(self) -> String {
        let mut line = String::with_capacity(self.text.len());
        for part in self.text.split_ascii_whitespace() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(part);
        }
        if self.is_cut {
            line.push('…');
        }
        line
    }

    /// Adds the name of a type, or its definition if it has no name.
    pub(super) fn print_type(self, resolve: &Resolve, ty: &Type) -> Result<Self, WitError> {
        let mut printer = WitPrinter::new(self);
        printer
            .print_type_name(resolve, ty)
            .map_err(WitError::undecodable)?;
        Ok(printer.output)
    }
}

/// Produces the same text as `wit_component::OutputToString`, but with a limit on its length.
impl Output for BoundedText {
    fn push_str(&mut self, text: &str) {
        if self.is_cut {
            return;
        }
        let room = self.bytes_max - self.text.len();
        if text.len() <= room {
            self.text.push_str(text);
            return;
        }
        self.is_cut = true;
        let end = (0..=room).rev().find(|end| text.is_char_boundary(*end));
        self.text.push_str(&text[..end.unwrap_or(0)]);
    }

    fn indent_if_needed(&mut self) -> bool {
        let needed = std::mem::take(&mut self.at_line_start);
        if needed {
            for _ in 0..self.indent {
                self.push_str("  ");
            }
        }
        needed
    }

    fn indent_start(&mut self) {
        self.push_str(" {");
        self.indent += 1;
        self.newline();
    }

    fn indent_end(&mut self) {
        self.indent = self.indent.saturating_sub(1);
        self.indent_if_needed();
        self.push_str("}");
        self.newline();
    }

    fn newline(&mut self) {
        self.push_str("\n");
        self.at_line_start = true;
    }
}
