//! A small service that webhooks call and that can misbehave. It writes HTTP by hand, because an HTTP library would not
//! send broken answers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The behaviour of the service, from the next request on.
#[derive(Clone, Debug)]
pub(crate) enum Mood {
    /// Answers with this status and body.
    Says(u16, String),
    /// Redirects to an address, with this status.
    Redirects(u16, String),
    /// Takes the request and does not answer.
    Hangs,
    /// Answers 200, one byte at a time, without an end.
    Drips,
    /// Sends an answer that is not HTTP.
    Babbles,
    /// Takes the request and closes the connection without an answer.
    HangsUp,
}

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Heard {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) port: u16,
    state: Arc<State>,
}

struct State {
    mood: Mutex<Mood>,
    heard: Mutex<Vec<Heard>>,
    connections: AtomicUsize,
}

impl Service {
    /// Starts a service that answers everything with 204.
    pub(crate) async fn start() -> Service {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mood = Mutex::new(Mood::Says(204, String::new()));
        let state = Arc::new(State { mood, heard: Mutex::default(), connections: AtomicUsize::default() });
        let kept = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                kept.connections.fetch_add(1, Ordering::SeqCst);
                let state = kept.clone();
                // The result is ignored, because the tested client notices a failure itself.
                tokio::spawn(async move { drop(converse(stream, &state).await) });
            }
        });
        Service { port, state }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn be(&self, mood: Mood) {
        *self.state.mood.lock().unwrap() = mood;
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.state.heard.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }
}

async fn converse(stream: TcpStream, state: &State) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut heard = Heard { line: String::new(), headers: Vec::new(), body: String::new() };
    stream.read_line(&mut heard.line).await?;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        heard.headers.push((name.to_lowercase(), value.to_owned()));
    }
    let mut body = vec![0; heard.header("content-length").parse().unwrap_or(0)];
    stream.read_exact(&mut body).await?;
    heard.body = String::from_utf8_lossy(&body).into_owned();
    state.heard.lock().unwrap().push(heard);
    let mood = state.mood.lock().unwrap().clone();
    let answer = |head: String, body: String| {
        let length = body.len();
        format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
    };
    let text = match mood {
        Mood::Says(204, _) => "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n".to_owned(),
        Mood::Says(status, body) => answer(format!("{status} So"), body),
        Mood::Redirects(status, to) => answer(format!("{status} There\r\nlocation: {to}"), String::new()),
        Mood::Babbles => "220 mail.example.com ESMTP\r\n".to_owned(),
        Mood::HangsUp => String::new(),
        Mood::Hangs => std::future::pending().await,
        Mood::Drips => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n").await?;
            loop {
                stream.write_all(b" ").await?;
                stream.flush().await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}
