//! The requests of a study as files, for load generators in other languages.

use crate::{Kind, Requests};
use serde::Serialize;
use std::path::Path;
use std::{fs, io};

/// A request in the index of a folder of requests.
#[derive(Serialize)]
struct Entry<'a> {
    kind: Kind,
    name: &'a str,
    /// The method, as HTTP/2 spells it.
    path: &'static str,
    /// The files of its messages, in the order in which they are sent.
    files: Vec<String>,
    replicates: u64,
}

/// Writes each message of each request into a file of its own, and `index.json` that lists them.
///
/// # Errors
///
/// When a file cannot be written.
pub fn write_requests(requests: &Requests, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut index = Vec::new();
    for (number, payload) in requests.all().enumerate() {
        let mut files = Vec::new();
        for (place, message) in payload.messages.iter().enumerate() {
            let file = format!("{number:04}-{}-{place}.pb", payload.kind.name());
            fs::write(folder.join(&file), message)?;
            files.push(file);
        }
        index.push(Entry {
            kind: payload.kind,
            name: &payload.name,
            path: payload.kind.path(),
            files,
            replicates: payload.n_replicates,
        });
    }
    let text = serde_json::to_string_pretty(&index).expect("an index has string keys alone");
    fs::write(folder.join("index.json"), text + "\n")
}
