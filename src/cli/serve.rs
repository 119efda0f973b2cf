//! The composition root of the server: opens the store, creates the keys, the certificate, the listener and the background threads, and
//! connects them.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::signal::unix::Signal;
use tokio_util::sync::CancellationToken;

use super::config::ServerArgs;
use super::exit::{Error, Result};
use super::logging;
use super::open_served::open_served;
use super::push_hooks::install_push_hooks;
use super::reload::{ReadKeys, Reload};
use super::runtimes::Runtimes;
use super::sd_notify::ServiceManager;
use super::server_check::check_branch;
use super::server_settings::{PipeHandling, load_tls, read_keys};
use super::settings::Settings;
use super::socket_activation::listen;
use super::stop_signals::stop_on_signals;
use crate::budget::ByteBudget;
use crate::config::Options;
use crate::http::{self, BoundAddress, Keyring, ListenAddress, ServerOptions, Tls};
use crate::remote::{self, GitHttpBackend, Mirrors};
use crate::store::{MaintenanceSchedule, Store, ThreadPriority, lower_thread_priority};

/// The number of open files that a server needs for everything except connections: packs, locks, uploads.
const OTHER_FILES: u64 = 4096;

/// Serves until a signal stops the server.
pub(super) fn run(server: ServerArgs, settings: &Settings) -> Result<()> {
    let runtimes = Runtimes::new()?;
    // The handler is installed early: the start of a replica may take long, and a SIGHUP must not end the process meanwhile.
    let hangups = runtimes.hangups()?;
    let mut options = ServerOptions {
        limits: server.limits.server(),
        memory: ByteBudget::new(server.limits.client_memory_bytes()),
        keys: read_keys(&server, PipeHandling::Read)?.map(Keyring::from),
        has_cors: server.cors,
        allowed_hosts: server.allowed_host.clone(),
        trusted_proxies: server.trusted_proxy.clone(),
        base_path: server.base_path.clone(),
        has_web: !server.no_web,
        draining: CancellationToken::new(),
        dropped_log_lines: Some(logging::dropped_lines),
        default_branch: settings.branch()?,
        write_threads: None,
        git: None,
        mirrors: None,
        replica: None,
        bucket: None,
        peer_key: None,
    };
    remote::limit_processes(options.limits.git_process);
    let tls = load_tls(&server)?;
    let service_manager = ServiceManager::from_environment();
    raise_file_limit(options.limits.connections_max);
    let (branch, is_replica) = (settings.branch()?, server.replica.primary()?.is_some());
    let attribute = |key, error| server.sources.attribute(key, error);
    let schedule = server.schedule.schedule(branch, is_replica);
    let schedule = schedule.map_err(|error| attribute("gc-squash", error))?;
    let root = settings.root().map_err(|error| attribute("root", error))?;
    check_branch_before_creation(&server, settings, &root)?;
    let store = open_served(&server, &root, &mut options, &service_manager)?;
    install_push_hooks(&store)?;
    options.git = find_git(&store);
    options.mirrors = open_mirrors(&store, &server)?;
    options.write_threads = Some(runtimes.writes());
    let server = Arc::new(server);
    let read_keys: ReadKeys = {
        let server = Arc::clone(&server);
        Arc::new(move || read_keys(&server, PipeHandling::Refuse))
    };
    let background = Background {
        hangups,
        service_manager,
        read_keys,
        schedule,
    };
    runtimes.run(serve(store, options, tls, server.addresses(), background))
}

/// Checks that the configured branch exists. This check comes before the store is created, so that a failed start creates nothing.
fn check_branch_before_creation(
    server: &ServerArgs,
    settings: &Settings,
    root: &Path,
) -> Result<()> {
    // The branches of a store in a bucket are not known before the bucket has been read.
    if settings.branch()?.is_none() || server.bucket.bucket.is_some() {
        return Ok(());
    }
    let store = Store::open(root, server.limits.options(Options::of_store(root)?))?;
    check_branch(server, settings, &store)
}

/// The inputs of the server's background work: SIGHUPs, the service manager, a function that reads the keys, and the schedule.
struct Background {
    hangups: Signal,
    service_manager: ServiceManager,
    read_keys: ReadKeys,
    schedule: Option<MaintenanceSchedule>,
}

async fn serve(
    store: Arc<Store>,
    options: ServerOptions,
    tls: Option<Tls>,
    addresses: Vec<ListenAddress>,
    background: Background,
) -> Result<()> {
    let stop = CancellationToken::new();
    let service_manager = background.service_manager;
    let (draining, drain) = (options.draining.clone(), options.limits.drain);
    let stopping = stop_on_signals(draining, stop.clone(), drain, service_manager.clone());
    stopping.map_err(Error::Runtime)?;
    let server = listen(&addresses).await?;
    let server = server.with_memory(options.memory.clone());
    let scheme = if tls.is_some() { "https" } else { "http" };
    let urls = server.addresses().iter().map(|address| address.url(scheme));
    let status = format!("listening on {}", urls.collect::<Vec<_>>().join(" and "));
    tracing::info!(root = ?store.root(), "{status}");
    warn_if_open(&options, server.addresses());
    start_threads(&store, &options, background.schedule).map_err(Error::Runtime)?;
    let reload = Reload {
        read_keys: background.read_keys,
        keyring: options.keys.clone(),
        tls: tls.as_ref().map(Tls::reload),
        service_manager: service_manager.clone(),
        status,
    };
    let limits = options.limits;
    let router = http::router(store, options, server.addresses(), stop.clone());
    service_manager.notify_ready(&reload.status);
    service_manager.start_watchdog();
    tokio::spawn(
        stop.clone()
            .run_until_cancelled_owned(reload.run(background.hangups)),
    );
    server.serve(router, tls, &limits, stop).await;
    tracing::info!("stopped");
    Ok(())
}

/// Starts the threads that work in the background. None of them is joined, because each can be interrupted at any moment when the process
/// ends: the next process repeats an index update and starts a push or fetch again, `verify` only reads, and gc can be interrupted
/// anywhere.
fn start_threads(
    store: &Arc<Store>,
    options: &ServerOptions,
    schedule: Option<MaintenanceSchedule>,
) -> io::Result<()> {
    let index_store = Arc::clone(store);
    start_thread("index", move || {
        lower_thread_priority(ThreadPriority::BelowReads);
        index_store.run_index_worker();
    })?;
    let upload_store = Arc::clone(store);
    start_thread("uploads", move || upload_store.run_upload_expiry())?;
    if let Some(schedule) = schedule {
        let store = Arc::clone(store);
        start_thread("maintenance", move || store.run_maintenance(schedule))?;
    }
    if let Some(mirrors) = options.mirrors.clone() {
        start_thread("mirrors", move || mirrors.run_workers())?;
    }
    if let Some(follower) = options.bucket.clone() {
        start_thread("follower", move || follower.run())?;
    }
    if let Some((replica, _)) = &options.replica {
        let replica = Arc::clone(replica);
        start_thread("replica", move || replica.run())?;
    }
    Ok(())
}

fn start_thread(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.spawn(work).map(drop)
}

/// Opens the mirrors of the store, and adds a mirror for each URL that the flag `--mirror` gives. If git is not installed, returns `None`
/// without this flag, and an error with it.
fn open_mirrors(store: &Arc<Store>, server: &ServerArgs) -> Result<Option<Arc<Mirrors>>> {
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

/// Raises the process's limit on open files, which is low by default. If the system does not allow enough files, logs a warning.
fn raise_file_limit(connections_max: usize) {
    let needed = (connections_max as u64).saturating_add(OTHER_FILES);
    match rlimit::increase_nofile_limit(needed) {
        Ok(limit) if limit >= needed => {}
        Ok(limit) => {
            tracing::warn!(
                "the limit of {limit} open files is too low for {connections_max} connections"
            );
        }
        Err(error) => tracing::warn!(%error, "cannot raise the limit on open files"),
    }
}

/// Finds the git program that serves fetches and pushes. Logs a warning if git is not installed.
fn find_git(store: &Store) -> Option<GitHttpBackend> {
    let program = std::env::current_exe().unwrap_or_else(|_| "wasmstore".into());
    let git = GitHttpBackend::find(store.root(), program, *store.options());
    if git.is_none() {
        tracing::warn!("git is not installed: /wasmstore.git responds with status 501");
    }
    git
}

fn warn_if_open(options: &ServerOptions, addresses: &[BoundAddress]) {
    let is_public = |address: &SocketAddr| !address.ip().is_loopback();
    let mut public = addresses
        .iter()
        .filter_map(BoundAddress::tcp)
        .filter(is_public);
    if options.keys.is_none()
        && let Some(address) = public.next()
    {
        tracing::warn!(
            "anyone who can reach {address} can change the store: set keys with --auth or --auth-file"
        );
    }
}
