//! The addresses of this server, as browsers and programs know them. Every one that the server gives out is made here.

use url::Url;

use super::Config;

impl Config {
    /// The full address of a path of ours.
    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.public_url)
    }

    /// The same for a page of ours that a browser goes to from another page of ours. It has no host, so that the browser stays on
    /// the host that it came by: with `--dev` that may be a dev server's proxy.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix())
    }

    /// The path of `public_url`, without a slash at its end. The proxy in front of this server takes it away.
    pub fn prefix(&self) -> String {
        let url = Url::parse(&self.public_url).ok();
        url.map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default()
    }
}
