//! SIGTERM and SIGINT stop the server.

use std::fs;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::sd_notify::ServiceManager;

/// The signals that stop a server.
struct StopSignals {
    terminate: Signal,
    /// The SIGINTs; `None` if the process was started with SIGINT ignored.
    interrupt: Option<Signal>,
}

impl StopSignals {
    /// Installs the signal handlers, but none for SIGINT if it is ignored.
    ///
    /// A shell without job control starts `wasmstore server &` with SIGINT ignored, so that Ctrl-C ends only the command in the
    /// foreground (POSIX, Shell Command Language, section 2.12). With a handler, Ctrl-C would stop the server too.
    fn install() -> io::Result<Self> {
        let interrupt = if ignores(SignalKind::interrupt()) {
            None
        } else {
            Some(signal(SignalKind::interrupt())?)
        };
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self {
            terminate,
            interrupt,
        })
    }

    /// Waits for the next SIGTERM or SIGINT.
    async fn next(&mut self) {
        let interrupted = async {
            match &mut self.interrupt {
                Some(interrupt) => interrupt.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = interrupted => {}
        }
    }
}

/// Starts a task that cancels `draining` at the first signal, and `stop` at the second signal or when the time `drain` has passed.
pub(super) fn stop_on_signals(
    draining: CancellationToken,
    stop: CancellationToken,
    drain: Duration,
    service_manager: ServiceManager,
) -> io::Result<()> {
    let mut signals = StopSignals::install()?;
    tokio::spawn(async move {
        signals.next().await;
        service_manager.notify_stopping();
        draining.cancel();
        if !drain.is_zero() {
            let seconds = drain.as_secs();
            tracing::info!(seconds, "draining: /readyz responds with status 503");
            let _ = tokio::time::timeout(drain, signals.next()).await;
        }
        tracing::info!("stopping");
        stop.cancel();
    });
    Ok(())
}

/// Returns whether the process ignores a signal. Returns false on a system without proc(5), because only proc(5) reports ignored signals.
fn ignores(signal: SignalKind) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
    mask.unwrap_or(0) >> (signal.as_raw_value() - 1) & 1 == 1
}
