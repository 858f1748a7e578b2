//! Everything that a run can be made to suffer, or made to do: one variant, one address, one row.

/// Who can suffer a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suffers {
    /// A broker.
    Node,
    /// A client.
    Client,
    /// Either.
    Host,
    /// Nobody in particular: `who` is not said.
    Nobody,
}

/// Whether a fault has an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasts {
    /// It is over at once.
    Not,
    /// Until `for` or `until` says so, or the world heals.
    While,
}

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $variant:ident = $address:literal, $suffers:ident, $lasts:ident, [$($param:literal),*];)+) => {
        /// A fault, or an action of the world on behalf of an operator.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault { $($(#[doc = $doc])+ $variant,)+ }

        impl Fault {
            /// Every fault there is.
            pub const ALL: &[Fault] = &[$(Fault::$variant,)+];

            /// The word that scenarios and reports use.
            pub const fn address(self) -> &'static str {
                match self { $(Fault::$variant => $address,)+ }
            }

            /// Who can suffer it.
            pub const fn suffers(self) -> Suffers {
                match self { $(Fault::$variant => Suffers::$suffers,)+ }
            }

            /// Whether it has an end.
            pub const fn lasts(self) -> Lasts {
                match self { $(Fault::$variant => Lasts::$lasts,)+ }
            }

            /// The keys that `with` may have.
            pub const fn params(self) -> &'static [&'static str] {
                match self { $(Fault::$variant => &[$($param),*],)+ }
            }

            /// What it is, in a sentence or two, for the reference.
            pub const fn explains(self) -> &'static str {
                match self { $(Fault::$variant => concat!($($doc),+),)+ }
            }
        }
    };
}

faults! {
    /// The process is killed, also between two outputs of one step; the page cache stays. It starts again after `for`.
    NodeKill = "node.kill", Node, While, [];
    /// Power goes, also between two outputs of one step; of what was not synced any legal subset stays. It starts again after `for`.
    NodePowerCut = "node.power_cut", Node, While, ["keeps"];
    /// The process is asked to stop, and does. It starts again after `for`.
    NodeStop = "node.stop", Node, While, [];
    /// The process stands still; its kernel accepts connections and swallows what fits into its buffers.
    NodePause = "node.pause", Node, While, [];
    /// Every step takes so many `times` as long.
    NodeSlow = "node.slow", Node, While, ["times"];
    /// The next so many (`times`) syncs of files whose name ends with `file` fail as on Linux: clean afterwards, reached or not.
    DiskSyncFails = "disk.sync_fails", Node, Not, ["times", "file"];
    /// The next so many (`times`) syncs say that they did what they did not.
    DiskSyncLies = "disk.sync_lies", Node, Not, ["times", "file"];
    /// The next so many (`times`) writes to files whose name ends with `file` fail, with any part of them done.
    DiskWriteFails = "disk.write_fails", Node, Not, ["times", "file"];
    /// The next so many (`times`) reads of files whose name ends with `file` fail.
    DiskReadFails = "disk.read_fails", Node, Not, ["times", "file"];
    /// The next so many (`times`) creations, renames or removals of names that end with `file` fail.
    DiskNameFails = "disk.name_fails", Node, Not, ["times", "file"];
    /// Only so many bytes (`free`) may still be taken.
    DiskFull = "disk.full", Node, While, ["free"];
    /// Every operation takes so many `times` as long.
    DiskSlow = "disk.slow", Node, While, ["times"];
    /// No operation completes.
    DiskStall = "disk.stall", Node, While, [];
    /// The cache is dropped: after a failed sync, the old bytes show.
    DiskEvict = "disk.evict", Node, Not, [];
    /// Another process holds the lock at the next so many (`times`) starts.
    DiskLocked = "disk.locked", Node, Not, ["times"];
    /// At the next power cut files keep late sectors without early ones.
    DiskTornSector = "disk.torn.sector", Node, Not, [];
    /// At the next power cut sectors are torn inside: media loss, beyond what must be survived.
    DiskTornInside = "disk.torn.inside", Node, Not, [];
    /// So many (`times`) bytes of files whose name ends with `file` rot on the medium, one bit of each or several. Media loss.
    DiskRot = "disk.rot", Node, Not, ["times", "file"];
    /// So many (`times`) sectors of files whose name ends with `file` cannot be read until they are written again. Media loss.
    DiskUnreadable = "disk.unreadable", Node, Not, ["times", "file"];
    /// In the next so many (`times`) reads of files whose name ends with `file`, a page comes from another place of such files.
    DiskMisdirectedRead = "disk.misdirected.read", Node, Not, ["times", "file"];
    /// In the next so many (`times`) syncs of files whose name ends with `file`, a page lands in another place of such files, and its own keeps what it had. Media loss.
    DiskMisdirectedWrite = "disk.misdirected.write", Node, Not, ["times", "file"];
    /// In the next so many (`times`) syncs of files whose name ends with `file`, a page is lost, though the sync says that it is there. Media loss.
    DiskWriteLost = "disk.write_lost", Node, Not, ["times", "file"];
    /// What the medium holds of files whose name ends with `file`, or the whole disk, comes back at the next start as it is at this moment. Media loss.
    DiskOldImage = "disk.old_image", Node, Not, ["file"];
    /// Nothing passes, either way; with `peer`, only between the two.
    NetCutBoth = "net.cut.both", Host, While, ["peer"];
    /// Nothing that it sends arrives; with `peer`, only there.
    NetCutSendOnly = "net.cut.send_only", Host, While, ["peer"];
    /// Nothing that is sent to it arrives; with `peer`, only from there.
    NetCutReceiveOnly = "net.cut.receive_only", Host, While, ["peer"];
    /// Everything to and from it takes longer `by` this.
    NetDelay = "net.delay", Host, While, ["by", "peer"];
    /// What it sends and is sent passes at this many bytes a second (`per_second`), on each connection.
    NetBandwidth = "net.bandwidth", Host, While, ["per_second", "peer"];
    /// The bytes of connections that are open stand still; others do not.
    NetStall = "net.stall", Host, While, ["peer"];
    /// Its connections are reset.
    NetReset = "net.reset", Host, Not, ["peer"];
    /// Its kernel refuses connections.
    NetRefuse = "net.refuse", Node, While, [];
    /// It forgets its connections without a word to the other ends.
    NetHalfOpen = "net.half_open", Host, Not, ["peer"];
    /// The wall clock jumps ahead `by` this.
    ClockStepForward = "clock.step_forward", Host, Not, ["by"];
    /// The wall clock jumps back `by` this.
    ClockStepBack = "clock.step_back", Host, Not, ["by"];
    /// Both clocks run fast by so many parts per million (`ppm`).
    ClockDrift = "clock.drift", Host, While, ["ppm"];
    /// Both clocks stand still.
    ClockFreeze = "clock.freeze", Host, While, [];
    /// The client process is killed and starts again after `for`: what was in its hands has an unknown outcome.
    ClientKill = "client.kill", Client, While, [];
    /// The client process stands still.
    ClientPause = "client.pause", Client, While, [];
    /// From the next request of this kind (`rpc`) on, what clients send over that connection is held until the end, or a `release`.
    Hold = "hold", Client, While, ["rpc"];
    /// What is held passes.
    Release = "release", Nobody, Not, [];
    /// The operator creates a `topic` with so many `partitions`.
    AdminCreateTopic = "admin.create_topic", Nobody, Not, ["topic", "partitions"];
    /// The operator deletes a `topic`.
    AdminDeleteTopic = "admin.delete_topic", Nobody, Not, ["topic"];
    /// The operator raises a `topic` to so many `partitions`.
    AdminCreatePartitions = "admin.create_partitions", Nobody, Not, ["topic", "partitions"];
    /// The operator deletes the oldest records of a `topic`, so many in a hundred (`percent`) of each partition.
    AdminDeleteRecords = "admin.delete_records", Nobody, Not, ["topic", "percent"];
    /// The operator sets a `key` of a `topic` to a `value`.
    AdminAlterConfig = "admin.alter_config", Nobody, Not, ["topic", "key", "value"];
}

impl Fault {
    /// The fault at an address.
    pub fn at(address: &str) -> Option<Fault> {
        Fault::ALL.iter().copied().find(|fault| fault.address() == address)
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.address())
    }
}
