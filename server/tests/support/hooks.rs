//! A server with a script, and what it says in its log.

use std::io::Write;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Once};

use doorward_hooks::delivery;
use serde_json::Value;
use tempfile::TempDir;

use super::TestApp;

/// A server with a `hooks.star` of its own.
pub struct Hooked {
    pub server: TestApp,
    pub script: PathBuf,
    folder: TempDir,
}

impl Hooked {
    /// A call has a long time: what hooks do is tested on slow machines, too.
    pub async fn new(script: &str) -> Hooked {
        Hooked::with(script, "", "time = \"5s\"").await
    }

    /// With more settings, and those of `[hooks]`.
    pub async fn with(script: &str, settings: &str, hooks: &str) -> Hooked {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hooks.star");
        std::fs::write(&file, script).unwrap();
        let settings = format!("{settings}\n[hooks]\nscript = {:?}\n{hooks}\n", file.to_str().unwrap());
        Hooked { server: TestApp::with(&settings).await, script: file, folder }
    }

    /// Writes another script, and lets the server look at it as often as it takes.
    pub async fn rewrite(&self, script: &str) {
        std::fs::write(&self.script, script).unwrap();
        self.look().await;
    }

    /// Two looks that find the same.
    pub async fn look(&self) {
        self.app.hooks.scripts.look().await;
        self.app.hooks.scripts.look().await;
    }

    /// What hooks were told since the last time.
    pub async fn told(&self) -> Vec<Value> {
        while delivery::deliver_due(&self.app.hooks).await {}
        let mut db = self.app.platform.store.read().await.unwrap();
        let causes: Vec<String> =
            sqlx::query_scalar("select error from hook_deliveries where error is not null order by id")
                .fetch_all(&mut *db)
                .await
                .unwrap();
        drop(db);
        self.sql_do("delete from hook_deliveries").await;
        let json =
            |cause: &String| cause.split_once("told ").map(|(_, json)| serde_json::from_str(json).unwrap());
        causes.iter().map(|cause| json(cause).unwrap_or_else(|| cause.as_str().into())).collect()
    }
}

impl Deref for Hooked {
    type Target = TestApp;

    fn deref(&self) -> &TestApp {
        &self.server
    }
}

/// A hook after an operation that tells how it ended and what it reads by failing with that: it stands beside its row.
pub fn tell(function: &str, getters: &str) -> String {
    format!("def {function}(model, successed):\n    fail('told ' + json.encode([successed, {getters}]))\n")
}

/// What this thread logs, as long as it is kept.
pub struct Log {
    text: Lines,
    _guard: tracing::subscriber::DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub fn listen() -> Log {
        // Which lines anybody wants is one answer for all threads, and changes with each that begins or ends to listen; a
        // line of that moment could be lost. Somebody wants them always.
        static ALWAYS: Once = Once::new();
        ALWAYS.call_once(|| {
            let nowhere = tracing_subscriber::fmt().with_writer(std::io::sink).finish();
            tracing::subscriber::set_global_default(nowhere).unwrap();
        });
        let text = Lines::default();
        let lines = text.clone();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || lines.clone()).finish();
        Log { text, _guard: tracing::subscriber::set_default(log) }
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.text.0.lock().unwrap().clone()).unwrap()
    }
}
