//! A server with a hook script, and a reader for its log.

use std::io::Write;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Once};

use doorward_hooks::delivery;
use serde_json::Value;
use tempfile::TempDir;

use super::TestApp;

/// A server with its own `hooks.star`.
pub struct Hooked {
    pub server: TestApp,
    pub script: PathBuf,
    folder: TempDir,
}

impl Hooked {
    /// A call has five seconds, because these tests run on slow machines, too.
    pub async fn new(script: &str) -> Hooked {
        Hooked::with(script, "", "time = \"5s\"").await
    }

    /// With further settings, and with further lines in `[hooks]`.
    pub async fn with(script: &str, settings: &str, hooks: &str) -> Hooked {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hooks.star");
        std::fs::write(&file, script).unwrap();
        let settings = format!("{settings}\n[hooks]\nscript = {:?}\n{hooks}\n", file.to_str().unwrap());
        Hooked { server: TestApp::with(&settings).await, script: file, folder }
    }

    /// Writes another script and lets the server load it.
    pub async fn rewrite(&self, script: &str) {
        std::fs::write(&self.script, script).unwrap();
        self.look().await;
    }

    /// The server loads a changed script after two looks that find the same content.
    pub async fn look(&self) {
        self.app.hooks.scripts.look().await;
        self.app.hooks.scripts.look().await;
    }

    /// Delivers the waiting events and returns the values of [`tell`], or the error of the hook.
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

/// A hook after an operation that fails with its result and the values of these getters. The delivery's row
/// contains the error.
pub fn tell(function: &str, getters: &str) -> String {
    format!("def {function}(model, successed):\n    fail('told ' + json.encode([successed, {getters}]))\n")
}

/// The log of this thread, while this value exists.
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
        // tracing decides for all threads together which lines it drops, and decides anew when a subscriber
        // begins or ends. A line at that moment could be lost. A permanent subscriber prevents this.
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
