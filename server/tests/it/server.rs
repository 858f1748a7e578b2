//! A server on a thread of this process.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::channel;

use odradek_server::{Counters, Options, serve};

/// A server that answers; it lives as long as the process, as its thread cannot be stopped from outside.
pub struct Server {
    pub address: String,
    pub counters: Arc<Counters>,
    data: PathBuf,
}

impl Server {
    /// Starts one over an empty directory.
    pub fn start(name: &str) -> Server {
        let data = std::env::temp_dir().join(format!("odradek-server-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&data);
        let options = Options { data: Some(data.clone()), listen: Some("127.0.0.1:0".to_owned()), ..Options::default() };
        let (tell, told) = channel();
        std::thread::spawn(move || {
            let outcome = serve(&options, |ready| {
                let _ = tell.send((ready.addresses[0].clone(), Arc::clone(&ready.counters)));
            });
            panic!("the server ended: {outcome:?}");
        });
        let (address, counters) = told.recv().expect("a server over an empty directory starts");
        Server { address, counters, data }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The files stay open where the server has them; their names go.
        let _ = std::fs::remove_dir_all(&self.data);
    }
}
