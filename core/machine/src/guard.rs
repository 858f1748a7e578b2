//! Guards: lines of code that exist because of a real bug, and that a mutant build can switch off by id.
//!
//! `guard!(self.guards, KAFKA_6683, condition)` is `condition` in every build but the one with the feature `mutants`, where [`Guards`] carries the ids
//! chosen for this run and the guard answers `true` for them: the check is gone. There is no global state, since seeds run on several threads.

use std::fmt;

macro_rules! mutants {
    ($($(#[doc = $doc:literal])+ $variant:ident = $id:literal, $code:literal;)+) => {
        /// A planted bug: the id of the guard that it switches off.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(non_camel_case_types, reason = "variants are the ids of real issues as people search for them")]
        pub enum Mutant { $($(#[doc = $doc])+ $variant,)+ }

        impl Mutant {
            /// Every mutant there is.
            pub const ALL: &[Mutant] = &[$(Mutant::$variant,)+];

            /// The short code by which scenarios, reports and the command line call it.
            pub const fn code(self) -> &'static str {
                match self { $(Mutant::$variant => $code,)+ }
            }

            /// The issue of the real bug.
            pub const fn issue(self) -> &'static str {
                match self { $(Mutant::$variant => $id,)+ }
            }
        }
    };
}

mutants! {
    /// Producer state is changed before the append is accepted (KAFKA-6683).
    KAFKA_6683 = "KAFKA-6683", "B1";
    /// The log end moves only after the index write, so that a failed index write gives offsets out twice (KAFKA-7866).
    KAFKA_7866 = "KAFKA-7866", "B2";
    /// The directory is not synced after a file was created or renamed in it (KAFKA-16541, KAFKA-3968).
    KAFKA_16541 = "KAFKA-16541", "A30";
    /// Recovery believes a batch whose length fits without looking at its checksum: a torn tail becomes records.
    TORN_TAIL = "torn tail after power loss", "G-8";
    /// What a directory knows of a log that is not opened in this life is written over, and damage is not written down: the life after next cuts it away.
    FORGOTTEN = "damage forgotten over lives", "O-1";
    /// The mark of what is known to be synced says what is written: after a power cut a torn tail is taken for damage.
    MARK_OF_WRITTEN = "mark of what is written", "O-2";
    /// Recovery believes what lies in the page cache: after a sync that failed, and a kill, no later sync writes it (as in PostgreSQL's fsync of 2018).
    BELIEVED_CACHE = "page cache believed after a failed sync", "O-3";
}

impl Mutant {
    /// The mutant with this code or issue, in any case.
    pub fn parse(text: &str) -> Option<Mutant> {
        Mutant::ALL.iter().copied().find(|m| m.code().eq_ignore_ascii_case(text) || m.issue().eq_ignore_ascii_case(text))
    }

    #[cfg(feature = "mutants")]
    const fn bit(self) -> u64 {
        1 << self as u64
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.code(), self.issue())
    }
}

/// Which guards are off in this run. Without the feature `mutants` it holds nothing and costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    #[cfg(feature = "mutants")]
    off: u64,
}

impl Guards {
    /// Every guard stands.
    pub const ALL_ON: Guards = Guards {
        #[cfg(feature = "mutants")]
        off: 0,
    };

    /// The same guards with one switched off.
    #[cfg(feature = "mutants")]
    #[must_use]
    pub const fn without(self, mutant: Mutant) -> Guards {
        Guards { off: self.off | mutant.bit() }
    }

    /// True if this guard was switched off for the run.
    #[cfg(feature = "mutants")]
    pub const fn is_off(self, mutant: Mutant) -> bool {
        self.off & mutant.bit() != 0
    }

    /// True if this guard was switched off for the run: never, in this build.
    #[cfg(not(feature = "mutants"))]
    #[inline(always)]
    pub const fn is_off(self, _mutant: Mutant) -> bool {
        false
    }
}

/// The condition of a guard, which a mutant build can make always true: `guard!(guards, KAFKA_6683, condition)`.
#[macro_export]
macro_rules! guard {
    ($guards:expr, $mutant:ident, $condition:expr) => {
        $guards.is_off($crate::Mutant::$mutant) || $condition
    };
}
