//! A small SMTP server that can misbehave. The end-to-end tests show against an independent server that doorward speaks
//! standard SMTP.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The behaviour of the server, from the next mail on.
#[derive(Clone, Debug, Default)]
pub(crate) enum Mood {
    /// Accepts every mail.
    #[default]
    Kind,
    /// Answers `RCPT TO` with the second text if the address contains the first.
    Picky(&'static str, &'static str),
    /// Stops answering once a mail begins.
    Silent,
    /// Takes a mail, and confirms it only after its mood has changed.
    Hesitant,
}

/// An accepted mail.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) to: Vec<String>,
    pub(crate) data: String,
}

#[derive(Debug, Default)]
struct State {
    mood: Mood,
    taken: Vec<Taken>,
    connections: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Sink {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
}

impl Sink {
    pub(crate) async fn start() -> Sink {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sink = Sink { port: listener.local_addr().unwrap().port(), state: Arc::default() };
        let state = sink.state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                state.lock().unwrap().connections += 1;
                tokio::spawn(talk(stream, state.clone()));
            }
        });
        sink
    }

    /// Settings of a server that sends its mails to this sink.
    pub(crate) fn settings(&self) -> String {
        settings(self.port)
    }

    pub(crate) fn be(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.state.lock().unwrap().taken.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }
}

/// Settings of a server that sends its mails to this port, at which a server may listen or not.
pub(crate) fn settings(port: u16) -> String {
    format!(
        "[smtp]\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\ntimeout = \"1s\"\n\
         [mail]\nfrom = \"Example <hello@example.com>\"\nproduct = \"Example\"\n"
    )
}

async fn talk(stream: TcpStream, state: Arc<Mutex<State>>) -> Option<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"220 sink\r\n").await.ok()?;
    let mut to = Vec::new();
    while let Some(line) = lines.next_line().await.ok()? {
        let mood = state.lock().unwrap().mood.clone();
        let upper = line.to_ascii_uppercase();
        let answer = if upper.starts_with("EHLO") {
            "250-sink\r\n250 8BITMIME"
        } else if upper.starts_with("MAIL") {
            to.clear();
            if let Mood::Silent = mood {
                continue;
            }
            "250 ok"
        } else if upper.starts_with("RCPT") {
            let address = line.split(['<', '>']).nth(1)?.to_owned();
            match mood {
                Mood::Picky(text, answer) if address.contains(text) => answer,
                _ => {
                    to.push(address);
                    "250 ok"
                }
            }
        } else if upper.starts_with("DATA") {
            writer.write_all(b"354 go on\r\n").await.ok()?;
            let mut data = String::new();
            while let Some(line) = lines.next_line().await.ok()? {
                if line == "." {
                    break;
                }
                data.push_str(&line);
                data.push('\n');
            }
            state.lock().unwrap().taken.push(Taken { to: std::mem::take(&mut to), data });
            while matches!(state.lock().unwrap().mood, Mood::Hesitant) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            "250 taken"
        } else if upper.starts_with("QUIT") {
            writer.write_all(b"221 bye\r\n").await.ok()?;
            return None;
        } else {
            "250 ok"
        };
        writer.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
    None
}
