//! Compiles the `.proto` files with protox, so that nobody needs `protoc`.

use prost::Message;
use std::{env, error::Error, fs, path::PathBuf};

/// One file per package, all below `proto/`.
const PACKAGES: [&str; 7] =
    ["bootstrap", "cohort", "common", "matching", "regression", "study", "survival"];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let files = PACKAGES.map(|name| root.join(format!("equipoise/{name}/v1/{name}.proto")));
    for file in &files {
        println!("cargo:rerun-if-changed={}", file.display());
    }
    let descriptors = protox::compile(&files, [&root])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().include_file("packages.rs").compile_fds(descriptors)?;
    Ok(())
}
