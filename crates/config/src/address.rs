//! The public addresses of this server. Every address that the server sends to a client is made here.

use url::Url;

use super::Config;

impl Config {
    /// The full address of a path of this server.
    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.public_url)
    }

    /// The path without a host, for links between pages of this server. So the browser stays on its current host, which
    /// with `--dev` may be the proxy of a dev server.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix())
    }

    /// The path of `public_url`, without a slash at its end. The proxy in front of this server removes it
    /// from requests.
    pub fn prefix(&self) -> String {
        let url = Url::parse(&self.public_url).ok();
        url.map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default()
    }
}
