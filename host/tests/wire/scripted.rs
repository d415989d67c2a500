//! A server that answers each request on a loopback port with what a test tells it, byte by byte.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) body: String,
}

/// What to do with a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// These bytes, then the connection is closed.
    Raw(Vec<u8>),
    /// These bytes over and over until the client goes away.
    Endless(Vec<u8>),
    /// The connection is closed without a byte.
    Drop,
    /// Nothing, the connection stays open.
    Silence,
    /// The answer, once the test says so.
    After(Arc<Notify>, Box<Answer>),
}

/// A whole answer with a body; each header ends with CR LF.
pub(crate) fn whole(status: &str, headers: &str, body: &[u8]) -> Answer {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n");
    Answer::Raw([head.as_bytes(), body].concat())
}

/// A whole JSON answer.
pub(crate) fn json(status: &str, body: &str) -> Answer {
    whole(status, "content-type: application/json\r\n", body.as_bytes())
}

/// The server; it ends with the test's runtime.
pub(crate) struct Scripted {
    pub(crate) port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Scripted {
    /// Starts a server that asks `answer` for each request, numbered from 0.
    pub(crate) async fn start(
        answer: impl Fn(usize, &Request) -> Answer + Send + Sync + 'static,
    ) -> Scripted {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (answer, seen) = (Arc::new(answer), requests.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer.clone(), seen.clone()));
            }
        });
        Scripted { port, requests }
    }

    pub(crate) fn base(&self) -> String {
        format!("http://127.0.0.1:{}/rest/", self.port)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    answer: Arc<impl Fn(usize, &Request) -> Answer + Send + Sync>,
    seen: Arc<Mutex<Vec<Request>>>,
) {
    let Some(request) = read(&mut stream).await else { return };
    let number = {
        let mut seen = seen.lock().unwrap();
        seen.push(request.clone());
        seen.len() - 1
    };
    let mut answer = answer(number, &request);
    while let Answer::After(signal, then) = answer {
        signal.notified().await;
        answer = *then;
    }
    match answer {
        Answer::Raw(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Answer::Endless(bytes) => while stream.write_all(&bytes).await.is_ok() {},
        Answer::Drop | Answer::After(..) => {}
        Answer::Silence => {
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let count = stream.read(&mut part).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let lower = head.to_ascii_lowercase();
        let length = lower
            .split_once("content-length: ")
            .map_or(0, |(_, rest)| rest.split("\r\n").next().unwrap().parse().unwrap());
        if body.len() >= length {
            let path = head.split(' ').nth(1)?.to_owned();
            return Some(Request { path, body: body.to_owned() });
        }
    }
}
