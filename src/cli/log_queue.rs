//! The queue between the log of a server and standard error.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// The maximum number of lines in the queue.
const LINES_MAX: usize = 8192;

/// The maximum total length of the lines in the queue, in bytes.
const BYTES_MAX: usize = 4 << 20;

/// How long [`LogQueue::flush`] waits at most.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// A queue of log lines, and a thread that writes them.
///
/// The reader of the log may stop reading, for example a log collector that hangs, or a terminal after Ctrl-S. A write to a full pipe then
/// blocks. If requests wrote the log themselves, all requests would block. So requests only add lines to the queue. If the queue is full,
/// lines are dropped and counted. A clone is a handle to the same queue.
#[derive(Clone)]
pub(super) struct LogQueue(Arc<Shared>);

struct Shared {
    sender: SyncSender<Entry>,
    /// The total length of the lines in the queue, in bytes.
    bytes: AtomicUsize,
    /// The number of lines that were dropped.
    dropped: AtomicU64,
}

enum Entry {
    Line(Vec<u8>),
    /// A request of [`LogQueue::flush`]. The writing thread drops this sender when it has written all lines before this entry.
    Flush(#[expect(dead_code, reason = "dropping it is the signal")] SyncSender<()>),
}

impl LogQueue {
    /// Starts the thread that writes to `sink`.
    ///
    /// # Errors
    /// The operating system cannot start the thread.
    pub fn start(sink: impl Write + Send + 'static) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(LINES_MAX);
        let queue = Self(Arc::new(Shared {
            sender,
            bytes: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
        }));
        let writer = queue.clone();
        let thread = std::thread::Builder::new().name("log".to_owned());
        thread.spawn(move || writer.write_all_entries(&receiver, sink))?;
        Ok(queue)
    }

    /// Returns the number of lines that were dropped so far.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Waits until all lines that were added before this call are written, but at most for [`FLUSH_TIMEOUT`].
    pub fn flush(&self) {
        let (sender, written) = sync_channel(0);
        if self.0.sender.try_send(Entry::Flush(sender)).is_ok() {
            let _ = written.recv_timeout(FLUSH_TIMEOUT);
        }
    }

    /// Appends a line, or drops it if the queue is full.
    fn push(&self, line: &[u8]) {
        let shared = &self.0;
        let fits = shared.bytes.fetch_add(line.len(), Ordering::Relaxed) + line.len() <= BYTES_MAX;
        if !fits || shared.sender.try_send(Entry::Line(line.to_vec())).is_err() {
            shared.bytes.fetch_sub(line.len(), Ordering::Relaxed);
            shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes each line of the queue to `sink`. Whenever the queue is empty, logs how many lines were dropped since the last such report.
    fn write_all_entries(&self, receiver: &Receiver<Entry>, mut sink: impl Write) {
        let mut reported = 0;
        loop {
            let entry = match receiver.try_recv() {
                Ok(entry) => entry,
                Err(TryRecvError::Disconnected) => return,
                Err(TryRecvError::Empty) => {
                    let dropped = self.dropped();
                    if dropped > reported {
                        let lines = dropped - reported;
                        tracing::warn!(lines, "dropped log lines: standard error was not read");
                        reported = dropped;
                    }
                    let Ok(entry) = receiver.recv() else { return };
                    entry
                }
            };
            if let Entry::Line(line) = entry {
                // A write error is ignored, because it could be reported only in this log.
                let _ = sink.write_all(&line);
                self.0.bytes.fetch_sub(line.len(), Ordering::Relaxed);
            }
        }
    }
}

/// The writer of one log event. The `tracing` subscriber writes each event with one call of `write`, so each call adds one line.
pub(super) struct EventWriter(LogQueue);

impl Write for EventWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LogQueue {
    type Writer = EventWriter;

    fn make_writer(&self) -> EventWriter {
        EventWriter(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex};

    use super::*;

    /// A sink whose writes block until `open` is called, like a pipe whose reader has stopped reading.
    #[derive(Clone, Default)]
    struct Gate(Arc<GateState>);

    #[derive(Default)]
    struct GateState {
        /// Whether `open` was called, so that writes do not block, and the bytes that were written since.
        passed: Mutex<(bool, Vec<u8>)>,
        opened: Condvar,
    }

    impl Gate {
        fn open(&self) {
            self.0.passed.lock().unwrap().0 = true;
            self.0.opened.notify_all();
        }

        fn lines(&self) -> usize {
            let state = self.0.passed.lock().unwrap();
            state.1.iter().filter(|byte| **byte == b'\n').count()
        }
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let state = self.0.passed.lock().unwrap();
            let mut state = self.0.opened.wait_while(state, |state| !state.0).unwrap();
            state.1.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_blocked_reader_blocks_no_writer() {
        let gate = Gate::default();
        let queue = LogQueue::start(gate.clone()).unwrap();
        let count = 2 * LINES_MAX as u64;
        for _ in 0..count {
            queue.make_writer().write_all(b"line\n").unwrap();
        }
        let dropped = queue.dropped();
        assert!(dropped >= count - LINES_MAX as u64 - 1, "{dropped}");
        gate.open();
        while gate.lines() as u64 + dropped < count {
            queue.flush();
        }
        assert_eq!(queue.0.bytes.load(Ordering::Relaxed), 0);
        queue.make_writer().write_all(b"more\n").unwrap();
        queue.flush();
        assert_eq!(queue.dropped(), dropped);
    }

    #[test]
    fn long_lines_are_bounded_in_bytes() {
        let queue = LogQueue::start(Gate::default()).unwrap();
        let line = vec![b'x'; BYTES_MAX / 4];
        for _ in 0..8 {
            queue.make_writer().write_all(&line).unwrap();
        }
        assert!(queue.dropped() >= 3, "{}", queue.dropped());
    }
}
