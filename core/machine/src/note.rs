//! Notes: what a machine says about itself, for traces, metrics and logs, and the marks of `reached!`.

use std::fmt;
use std::sync::Arc;

/// What a note is about: a topic's partition, a file, a client; cheap to clone, formatted only when traced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// A topic or another name.
    pub name: Arc<str>,
    /// A partition or another number.
    pub number: i32,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.number)
    }
}

/// Something worth knowing that changes nothing. The server logs the few that operators need and drops the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// An address such as `log.rolled`: dotted, lower case, the name that scenarios and campaigns use.
    pub mark: &'static str,
    /// What it is about, if anything.
    pub of: Option<Subject>,
    /// Two facts in numbers; their meaning belongs to the mark.
    pub facts: [i64; 2],
    /// A sentence for a person, only where numbers cannot say it (a refused configuration, a damaged file).
    pub says: Option<String>,
}

impl Note {
    /// A bare mark.
    pub const fn mark(mark: &'static str) -> Note {
        Note { mark, of: None, facts: [0; 2], says: None }
    }

    /// The same note about something.
    #[must_use]
    pub fn of(mut self, subject: Option<&Subject>) -> Note {
        self.of = subject.cloned();
        self
    }

    /// The same note with two facts.
    #[must_use]
    pub const fn facts(mut self, a: i64, b: i64) -> Note {
        self.facts = [a, b];
        self
    }

    /// The same note with a sentence for a person.
    #[must_use]
    pub fn says(mut self, sentence: String) -> Note {
        self.says = Some(sentence);
        self
    }
}

/// An outbox that takes notes; every machine's outbox is one.
pub trait Notes {
    /// Takes a note.
    fn note(&mut self, note: Note);
}

impl Notes for Vec<Note> {
    fn note(&mut self, note: Note) {
        self.push(note);
    }
}

/// Marks a rare path: `reached!(out, "log.rolled")`, `reached!(out, "log.rolled", of = &subject)`, `reached!(out, "log.rolled", of = &subject, base, end)`.
///
/// Always there, in production too: a note in the outbox, which the server drops.
#[macro_export]
macro_rules! reached {
    ($out:expr, $mark:literal) => {
        $crate::Notes::note($out, $crate::Note::mark($mark))
    };
    ($out:expr, $mark:literal, of = $of:expr) => {
        $crate::Notes::note($out, $crate::Note::mark($mark).of(Some($of)))
    };
    ($out:expr, $mark:literal, of = $of:expr, $a:expr, $b:expr) => {
        $crate::Notes::note($out, $crate::Note::mark($mark).of(Some($of)).facts($a as i64, $b as i64))
    };
    ($out:expr, $mark:literal, $a:expr, $b:expr) => {
        $crate::Notes::note($out, $crate::Note::mark($mark).facts($a as i64, $b as i64))
    };
}
