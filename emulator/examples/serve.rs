//! Serves a portal over HTTP and HTTPS on free loopback ports until it is killed.
//!
//! `serve [--personality documented|source] [--ca-file PATH]`. The first line on standard output says where it is:
//! `{"http": 40001, "https": 40002}`.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use b24_offline_emulator::server::{ServeOptions, serve};
use b24_offline_emulator::{Limits, Personality};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let running = serve(options(std::env::args().skip(1))?).await?;
    let https = running.https.map(|address| address.port());
    println!("{}", serde_json::json!({ "http": running.http.port(), "https": https }));
    std::future::pending().await
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<ServeOptions, Box<dyn Error>> {
    let mut options = ServeOptions {
        https: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
        ..ServeOptions::default()
    };
    options.settings.limits = Limits::Enterprise;
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        match (name.as_str(), value.as_str()) {
            ("--personality", "documented") => {
                options.settings.personality = Personality::Documented;
            }
            ("--personality", "source") => options.settings.personality = Personality::Source,
            ("--ca-file", path) => options.ca_file = Some(PathBuf::from(path)),
            _ => return Err(format!("{name} {value} is not understood").into()),
        }
    }
    Ok(options)
}
