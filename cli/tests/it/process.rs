//! A server in a process of its own, and the tools against it.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

/// The binary under test.
pub fn odradek() -> &'static str {
    env!("CARGO_BIN_EXE_odradek")
}

/// A directory that is gone after the test.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Scratch {
        let dir = std::env::temp_dir().join(format!("odradek-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).expect("the system has a directory for temporary files");
        Scratch(dir)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A start that must be refused: one line on standard error, exit code 2, nothing on standard output.
pub fn refused(data: &Path, arguments: &[&str]) -> String {
    let output = Command::new(odradek())
        .args(["serve", "--data"])
        .arg(data)
        .args(arguments)
        .env("ODRADEK_LOG", "error")
        .output()
        .expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    assert!(output.stdout.is_empty());
    let lines: Vec<&str> = said.lines().filter(|line| !line.is_empty() && !line.starts_with("For more information")).collect();
    assert_eq!(lines.len(), 1, "{arguments:?}: {said}");
    said
}

/// A server that answers.
pub struct Server {
    child: Child,
    pub address: String,
    stdout: Arc<Mutex<String>>,
    stderr: Option<std::thread::JoinHandle<String>>,
}

impl Server {
    /// Starts one on a port that is free.
    pub fn start(data: PathBuf, arguments: &[&str]) -> Server {
        let data = data.to_str().expect("the path is text").to_owned();
        let mut all = vec!["--data", data.as_str(), "--listen", "127.0.0.1:0"];
        all.extend(arguments);
        Server::start_with(&all)
    }

    /// Starts one with exactly these arguments.
    pub fn start_with(arguments: &[&str]) -> Server {
        Server::ready(Command::new(odradek()).arg("serve").args(arguments))
    }

    /// Starts one on a port that is free, by words of a shell that end in running their arguments.
    pub fn start_under(words: &str, data: &Path) -> Server {
        let mut shell = Command::new("sh");
        shell.args(["-c", words, "sh", odradek(), "serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        Server::ready(&mut shell)
    }

    fn ready(command: &mut Command) -> Server {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let mut log = child.stderr.take().expect("it is piped");
        let stderr = std::thread::spawn(move || {
            let mut words = String::new();
            let _ = log.read_to_string(&mut words);
            words
        });
        let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        out.read_line(&mut line).expect("standard output can be read");
        let Some(address) = line.trim().strip_prefix("odradek ready on ").map(str::to_owned) else {
            let code = child.wait();
            panic!("no ready line but '{line}', {code:?}: {}", stderr.join().unwrap_or_default());
        };
        let stdout = Arc::new(Mutex::new(line));
        let rest = Arc::clone(&stdout);
        std::thread::spawn(move || {
            let mut line = String::new();
            while out.read_line(&mut line).is_ok_and(|read| read > 0) {
                rest.lock().expect("nobody panics with it").push_str(&std::mem::take(&mut line));
            }
        });
        Server { child, address, stdout, stderr: Some(stderr) }
    }

    /// All that it wrote to standard output.
    pub fn stdout_so_far(&self) -> String {
        self.stdout.lock().expect("nobody panics with it").clone()
    }

    /// Runs a tool with input and gives all of its output.
    pub fn run(&self, arguments: &[&str], input: &str) -> Output {
        let (verb, rest) = arguments.split_first().expect("a tool has a verb");
        let mut child = Command::new(odradek())
            .args([verb, "-b", &self.address])
            .args(rest)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        let input = input.to_owned();
        let writer = std::thread::spawn(move || {
            // A tool that has read enough closes its end.
            let _ = stdin.write_all(input.as_bytes());
        });
        let output = child.wait_with_output().expect("the tool ends");
        writer.join().expect("the writer ends with the tool");
        output
    }

    /// Runs a tool that must succeed and gives what it printed.
    pub fn tool(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments, "");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub fn produce(&self, topic: &str, lines: &[&str]) {
        let output = self.run(&["produce", "-t", topic], &(lines.join("\n") + "\n"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub fn consume_sorted(&self, topic: &str) -> Vec<String> {
        let mut lines: Vec<String> = self.tool(&["consume", "-t", topic, "-e"]).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().expect("there is a kill");
        assert!(sent.success());
    }

    /// SIGTERM, then the exit code and the log.
    pub fn terminate(self) -> (Option<i32>, String) {
        self.signal("TERM");
        self.wait()
    }

    /// The exit code and the log, once it ended by itself.
    pub fn wait(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().expect("it ends").code();
        (code, self.stderr.take().map(|log| log.join().expect("the log can be read")).unwrap_or_default())
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
