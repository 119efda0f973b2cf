//! Where the server is put together: settings, store, keys, certificate, socket and signals.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::commands::{ServerArgs, install_push_hooks};
use super::exit::{Error, Result};
use super::reload::{ReadKeys, Reload};
use super::runtimes::Threads;
use super::sd_notify::Supervisor;
use super::server_check;
use super::server_settings::{Pipes, address, keys, tls};
use super::settings::Settings;
use crate::http::{self, Keyring, ServeOptions, Tls};
use crate::remote::{self, GitHttpBackend, Mirrors, Replica};
use crate::store::{
    MaintenanceSchedule, ObjectFormat, Store, ThreadPriority, lower_thread_priority,
};

/// How many files are open besides connections: packs, locks, uploads.
const FILES_BESIDE_CONNECTIONS: u64 = 4096;

/// Serves until a signal says to stop.
pub(super) fn run(server: ServerArgs, settings: &Settings) -> Result<()> {
    let threads = Threads::new()?;
    // A start may take long, as that of a replica.
    let hangups = threads.hangups()?;
    let mut serve_options = ServeOptions {
        limits: server.limits.server(),
        keys: keys(&server, Pipes::Read)?.map(Keyring::from),
        has_cors: server.cors,
        default_branch: settings.branch()?,
        write_threads: None,
        git: None,
        mirrors: None,
        replica: None,
    };
    let tls = tls(&server)?;
    let supervisor = Supervisor::of_environment();
    allow_files(serve_options.limits.connections_max);
    let (branch, is_replica) = (settings.branch()?, server.replica.primary()?.is_some());
    let blame = |key, error| server.layers.blame(key, error);
    let schedule = server.schedule.schedule(branch, is_replica);
    let schedule = schedule.map_err(|error| blame("gc-squash", error))?;
    let root = settings.root().map_err(|error| blame("root", error))?;
    look_for_branch(&server, settings, &root)?;
    let store = open(&server, &root, &mut serve_options, &supervisor)?;
    install_push_hooks(&store)?;
    serve_options.git = git(&store);
    serve_options.mirrors = mirrors(&store, &server)?;
    serve_options.write_threads = Some(threads.changes());
    let server = Arc::new(server);
    let read_keys: ReadKeys = {
        let server = Arc::clone(&server);
        Arc::new(move || keys(&server, Pipes::Refuse))
    };
    let beside = Beside {
        hangups,
        supervisor,
        read_keys,
        schedule,
    };
    threads.run(serve(store, serve_options, tls, address(&server), beside))
}

/// Looks whether the branch to be served is there, before anything is made.
fn look_for_branch(server: &ServerArgs, settings: &Settings, root: &Path) -> Result<()> {
    if settings.branch()?.is_none() {
        return Ok(());
    }
    let store = Store::open(root, server.limits.options())?;
    server_check::branch(server, settings, &store)
}

/// Opens the store, or the replica that is served.
fn open(
    server: &ServerArgs,
    root: &Path,
    serve_options: &mut ServeOptions,
    supervisor: &Supervisor,
) -> Result<Arc<Store>> {
    let options = server.limits.options();
    let Some((primary, changes)) = server.replica.primary()? else {
        let store = Store::open_or_create(root, options, ObjectFormat::default())?;
        // A replica that nobody keeps equal would only grow old.
        store.ensure_writable()?;
        return Ok(Arc::new(store));
    };
    supervisor.waits(&format!("waiting for {}, which it follows", primary.url));
    let replica = Arc::new(Replica::open(root, options, primary)?);
    let store = Arc::clone(replica.store());
    serve_options.replica = Some((replica, changes));
    Ok(store)
}

/// What a server does beside serve_options.
struct Beside {
    hangups: Signal,
    supervisor: Supervisor,
    read_keys: ReadKeys,
    schedule: Option<MaintenanceSchedule>,
}

async fn serve(
    store: Arc<Store>,
    serve_options: ServeOptions,
    tls: Option<Tls>,
    (host, port): (&str, u16),
    beside: Beside,
) -> Result<()> {
    let stop = CancellationToken::new();
    let supervisor = beside.supervisor;
    stop_on_signals(&stop, &supervisor).map_err(Error::Runtime)?;
    let server = http::Server::bind(host, port).await;
    let server = server.map_err(|source| Error::Bind {
        address: format!("{host}:{port}"),
        source,
    })?;
    let address = server.address();
    let scheme = if tls.is_some() { "https" } else { "http" };
    tracing::info!(root = ?store.root(), "listening on {scheme}://{address}");
    warn_of_strangers(&serve_options, address);
    run_index_worker(&store).map_err(Error::Runtime)?;
    run_maintenance(&store, beside.schedule).map_err(Error::Runtime)?;
    keep_mirrors(serve_options.mirrors.as_ref()).map_err(Error::Runtime)?;
    keep_replica(serve_options.replica.as_ref().map(|(replica, _)| replica))
        .map_err(Error::Runtime)?;
    let reload = Reload {
        read_keys: beside.read_keys,
        keyring: serve_options.keys.clone(),
        tls: tls.as_ref().map(Tls::reload),
        supervisor: supervisor.clone(),
        status: format!("listening on {scheme}://{address}"),
    };
    let limits = serve_options.limits;
    let router = http::router(store, serve_options, (address, host), stop.clone());
    supervisor.is_ready(&reload.status);
    supervisor.watch_over();
    tokio::spawn(
        stop.clone()
            .run_until_cancelled_owned(reload.at(beside.hangups)),
    );
    server.serve(router, tls, &limits, stop).await;
    tracing::info!("stopped");
    Ok(())
}

/// Has a thread keep the version index up with the branches. It ends with the process, at any moment.
fn run_index_worker(store: &Arc<Store>) -> io::Result<()> {
    let store = Arc::clone(store);
    let thread = std::thread::Builder::new().name("index".to_owned());
    let keep = move || {
        lower_thread_priority(ThreadPriority::BelowReads);
        store.run_index_worker();
    };
    thread.spawn(keep).map(drop)
}

/// Has a thread do what is on the schedule. It ends with the process, at any moment: verifying only reads, and collecting may be
/// cut anywhere.
fn run_maintenance(store: &Arc<Store>, schedule: Option<MaintenanceSchedule>) -> io::Result<()> {
    let Some(schedule) = schedule else {
        return Ok(());
    };
    let store = Arc::clone(store);
    let thread = std::thread::Builder::new().name("maintenance".to_owned());
    thread
        .spawn(move || store.run_maintenance(schedule))
        .map(drop)
}

/// The mirrors of the store, with those that the flags add. Without git there are none, and then none may be asked for.
fn mirrors(store: &Arc<Store>, server: &ServerArgs) -> Result<Option<Arc<Mirrors>>> {
    let mirrors = match Mirrors::new(Arc::clone(store), server.limits.mirrors()) {
        Err(remote::Error::NoGit) if server.mirror.is_empty() => return Ok(None),
        mirrors => mirrors?,
    };
    for url in &server.mirror {
        if let Some(name) = mirrors.add_if_missing(url)? {
            tracing::info!(mirror = %name, "added a mirror");
        }
    }
    Ok(Some(Arc::new(mirrors)))
}

/// Has threads push every change to the mirrors. They end with the process, at any moment, and so does a push under way.
fn keep_mirrors(mirrors: Option<&Arc<Mirrors>>) -> io::Result<()> {
    let Some(mirrors) = mirrors.map(Arc::clone) else {
        return Ok(());
    };
    let thread = std::thread::Builder::new().name("mirrors".to_owned());
    thread.spawn(move || mirrors.run_workers()).map(drop)
}

/// Has a thread follow the primary. It ends with the process, at any moment, and so does a fetch under way.
fn keep_replica(replica: Option<&Arc<Replica>>) -> io::Result<()> {
    let Some(replica) = replica.map(Arc::clone) else {
        return Ok(());
    };
    let thread = std::thread::Builder::new().name("replica".to_owned());
    thread.spawn(move || replica.run()).map(drop)
}

/// Cancels the token at the first SIGTERM or SIGINT.
fn stop_on_signals(stop: &CancellationToken, supervisor: &Supervisor) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (stop, supervisor) = (stop.clone(), supervisor.clone());
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        stop.cancel();
        supervisor.stops();
    });
    Ok(())
}

/// Raises this process's limit on open files, which is low by tradition, as far as the system lets it.
fn allow_files(connections_max: usize) {
    let wanted = (connections_max as u64).saturating_add(FILES_BESIDE_CONNECTIONS);
    match rlimit::increase_nofile_limit(wanted) {
        Ok(allowed) if allowed >= wanted => {}
        Ok(allowed) => {
            tracing::warn!(
                "{allowed} files may be open, too few for {connections_max} connections"
            );
        }
        Err(error) => tracing::warn!(%error, "the limit on open files cannot be raised"),
    }
}

/// What serves fetches and pushes.
fn git(store: &Store) -> Option<GitHttpBackend> {
    let program = std::env::current_exe().unwrap_or_else(|_| "wasmstore".into());
    let git = GitHttpBackend::find(store.root(), program, *store.options());
    if git.is_none() {
        tracing::warn!("git is not installed: /wasmstore.git answers 501, all else works");
    }
    git
}

fn warn_of_strangers(serve_options: &ServeOptions, address: SocketAddr) {
    if serve_options.keys.is_none() && !address.ip().is_loopback() {
        tracing::warn!(
            "whoever can reach {address} may change the store: give --auth or --auth-file"
        );
    }
}
