//! Standard output and standard error. All printing goes through this file.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write};

use serde::Serialize;

use super::color::{ColorChoice, DiffColor};
use super::exit::{Error, Result};
use super::pager::Pager;

/// The standard output of a command. If its reader closes it, writing returns [`Error::Closed`], which ends the command without a
/// failure.
pub(super) struct Output {
    sink: BufWriter<Box<dyn Write>>,
    pager: Option<Pager>,
    is_json: bool,
    is_terminal: bool,
    is_colored: bool,
}

impl Output {
    /// Returns standard output, for JSON or for text that may be colored.
    pub fn stdout(is_json: bool, color: ColorChoice) -> Self {
        let is_terminal = io::stdout().is_terminal();
        Self {
            is_terminal,
            is_colored: color.is_enabled(is_terminal),
            ..Self::with_sink(Box::new(io::stdout()), is_json)
        }
    }

    fn with_sink(sink: Box<dyn Write>, is_json: bool) -> Self {
        Self {
            sink: BufWriter::new(sink),
            pager: None,
            is_json,
            is_terminal: false,
            is_colored: false,
        }
    }

    /// Returns untrusted text, such as a commit message, with its control characters escaped if the output is a terminal: they could
    /// move the cursor and forge output.
    pub fn untrusted<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !self.is_terminal {
            return Cow::Borrowed(text);
        }
        Cow::Owned(text.lines().map(printable).collect::<Vec<_>>().join("\n"))
    }

    /// Returns the text in a color, if the output is colored.
    pub fn colored<'t>(&self, color: DiffColor, text: &'t str) -> Cow<'t, str> {
        if self.is_colored {
            Cow::Owned(color.paint(text))
        } else {
            Cow::Borrowed(text)
        }
    }

    /// Returns whether `--json` was given.
    pub fn is_json(&self) -> bool {
        self.is_json
    }

    /// Sends all further output through a pager.
    pub fn start_paging(&mut self, (pager, stdin): (Pager, Box<dyn Write>)) {
        self.sink = BufWriter::new(stdin);
        self.pager = Some(pager);
    }

    /// Writes bytes.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.sink.write_all(bytes).map_err(write_error)
    }

    /// Returns the writer behind the output.
    pub fn writer(&mut self) -> &mut impl Write {
        &mut self.sink
    }

    /// Writes formatted text.
    pub fn text(&mut self, text: fmt::Arguments<'_>) -> Result<()> {
        self.sink.write_fmt(text).map_err(write_error)
    }

    /// Writes a line of text.
    pub fn line(&mut self, line: impl fmt::Display) -> Result<()> {
        self.text(format_args!("{line}\n"))
    }

    /// Writes a JSON value and a newline.
    pub fn json(&mut self, value: &impl Serialize) -> Result<()> {
        self.line(to_json(value))
    }

    /// Writes an indented JSON value and a newline.
    pub fn json_pretty(&mut self, value: &impl Serialize) -> Result<()> {
        self.line(serde_json::to_string_pretty(value).expect("BUG: plain data is JSON"))
    }

    /// Writes the value if `--json` was given; without it, the command prints nothing.
    pub fn json_only(&mut self, value: &impl Serialize) -> Result<()> {
        if self.is_json {
            self.json(value)
        } else {
            Ok(())
        }
    }

    /// Writes the value if `--json` was given, and otherwise the line.
    pub fn json_or_line(&mut self, value: &impl Serialize, line: impl fmt::Display) -> Result<()> {
        if self.is_json {
            self.json(value)
        } else {
            self.line(line)
        }
    }

    /// Starts a JSON array whose elements are written one by one. Nothing is written before the first element or the end.
    pub fn array(&mut self) -> JsonArray<'_> {
        JsonArray {
            out: self,
            separator: "[",
        }
    }

    /// Writes out the buffer.
    pub fn flush(&mut self) -> Result<()> {
        self.sink.flush().map_err(write_error)
    }

    /// Writes out the buffer, and waits until the user quits the pager.
    pub fn finish(mut self) -> Result<()> {
        let flushed = self.flush();
        drop(self.sink);
        if let Some(pager) = self.pager {
            pager.wait();
        }
        flushed
    }
}

/// A JSON array that is being written.
pub(super) struct JsonArray<'o> {
    out: &'o mut Output,
    separator: &'static str,
}

impl JsonArray<'_> {
    /// Writes the next element.
    pub fn push(&mut self, element: &impl Serialize) -> Result<()> {
        let separator = std::mem::replace(&mut self.separator, ",\n");
        self.out
            .text(format_args!("{separator}{}", to_json(element)))
    }

    /// Ends the array.
    pub fn end(self) -> Result<()> {
        self.out
            .line(if self.separator == "[" { "[]" } else { "]" })
    }
}

/// Prints an error as one line on standard error.
pub(super) fn print_error(message: &str, color: ColorChoice) {
    print_labeled("wasmstore:", "1;31", message, color);
}

/// Prints a hint as one line on standard error.
pub(super) fn print_hint(hint: &str, color: ColorChoice) {
    print_labeled("hint:", "1;36", hint, color);
}

fn print_labeled(label: &str, code: &str, message: &str, color: ColorChoice) {
    let label = if color.is_enabled(io::stderr().is_terminal()) {
        format!("\u{1b}[{code}m{label}\u{1b}[0m")
    } else {
        label.to_owned()
    };
    // If standard error cannot be written, the failure cannot be reported anywhere.
    let _ = writeln!(io::stderr(), "{label} {}", printable(message));
}

/// Returns text with its control characters escaped, so that it stays on its line and cannot control the terminal.
pub(super) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            printable.extend(c.escape_default());
        } else {
            printable.push(c);
        }
    }
    printable
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("BUG: plain data is JSON")
}

fn write_error(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Error::Closed,
        _ => Error::Output(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A writer that always fails.
    struct FailingWriter(io::ErrorKind);

    impl Write for FailingWriter {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn write_failing_with(kind: io::ErrorKind) -> Result<()> {
        let mut out = Output::with_sink(Box::new(FailingWriter(kind)), false);
        out.line("a")?;
        out.finish()
    }

    #[test]
    fn closed_pipe_is_success() {
        let closed = write_failing_with(io::ErrorKind::BrokenPipe).unwrap_err();
        assert_eq!((closed.code(), matches!(closed, Error::Closed)), (0, true));
        let full = write_failing_with(io::ErrorKind::StorageFull).unwrap_err();
        assert_eq!((full.code(), matches!(full, Error::Output(_))), (1, true));
    }

    #[test]
    fn printable_escapes_control_characters() {
        assert_eq!(
            printable("a\nb\u{1b}[31m\u{9b}ä\t"),
            r"a\nb\u{1b}[31m\u{9b}ä\t"
        );
    }
}
