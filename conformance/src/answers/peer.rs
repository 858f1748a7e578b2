//! One of the two servers, as a client without any manners meets it.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kacrab_protocol::KafkaUuid;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server, and what it called things.
pub struct Peer {
    /// What it is called here.
    pub name: &'static str,
    address: String,
    connection: Option<TcpStream>,
    /// Topic ids that it gave out, by what the codec prints of them.
    pub topics: BTreeMap<String, String>,
    ids: BTreeMap<String, KafkaUuid>,
    /// Numbers that it gave out and that requests carry back: sessions, producers.
    pub numbers: BTreeMap<&'static str, i64>,
}

/// What came of bytes on a connection of their own.
pub struct Outcome {
    /// The frames that came, without their lengths.
    pub answers: Vec<Bytes>,
    /// True if the connection was closed by the server.
    pub closed: bool,
}

/// An answer that was waited for, and when it came.
pub type Late = (Result<Bytes, String>, Instant);

impl Peer {
    pub fn new(name: &'static str, address: &str) -> Peer {
        let (topics, ids, numbers) = Default::default();
        Peer { name, address: address.to_owned(), connection: None, topics, ids, numbers }
    }

    /// Its port.
    pub fn port(&self) -> &str {
        self.address.rsplit(':').next().unwrap_or("")
    }

    /// Remembers the id of a topic, as the codec prints it.
    pub fn learn(&mut self, topic: &str, id: &str) {
        let digits: String = id.chars().filter(|c| *c != '-').collect();
        let number = u128::from_str_radix(&digits, 16).expect("an id is printed in hexadecimal digits");
        self.topics.insert(id.to_owned(), topic.to_owned());
        self.ids.insert(topic.to_owned(), KafkaUuid::from_parts((number >> 64) as u64, number as u64));
    }

    /// The id of a topic that was created here.
    pub fn id(&self, topic: &str) -> KafkaUuid {
        *self.ids.get(topic).unwrap_or_else(|| panic!("{} never told the id of {topic}", self.name))
    }

    /// A number that it gave out; 0 if it never did.
    pub fn number(&self, name: &str) -> i64 {
        self.numbers.get(name).copied().unwrap_or(0)
    }

    /// Sends a frame on the standing connection and takes the next answer.
    pub fn ask(&mut self, frame: &[u8]) -> Result<Bytes, String> {
        if self.connection.is_none() {
            self.connection = Some(self.connect()?);
        }
        let connection = self.connection.as_mut().expect("it was just opened");
        connection.write_all(frame).map_err(|e| e.to_string())?;
        match next(connection, PATIENCE) {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => {
                self.connection = None;
                Err("closed the connection".to_owned())
            }
            Err(error) => {
                self.connection = None;
                Err(error)
            }
        }
    }

    /// Sends a frame on a connection of its own, and waits for the answer in a thread of its own.
    pub fn begin(&self, frame: &[u8]) -> Result<JoinHandle<Late>, String> {
        let mut connection = self.connect()?;
        connection.write_all(frame).map_err(|e| e.to_string())?;
        Ok(std::thread::spawn(move || {
            let answer = next(&mut connection, PATIENCE).and_then(|answer| answer.ok_or_else(|| "closed the connection".to_owned()));
            (answer, Instant::now())
        }))
    }

    /// Sends bytes on a connection of their own, and takes what comes until there were `wanted` answers or the end.
    pub fn try_bytes(&self, bytes: &[u8], wanted: usize, patience: Duration) -> Result<Outcome, String> {
        let mut connection = self.connect()?;
        // A server that closes early resets what is still under way: what it says before counts.
        let _ = connection.write_all(bytes);
        let mut outcome = Outcome { answers: Vec::new(), closed: false };
        while outcome.answers.len() < wanted {
            match next(&mut connection, patience) {
                Ok(Some(answer)) => outcome.answers.push(answer),
                Ok(None) => {
                    outcome.closed = true;
                    break;
                }
                Err(_) => break,
            }
        }
        Ok(outcome)
    }

    fn connect(&self) -> Result<TcpStream, String> {
        let connection = TcpStream::connect(&self.address).map_err(|e| format!("{}: {e}", self.address))?;
        connection.set_nodelay(true).map_err(|e| e.to_string())?;
        Ok(connection)
    }
}

/// The next frame; `None` if the server closed the connection.
fn next(connection: &mut TcpStream, patience: Duration) -> Result<Option<Bytes>, String> {
    let until = Instant::now() + patience;
    let mut length = [0; 4];
    if !fill(connection, &mut length, until)? {
        return Ok(None);
    }
    let mut frame = vec![0; usize::try_from(i32::from_be_bytes(length)).map_err(|_| "an answer of negative length".to_owned())?];
    if fill(connection, &mut frame, until)? { Ok(Some(frame.into())) } else { Ok(None) }
}

fn fill(connection: &mut TcpStream, mut room: &mut [u8], until: Instant) -> Result<bool, String> {
    while !room.is_empty() {
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        connection.set_read_timeout(Some(left)).map_err(|e| e.to_string())?;
        match connection.read(room) {
            Ok(0) => return Ok(false),
            Ok(bytes) => room = &mut room[bytes..],
            Err(e) if matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => return Ok(false),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return Err("no answer".to_owned()),
            Err(e) => return Err(e.to_string()),
        }
    }
    Ok(true)
}
