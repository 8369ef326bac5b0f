//! Services as processes of their own.

use crate::harness::PROGRAM;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A service in a process of its own, on a port that the system chose.
pub struct Service {
    process: Child,
    /// Its address.
    pub address: String,
}

impl Service {
    /// Starts `equipoise serve` and waits until it says where it listens.
    pub fn start(name: &str, arguments: &[&str]) -> Self {
        let mut process = Command::new(PROGRAM)
            .args(["serve", name, "--listen", "127.0.0.1:0", "--log-format", "json"])
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| address_in(&line))
            .expect("a service says where it listens");
        // Somebody has to read what it says further, or it would block.
        std::thread::spawn(move || lines.count());
        Self { process, address: format!("http://{address}") }
    }
}

/// The address in a log line of a service that has begun to listen.
fn address_in(line: &str) -> Option<String> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    line["fields"]["address"].as_str().or(line["address"].as_str()).map(str::to_string)
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
