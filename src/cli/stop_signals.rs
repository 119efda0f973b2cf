//! SIGTERM and SIGINT: stopping the server.

use std::fs;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::sd_notify::ServiceManager;

/// The signals that stop a server.
struct StopSignals {
    terminate: Signal,
    /// `None` if the process was started with SIGINT ignored.
    interrupt: Option<Signal>,
}

impl StopSignals {
    /// Installs the handlers.
    ///
    /// A shell without job control starts `wasmstore server &` with SIGINT ignored, so that Ctrl-C ends only the command in the
    /// foreground (POSIX, Shell Command Language, section 2.12). A handler would undo that.
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

    /// Waits for the next signal.
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

/// Cancels `draining` at the first signal, and `stop` when the drain time has passed or at the second signal.
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

/// Returns whether the process ignores a signal. Returns false if the system does not report it, because it has no proc(5).
fn ignores(signal: SignalKind) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
    mask.unwrap_or(0) >> (signal.as_raw_value() - 1) & 1 == 1
}
