//! Serves the folders of `[[site]]`: the demo site, or an app's own pages on the same server.
//!
//! The origin of the pages protects no secret (D-7: no cookie signs a user in), but their headers keep the session's
//! key in the page (SECURITY B03): COOP, and a CSP that runs only the site's own scripts.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{fs, io};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri, header};
use doorward_config::{Config, ConfigError, Site};

const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    img-src 'self' https: data:; frame-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    // The browser stores the file but asks each time: an update is visible at once, and an unchanged file costs one
    // 304.
    (header::CACHE_CONTROL, "no-cache"),
];

/// The file types that are served, by extension. A closed list, so that a `doorward.toml`, a database or a key in the
/// folder is never served.
const TYPES: &[(&str, &str)] = &[
    ("html", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("json", "application/json"),
    ("map", "application/json"),
    ("webmanifest", "application/manifest+json"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("avif", "image/avif"),
    ("ico", "image/x-icon"),
    ("woff2", "font/woff2"),
    ("woff", "font/woff"),
    ("txt", "text/plain; charset=utf-8"),
    ("xml", "application/xml"),
    ("pdf", "application/pdf"),
];

/// Folders and the paths that they are served under.
#[derive(Debug, Default)]
pub struct Sites {
    mounts: Vec<Mount>,
    /// The path of `public_url`, which a proxy removes.
    prefix: String,
}

#[derive(Debug)]
struct Mount {
    /// Without the slash at its end: `` for `/`.
    prefix: String,
    root: PathBuf,
}

/// The target of a path.
enum Found {
    File {
        kind: &'static str,
        modified: SystemTime,
        length: u64,
        path: PathBuf,
    },
    /// A folder that was requested without the slash: its relative links would be wrong.
    Folder,
}

impl Sites {
    /// Mounts the folders of the settings. The longest matching path wins.
    pub fn new(config: &Config) -> Result<Sites, ConfigError> {
        let mut all = Vec::new();
        for Site { path, dir } in &config.site {
            if !path.starts_with('/') {
                return Err(ConfigError::about(
                    "site.path",
                    None,
                    format_args!("{path:?} must begin with a slash"),
                ));
            }
            let root = dir.canonicalize().map_err(|error| {
                ConfigError::about("site.dir", None, format_args!("{}: {error}", dir.display()))
            })?;
            all.push(Mount { prefix: path.trim_end_matches('/').to_owned(), root });
        }
        all.sort_by_key(|mount| std::cmp::Reverse(mount.prefix.len()));
        Ok(Sites { mounts: all, prefix: config.path("") })
    }

    /// Answers with a file or a redirect. `None` if there is no such file.
    pub async fn serve(
        self: Arc<Self>,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Option<Response<Body>> {
        if self.mounts.is_empty() || !matches!(*method, Method::GET | Method::HEAD) {
            return None;
        }
        let asked = uri.path().to_owned();
        let (found, body) = {
            let (sites, head, known) = (self.clone(), *method == Method::HEAD, Known::of(headers));
            // Reading from disk may block, and must not block a thread that other requests need.
            tokio::task::spawn_blocking(move || sites.find(&asked, head, &known)).await.ok()??
        };
        let mut response = match found {
            Found::Folder => {
                let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
                redirect(&format!("{}{}/{query}", self.prefix, uri.path()))?
            }
            Found::File { kind, modified, length, .. } => file(kind, modified, length, body)?,
        };
        for (name, value) in HEADERS {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        Some(response)
    }

    fn find(&self, asked: &str, head: bool, known: &Known) -> Option<(Found, Contents)> {
        let mount = self.mounts.iter().find(|mount| {
            asked.strip_prefix(&mount.prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })?;
        let found = mount.find(asked.get(mount.prefix.len()..)?)?;
        let contents = match &found {
            Found::Folder => Contents::Nothing,
            Found::File { modified, length, .. } if known.has(*modified, *length) => Contents::Known,
            Found::File { .. } if head => Contents::Nothing,
            Found::File { path, .. } => Contents::Bytes(fs::read(path).ok()?),
        };
        Some((found, contents))
    }
}

/// The content of the answer.
enum Contents {
    Bytes(Vec<u8>),
    Nothing,
    Known,
}

impl Mount {
    /// `index.html` for a folder; otherwise the file itself, or `signup.html` for `/signup`.
    fn find(&self, rest: &str) -> Option<Found> {
        let decoded = percent_decode(rest)?;
        let mut path = self.root.clone();
        let (parts, folder) = match decoded.strip_suffix('/') {
            Some(parts) => (parts, true),
            None => (decoded.as_str(), rest.is_empty() && self.prefix.is_empty()),
        };
        for part in parts.split('/').skip(1) {
            // Refuses parts that leave the folder, hidden files (`.git`, `.env`), and characters that another system
            // reads as a path.
            if part.is_empty() || part.starts_with('.') || part.contains(['\\', '\0', ':']) {
                return None;
            }
            path.push(part);
        }
        if folder {
            return self.file(path.join("index.html"));
        }
        if let Some(file) = self.file(path.clone()) {
            return Some(file);
        }
        if let Some(name) = path.file_name().and_then(|name| name.to_str())
            && let Some(file) = self.file(path.with_file_name(format!("{name}.html")))
        {
            return Some(file);
        }
        self.file(path.join("index.html")).map(|_| Found::Folder)
    }

    fn file(&self, path: PathBuf) -> Option<Found> {
        let kind = content_type(&path)?;
        let (path, about) = self.inside(&path).ok()?;
        about.is_file().then(|| Found::File {
            kind,
            modified: about.modified().unwrap_or(UNIX_EPOCH),
            length: about.len(),
            path,
        })
    }

    /// A symbolic link in the folder must not lead out of it.
    fn inside(&self, path: &Path) -> io::Result<(PathBuf, fs::Metadata)> {
        let real = path.canonicalize()?;
        if !real.starts_with(&self.root) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let about = fs::metadata(&real)?;
        Ok((real, about))
    }
}

fn content_type(path: &Path) -> Option<&'static str> {
    let extension = path.extension()?.to_str()?;
    TYPES.iter().find(|(ending, _)| ending.eq_ignore_ascii_case(extension)).map(|(_, kind)| *kind)
}

/// The version of the file that the browser already has.
struct Known {
    tag: Option<String>,
    since: Option<String>,
}

impl Known {
    fn of(headers: &HeaderMap) -> Known {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Known { tag: text(header::IF_NONE_MATCH), since: text(header::IF_MODIFIED_SINCE) }
    }

    /// RFC 9110 §13.2.2: the tag decides if there is one.
    fn has(&self, modified: SystemTime, length: u64) -> bool {
        match (&self.tag, &self.since) {
            (Some(tags), _) => {
                let ours = entity_tag(modified, length);
                tags.split(',')
                    .map(|tag| tag.trim().trim_start_matches("W/"))
                    .any(|tag| tag == ours || tag == "*")
            }
            // Browsers send back the value that they received, so that an exact comparison is enough.
            (None, Some(since)) => *since == http_date(modified),
            (None, None) => false,
        }
    }
}

fn entity_tag(modified: SystemTime, length: u64) -> String {
    let nanos = modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("\"{nanos:x}-{length:x}\"")
}

fn http_date(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let moment = jiff::Timestamp::from_second(i64::try_from(seconds).unwrap_or(0)).unwrap_or_default();
    moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn file(kind: &'static str, modified: SystemTime, length: u64, contents: Contents) -> Option<Response<Body>> {
    let builder = Response::builder()
        .header(header::CONTENT_TYPE, kind)
        .header(header::ETAG, entity_tag(modified, length))
        .header(header::LAST_MODIFIED, http_date(modified));
    match contents {
        Contents::Bytes(bytes) => builder.body(Body::from(bytes)),
        Contents::Nothing => builder.header(header::CONTENT_LENGTH, length).body(Body::empty()),
        Contents::Known => builder.status(StatusCode::NOT_MODIFIED).body(Body::empty()),
    }
    .ok()
}

fn redirect(to: &str) -> Option<Response<Body>> {
    Response::builder()
        .status(StatusCode::PERMANENT_REDIRECT)
        .header(header::LOCATION, to)
        .body(Body::empty())
        .ok()
}

/// Decodes once, and strictly: `None` for a wrong escape or for bytes that are not UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let (high, low) = (digit(rest.next())?, digit(rest.next())?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}
