//! Standard output and standard error. All printing goes through this file.
//!
//! On a terminal, control and bidirectional control characters in names, messages and contents could forge or hide output. So they are
//! escaped there: as `\u{202e}` in text, and as `\u202e` in JSON, where this is a JSON escape. Pipes and files get the unescaped
//! characters.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write};

use serde::Serialize;

use super::color::{ColorChoice, DiffColor};
use super::exit::{Error, Result};
use super::pager::Pager;
use super::progress::without_bars;
use crate::names::{is_display_control, printable};

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
    /// Creates an output that writes to standard output. `is_json` is the value of `--json`.
    pub fn stdout(is_json: bool, color: ColorChoice) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let sink: Box<dyn Write> = match is_terminal {
            true => Box::new(Terminal),
            false => Box::new(io::stdout()),
        };
        Self {
            is_terminal,
            is_colored: color.is_enabled(is_terminal),
            ..Self::with_sink(sink, is_json)
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

    /// Returns untrusted text, such as a commit message, for printing with [`text`](Self::text). If the output is a terminal, escapes all
    /// control characters except line ends. `text` itself does not escape tabs, with which untrusted text could forge columns.
    pub fn untrusted<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !self.is_terminal {
            return Cow::Borrowed(text);
        }
        Cow::Owned(text.lines().map(printable).collect::<Vec<_>>().join("\n"))
    }

    /// Writes text, in the given color if the output is colored.
    pub fn colored(&mut self, color: DiffColor, text: &str) -> Result<()> {
        if !self.is_colored {
            return self.text(format_args!("{text}"));
        }
        self.bytes(color.start().as_bytes())?;
        self.text(format_args!("{text}"))?;
        self.bytes(DiffColor::END.as_bytes())
    }

    /// Returns whether standard output is a terminal.
    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Returns whether `--json` was given.
    pub fn is_json(&self) -> bool {
        self.is_json
    }

    /// Returns whether the output goes to a pager.
    pub fn is_paging(&self) -> bool {
        self.pager.is_some()
    }

    /// Writes all further output to a running pager, through its standard input.
    pub fn start_paging(&mut self, (pager, stdin): (Pager, Box<dyn Write>)) {
        self.sink = BufWriter::new(stdin);
        self.pager = Some(pager);
    }

    /// Writes bytes without escaping anything.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.sink.write_all(bytes).map_err(write_error)
    }

    /// Returns the writer to which this output writes. It escapes nothing.
    pub fn writer(&mut self) -> &mut impl Write {
        &mut self.sink
    }

    /// Writes formatted text. If the output is a terminal, escapes control characters except line feeds and tabs.
    pub fn text(&mut self, text: fmt::Arguments<'_>) -> Result<()> {
        if !self.is_terminal {
            return self.sink.write_fmt(text).map_err(write_error);
        }
        self.bytes(printable_lines(&text.to_string()).as_bytes())
    }

    /// Writes a line of text.
    pub fn line(&mut self, line: impl fmt::Display) -> Result<()> {
        self.text(format_args!("{line}\n"))
    }

    /// Writes a JSON value and a newline.
    pub fn json(&mut self, value: &impl Serialize) -> Result<()> {
        self.encoded_json(&to_json(value))?;
        self.bytes(b"\n")
    }

    /// Writes an indented JSON value and a newline.
    pub fn json_pretty(&mut self, value: &impl Serialize) -> Result<()> {
        let json = serde_json::to_string_pretty(value).expect("BUG: plain data is JSON");
        self.encoded_json(&json)?;
        self.bytes(b"\n")
    }

    /// Writes text that is already JSON. If the output is a terminal, escapes control characters.
    pub fn encoded_json(&mut self, json: &str) -> Result<()> {
        if !self.is_terminal {
            return self.bytes(json.as_bytes());
        }
        // Only JSON strings can contain these characters, and JSON permits escapes in strings. Each character has at most 16 bits.
        let escape = |c: char| format!("\\u{:04x}", u32::from(c));
        self.bytes(escape_lines(json, escape).as_bytes())
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

    /// Starts a JSON array whose elements are written one by one. Writes nothing until the first `push`, or until `end`.
    pub fn array(&mut self) -> JsonArray<'_> {
        JsonArray {
            out: self,
            separator: "[",
        }
    }

    /// Flushes the buffer.
    pub fn flush(&mut self) -> Result<()> {
        self.sink.flush().map_err(write_error)
    }

    /// Flushes the buffer. If there is a pager, waits until the user quits it.
    pub fn finish(mut self) -> Result<()> {
        let flushed = self.flush();
        drop(self.sink);
        if let Some(pager) = self.pager {
            pager.wait();
        }
        flushed
    }
}

/// The terminal of standard output, on which progress bars may be visible.
struct Terminal;

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        without_bars(|| io::stdout().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        without_bars(|| io::stdout().flush())
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
        self.out.bytes(separator.as_bytes())?;
        self.out.encoded_json(&to_json(element))
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

/// Prints to standard error one line about what a command did.
pub(super) fn print_note(note: &str) {
    let _ = without_bars(|| writeln!(io::stderr(), "{}", printable(note)));
}

/// Prints lines to standard error. They quote the faulty part of an input, below the error about it.
pub(super) fn print_excerpt(lines: &[String]) {
    for line in lines {
        let _ = without_bars(|| writeln!(io::stderr(), "  {}", printable(line)));
    }
}

fn print_labeled(label: &str, code: &str, message: &str, color: ColorChoice) {
    let label = if color.is_enabled(io::stderr().is_terminal()) {
        format!("\u{1b}[{code}m{label}\u{1b}[0m")
    } else {
        label.to_owned()
    };
    // If standard error cannot be written, the failure cannot be reported anywhere.
    let _ = without_bars(|| writeln!(io::stderr(), "{label} {}", printable(message)));
}

/// Escapes the control characters in text, except line feeds and tabs.
pub(super) fn printable_lines(text: &str) -> String {
    escape_lines(text, |c| c.escape_default().to_string())
}

fn escape_lines(text: &str, escape: impl Fn(char) -> String) -> String {
    let mut lines = String::with_capacity(text.len());
    for c in text.chars() {
        if is_display_control(c) && !matches!(c, '\n' | '\t') {
            lines.push_str(&escape(c));
        } else {
            lines.push(c);
        }
    }
    lines
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
mod tests;
