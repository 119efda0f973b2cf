//! Standard output and standard error. Nothing is printed but through here.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write};

use serde::Serialize;

use super::color::{Tone, When};
use super::exit::{Error, Result};
use super::pager::Pager;

/// Where a command's data goes. A reader that closes it is no failure, but the end: [`Error::Closed`].
pub(super) struct Output {
    sink: BufWriter<Box<dyn Write>>,
    pager: Option<Pager>,
    is_json: bool,
    is_terminal: bool,
    is_colored: bool,
}

impl Output {
    /// Standard output, to be written as JSON or as text, which may be colored.
    pub fn stdout(is_json: bool, color: When) -> Self {
        let is_terminal = io::stdout().is_terminal();
        Self {
            is_terminal,
            is_colored: color.is_on(is_terminal),
            ..Self::to(Box::new(io::stdout()), is_json)
        }
    }

    fn to(sink: Box<dyn Write>, is_json: bool) -> Self {
        Self {
            sink: BufWriter::new(sink),
            pager: None,
            is_json,
            is_terminal: false,
            is_colored: false,
        }
    }

    /// Text of other people's making, such as a commit's message. For a terminal its control characters are escaped: they
    /// could move the cursor and forge what is shown.
    pub fn foreign<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.is_terminal {
            true => Cow::Owned(text.lines().map(printable).collect::<Vec<_>>().join("\n")),
            false => Cow::Borrowed(text),
        }
    }

    /// `text`, in the color that says what it tells of.
    pub fn toned<'t>(&self, tone: Tone, text: &'t str) -> Cow<'t, str> {
        match self.is_colored {
            true => Cow::Owned(tone.color(text)),
            false => Cow::Borrowed(text),
        }
    }

    /// Says whether JSON was asked for.
    pub fn is_json(&self) -> bool {
        self.is_json
    }

    /// Sends what follows through a pager.
    pub fn page(&mut self, (pager, stdin): (Pager, Box<dyn Write>)) {
        self.sink = BufWriter::new(stdin);
        self.pager = Some(pager);
    }

    /// Writes bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.sink.write_all(bytes).map_err(failed)
    }

    /// Where bytes go as they are.
    pub fn raw(&mut self) -> &mut impl Write {
        &mut self.sink
    }

    /// Writes formatted text.
    pub fn text(&mut self, text: fmt::Arguments<'_>) -> Result<()> {
        self.sink.write_fmt(text).map_err(failed)
    }

    /// Writes a line of text.
    pub fn line(&mut self, line: impl fmt::Display) -> Result<()> {
        self.text(format_args!("{line}\n"))
    }

    /// Writes a JSON value and a newline.
    pub fn json(&mut self, value: &impl Serialize) -> Result<()> {
        self.line(to_json(value))
    }

    /// Writes a JSON value over several lines, and a newline.
    pub fn json_pretty(&mut self, value: &impl Serialize) -> Result<()> {
        self.line(serde_json::to_string_pretty(value).expect("BUG: plain data is JSON"))
    }

    /// Ends a command that prints nothing: an empty object if JSON was asked for.
    pub fn nothing(&mut self) -> Result<()> {
        match self.is_json {
            true => self.line("{}"),
            false => Ok(()),
        }
    }

    /// A JSON array, for elements that come one by one; nothing is written before the first of them, or the end.
    pub fn array(&mut self) -> Array<'_> {
        Array {
            out: self,
            before: "[",
        }
    }

    /// Hands on what was written so far.
    pub fn flush(&mut self) -> Result<()> {
        self.sink.flush().map_err(failed)
    }

    /// Flushes, and waits for the pager to be left.
    pub fn finish(mut self) -> Result<()> {
        let flushed = self.flush();
        drop(self.sink);
        if let Some(pager) = self.pager {
            pager.wait();
        }
        flushed
    }
}

/// A JSON array under way.
pub(super) struct Array<'o> {
    out: &'o mut Output,
    before: &'static str,
}

impl Array<'_> {
    /// Writes the next element.
    pub fn push(&mut self, element: &impl Serialize) -> Result<()> {
        let before = std::mem::replace(&mut self.before, ",\n");
        self.out.text(format_args!("{before}{}", to_json(element)))
    }

    /// Ends it.
    pub fn end(self) -> Result<()> {
        self.out.line(if self.before == "[" { "[]" } else { "]" })
    }
}

/// Tells of a failure in one line on standard error.
pub(super) fn complain(message: &str, color: When) {
    tell("wasmstore:", "1;31", message, color);
}

/// Tells what to do next in one line on standard error.
pub(super) fn advise(hint: &str, color: When) {
    tell("hint:", "1;36", hint, color);
}

fn tell(label: &str, code: &str, message: &str, color: When) {
    let label = match color.is_on(io::stderr().is_terminal()) {
        true => format!("\u{1b}[{code}m{label}\u{1b}[0m"),
        false => label.to_owned(),
    };
    // There is nobody left to tell if this fails.
    let _ = writeln!(io::stderr(), "{label} {}", printable(message));
}

/// `text` with its control characters escaped, so that it stays on its line and tells the terminal nothing.
pub(super) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => printable.extend(c.escape_default()),
            false => printable.push(c),
        }
    }
    printable
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("BUG: plain data is JSON")
}

fn failed(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Error::Closed,
        _ => Error::Output(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sink that fails with one error.
    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written_to(kind: io::ErrorKind) -> Result<()> {
        let mut out = Output::to(Box::new(Failing(kind)), false);
        out.line("a")?;
        out.finish()
    }

    #[test]
    fn a_closed_pipe_is_the_end_and_no_failure() {
        let closed = written_to(io::ErrorKind::BrokenPipe).unwrap_err();
        assert_eq!((closed.code(), matches!(closed, Error::Closed)), (0, true));
        let full = written_to(io::ErrorKind::StorageFull).unwrap_err();
        assert_eq!((full.code(), matches!(full, Error::Output(_))), (1, true));
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(
            printable("a\nb\u{1b}[31m\u{9b}ä\t"),
            r"a\nb\u{1b}[31m\u{9b}ä\t"
        );
    }
}
