//! The rim: sockets, files, clock and configuration around the core.
//!
//! One loop thread reads, checks, steps the node, writes to the page cache and answers; only syncs, cold reads, slow names and work leave it
//! (measured: each hop between threads costs more than the checksum of a batch). Where to start reading: [`serve`], then `host`.

mod accept;
mod clock;
pub mod config;
mod connection;
mod counters;
mod descriptors;
mod disk;
mod host;
mod journal;
mod outgoing;
pub mod remote;
mod stop;
mod work;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use odradek_broker::io::{Input, ListenerId};
use odradek_broker::{Listener, Node};
use odradek_machine::Seed;
use odradek_wire::frame::FrameLimits;
use odradek_wire::prepare::Limits;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::spawn_local;

pub use config::Options;
use config::{Bound, Config};
pub use counters::{Counter, Counters};
pub use disk::{Offline, is_in_use};

use crate::accept::accept;
use crate::clock::Clock;
use crate::disk::{Disk, Helpers};
use crate::host::{Back, Host, Shared, Signals};
use crate::stop::Stops;

/// Threads beside the loop: as many syncs as the queue of a device serves.
const HELPERS_MAX: usize = 16;

/// What a server that answers says of itself.
pub struct Ready {
    /// Where it listens, with the ports that were chosen.
    pub addresses: Vec<String>,
    /// What it has done and will do, as counts.
    pub counters: Arc<Counters>,
}

/// Runs a node until it ends: by SIGTERM, SIGINT or SIGHUP, or because it could not go on.
///
/// # Errors
/// One line: why it could not start, or what ended it.
pub fn serve(options: &Options, ready: impl FnOnce(&Ready)) -> Result<(), String> {
    crash_loudly();
    let descriptors = descriptors::available();
    let config = Config::read(options)?;
    let bound = config.bind()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| format!("starting the runtime: {e}"))?;
    tokio::task::LocalSet::new().block_on(&runtime, run(config, bound, descriptors, ready))
}

async fn run(config: Config, bound: Bound, descriptors: Option<u64>, ready: impl FnOnce(&Ready)) -> Result<(), String> {
    for (key, why) in config.keys.without_effect() {
        tracing::warn!("{key} has no effect here: {why}");
    }
    let (sender, back) = unbounded_channel();
    let helpers = Helpers::new(sender, HELPERS_MAX);
    let counters = Arc::new(Counters::default());
    let disk = Disk::new(config.directories(), helpers.clone(), Arc::clone(&counters));
    let addresses: Vec<String> = bound.listeners.iter().filter(|l| !l.controller).map(address).collect();
    let node = Node::new(config.setup(bound.listeners, drawn_seed(), descriptors));
    let signals = Rc::new(Signals::default());
    let host = Host::new(node, disk, helpers.clone(), Clock::start(), Rc::clone(&signals), Arc::clone(&counters));
    let host: Shared = Rc::new(RefCell::new(host));

    spawn_local(take_back(Rc::clone(&host), back));
    spawn_local(keep_time(Rc::clone(&host), Rc::clone(&signals)));
    spawn_local(try_again(Rc::clone(&host), Rc::clone(&signals)));
    spawn_local(await_stop(Rc::clone(&host)));
    host.borrow_mut().input(Input::Wake);

    tokio::select! {
        () = signals.listen.notified() => {
            let ids = Rc::new(std::cell::Cell::new(0));
            for (listener, socket) in bound.sockets.into_iter().enumerate() {
                let socket = TcpListener::from_std(socket).map_err(|e| format!("listeners: {e}"))?;
                let listener = ListenerId(u16::try_from(listener).expect("there are few listeners"));
                spawn_local(accept(Rc::clone(&host), socket, listener, Rc::clone(&ids), config.sockets, limits(&config)));
            }
            tracing::info!(node = config.node.0, listeners = addresses.join(","), data = directories(&config), "ready");
            ready(&Ready { addresses, counters });
            signals.stopped.notified().await;
        }
        () = signals.stopped.notified() => {}
    }
    helpers.close();
    let outcome = host.borrow().outcome().unwrap_or(Ok(()));
    if outcome.is_ok() {
        tracing::info!("stopped cleanly");
    }
    outcome
}

/// A listener as clients write it.
fn address(listener: &Listener) -> String {
    let Listener { host, port, .. } = listener;
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn directories(config: &Config) -> String {
    config.directories().iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(",")
}

/// A panic is a broken invariant of ours: it ends the process wherever it happens, and recovery begins from the disk.
fn crash_loudly() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tell(panic);
        std::process::exit(127);
    }));
}

/// What one connection may bring.
#[derive(Clone, Copy)]
pub(crate) struct ConnectionLimits {
    frames: FrameLimits,
    requests: Limits,
}

fn limits(config: &Config) -> ConnectionLimits {
    let request_bytes_max = u32::try_from(config.keys.long("socket.request.max.bytes")).unwrap_or(u32::MAX);
    ConnectionLimits { frames: FrameLimits::server(request_bytes_max), requests: Limits::default() }
}

/// Every life of a node has its own seed, drawn from the system.
fn drawn_seed() -> Seed {
    use std::hash::{BuildHasher, RandomState};
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Seed(RandomState::new().hash_one((std::process::id(), now.as_nanos())))
}

async fn take_back(host: Shared, mut back: UnboundedReceiver<Back>) {
    while let Some(first) = back.recv().await {
        let mut host = host.borrow_mut();
        host.back(first);
        while let Ok(more) = back.try_recv() {
            host.back(more);
        }
    }
}

async fn keep_time(host: Shared, signals: Rc<Signals>) {
    loop {
        let wake = host.borrow_mut().arm();
        let late = async move {
            match wake {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = late => host.borrow_mut().input(Input::Wake),
            () = signals.deadline.notified() => {}
        }
    }
}

/// After how long operations are tried again that found no descriptor.
const AGAIN: std::time::Duration = std::time::Duration::from_millis(20);

async fn try_again(host: Shared, signals: Rc<Signals>) {
    loop {
        signals.starved.notified().await;
        tokio::time::sleep(AGAIN).await;
        host.borrow_mut().try_again();
    }
}

async fn await_stop(host: Shared) {
    let Ok(mut stops) = Stops::hear() else {
        tracing::warn!("signals cannot be heard here: this server ends only by being killed");
        return;
    };
    stops.next().await;
    tracing::info!("stopping");
    host.borrow_mut().input(Input::Stop);
    stops.next().await;
    // Whoever asks twice does not want to wait: the next start recovers, as after a kill.
    tracing::warn!("asked to stop a second time: ending at once, without the mark of a clean shutdown");
    std::process::exit(1);
}
