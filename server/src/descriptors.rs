//! The limit of open files of this process.

use rustix::process::{Resource, getrlimit, setrlimit};

/// What this process has open beside log files and connections: its listeners, standard streams, the reactor's own, and the directories that helpers
/// open for a moment.
const OWN: u64 = 40;

/// Raises the soft limit, which is meant for programs that cannot handle many, to the hard one. Gives how many descriptors are left for log files and
/// connections; `None` if there is no limit.
pub fn available() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
    let most = getrlimit(Resource::Nofile).current?;
    if most < 4 * OWN {
        tracing::warn!(most, "the limit of open files is very low: each log takes several, and each connection one");
    }
    Some(most.saturating_sub(OWN).max(OWN))
}
