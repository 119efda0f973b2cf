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

/// A writer into memory. Its clones share the written bytes.
#[derive(Clone, Default)]
struct SharedSink(std::rc::Rc<std::cell::RefCell<Vec<u8>>>);

impl Write for SharedSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns what `write` writes to a terminal or to a pipe.
fn written(is_terminal: bool, write: impl Fn(&mut Output) -> Result<()>) -> String {
    let sink = SharedSink::default();
    let mut out = Output {
        is_terminal,
        is_colored: is_terminal,
        ..Output::with_sink(Box::new(sink.clone()), false)
    };
    write(&mut out).unwrap();
    out.finish().unwrap();
    String::from_utf8(sink.0.take()).unwrap()
}

#[test]
fn a_terminal_gets_escapes_and_a_pipe_gets_bytes() {
    let name = "a\u{202e}b\u{9b}31m\u{1b}[1m";
    let line = |out: &mut Output| out.line(format_args!("1\t{name}"));
    assert_eq!(written(false, line), format!("1\t{name}\n"));
    let escaped = r"a\u{202e}b\u{9b}31m\u{1b}[1m";
    assert_eq!(written(true, line), format!("1\t{escaped}\n"));
    let colored = |out: &mut Output| out.colored(DiffColor::Removed, name);
    assert_eq!(written(false, colored), name);
    let red = format!("\u{1b}[31m{escaped}\u{1b}[0m");
    assert_eq!(written(true, colored), red);
}

#[test]
fn json_on_a_terminal_has_the_same_value() {
    let value = ["a\u{202e}\u{7f}", "\n\u{9b}\\ä"];
    let array = |out: &mut Output| {
        let mut array = out.array();
        array.push(&value[0])?;
        array.push(&value[1])?;
        array.end()
    };
    type Writer<'w> = &'w dyn Fn(&mut Output) -> Result<()>;
    let writers: [Writer<'_>; 3] = [
        &|out| out.json(&value),
        &|out| out.json_pretty(&value),
        &array,
    ];
    for write in writers {
        let (pipe, terminal) = (written(false, write), written(true, write));
        assert!(pipe.contains("a\u{202e}\u{7f}"), "{pipe}");
        assert!(terminal.contains(r"a\u202e\u007f"), "{terminal}");
        for json in [pipe, terminal] {
            assert_eq!(serde_json::from_str::<[String; 2]>(&json).unwrap(), value);
        }
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
