//! The well-behaved client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The pause between two requests.
const PAUSE: Duration = Duration::from_millis(2);

/// A client that requests a small module again and again over one connection.
pub struct Neighbour {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Latencies>,
}

/// The latencies of the client's requests, sorted.
pub struct Latencies {
    sorted: Vec<Duration>,
    /// The number of responses with another status than 200.
    pub refused: usize,
}

impl Latencies {
    /// Returns the latency that this share of the requests does not exceed, in milliseconds.
    pub fn quantile_ms(&self, share: f64) -> f64 {
        let last = self.sorted.len() - 1;
        self.sorted[(last as f64 * share) as usize].as_secs_f64() * 1000.0
    }

    /// Returns the number of requests.
    pub fn count(&self) -> usize {
        self.sorted.len()
    }
}

impl Neighbour {
    /// Starts the client.
    pub fn start(address: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || request_until(address, &stopped));
        Self { stop, thread }
    }

    /// Stops the client after its current request.
    pub fn stop(self) -> Latencies {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn request_until(address: SocketAddr, stopped: &AtomicBool) -> Latencies {
    let mut stream = BufReader::new(TcpStream::connect(address).unwrap());
    let (mut sorted, mut refused) = (Vec::new(), 0);
    while sorted.is_empty() || !stopped.load(Ordering::Relaxed) {
        let start = Instant::now();
        let request = b"GET /api/v1/module/small HTTP/1.1\r\nHost: localhost\r\n\r\n";
        stream.get_mut().write_all(request).unwrap();
        refused += usize::from(read_status(&mut stream) != 200);
        sorted.push(start.elapsed());
        std::thread::sleep(PAUSE);
    }
    sorted.sort();
    Latencies { sorted, refused }
}

/// Reads a response with a `Content-Length`, and returns its status.
fn read_status(stream: &mut BufReader<TcpStream>) -> u16 {
    let mut status_line = String::new();
    stream.read_line(&mut status_line).unwrap();
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
    }
    stream.read_exact(&mut vec![0; length]).unwrap();
    let status = status_line.split(' ').nth(1);
    status.expect("a status line").parse().unwrap()
}
