//! Finds stolen passwords offline, in a sorted file with the first six bytes of the SHA-1 of each. With one
//! thousand million passwords, the file takes 6 GB on disk and no memory. A lookup takes about thirty small
//! reads, which cost less than a password hash, and finds a password wrongly once in 280,000 times.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use doorward_core::canonical;
use doorward_core::files::Draft;

use super::{HASH, sha1};

/// The first bytes of a filter file.
const MAGIC: &[u8; 8] = b"dw sha1\n";
const KEY: usize = 6;

type Key = [u8; KEY];

/// An open filter file.
#[derive(Clone, Debug)]
pub(super) struct Breaches {
    file: Arc<Mutex<File>>,
    count: u64,
}

impl Breaches {
    /// Opens a filter file.
    pub(super) fn open(path: &Path) -> Result<Breaches, String> {
        let explain = |cause: &dyn std::fmt::Display| format!("{}: {cause}", path.display());
        let mut file = File::open(path).map_err(|error| explain(&error))?;
        let length = file.metadata().map_err(|error| explain(&error))?.len();
        let mut magic = [0; MAGIC.len()];
        let is_ours = file.read_exact(&mut magic).is_ok() && magic == *MAGIC;
        let keys = length.saturating_sub(MAGIC.len() as u64);
        if !is_ours || keys % KEY as u64 != 0 {
            return Err(explain(&"this is not a filter: make one with `doorward passwords filter`"));
        }
        Ok(Breaches { file: Arc::new(Mutex::new(file)), count: keys / KEY as u64 })
    }

    /// True if the filter contains the hash. If the disk fails, the password is accepted.
    pub(super) async fn have(&self, hash: [u8; HASH]) -> bool {
        let breaches = self.clone();
        let found = tokio::task::spawn_blocking(move || breaches.find(&key(&hash))).await;
        match found {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                tracing::error!(cause = %error, "password.breach_filter cannot be read");
                false
            }
            Err(_) => false,
        }
    }

    fn find(&self, wanted: &Key) -> io::Result<bool> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut from, mut to) = (0, self.count);
        while from < to {
            let middle = from + (to - from) / 2;
            file.seek(SeekFrom::Start(MAGIC.len() as u64 + middle * KEY as u64))?;
            let mut found = [0; KEY];
            file.read_exact(&mut found)?;
            match found.cmp(wanted) {
                std::cmp::Ordering::Equal => return Ok(true),
                std::cmp::Ordering::Less => from = middle + 1,
                std::cmp::Ordering::Greater => to = middle,
            }
        }
        Ok(false)
    }
}

fn key(hash: &[u8]) -> Key {
    let mut key = [0; KEY];
    for (to, from) in key.iter_mut().zip(hash) {
        *to = *from;
    }
    key
}

/// Makes a filter from lines: SHA-1 hashes in hexadecimal, optionally followed by `:count`, or plain passwords.
/// Returns the number of entries. Hashes in sorted order, as they are published, need no memory. Each hash out
/// of order needs six bytes.
pub fn make(mut lines: impl BufRead, target: &Path) -> io::Result<u64> {
    let (mut sorted, mut rest, mut last) = (begin(target)?, Vec::<Key>::new(), None::<Key>);
    let (mut line, mut count) = (Vec::new(), 0);
    while lines.read_until(b'\n', &mut line)? > 0 {
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if !text.is_empty() {
            let key = read(text).unwrap_or_else(|| match std::str::from_utf8(text) {
                // Lookups use the canonical form, too.
                Ok(word) => key(&sha1(canonical::password(word).as_bytes())),
                Err(_) => key(&sha1(text)),
            });
            match last {
                Some(before) if key == before => {}
                Some(before) if key < before => rest.push(key),
                _ => {
                    sorted.write_all(&key)?;
                    last = Some(key);
                    count += 1;
                }
            }
        }
        line.clear();
    }
    let mut draft = sorted.into_inner()?;
    if !rest.is_empty() {
        (draft, count) = merge(&draft, rest, target)?;
    }
    draft.replace()?;
    Ok(count)
}

fn begin(target: &Path) -> io::Result<BufWriter<Draft>> {
    let mut draft = BufWriter::new(Draft::of(target, 0o666)?);
    draft.write_all(MAGIC)?;
    Ok(draft)
}

/// Merges the keys that were out of order into the sorted ones.
fn merge(part: &Draft, mut rest: Vec<Key>, target: &Path) -> io::Result<(Draft, u64)> {
    rest.sort_unstable();
    rest.dedup();
    let mut file = BufReader::new(File::open(part.path())?);
    file.seek_relative(MAGIC.len() as i64)?;
    let (mut out, mut count) = (begin(target)?, 0);
    let mut next = || {
        let mut key = [0; KEY];
        file.read_exact(&mut key).is_ok().then_some(key)
    };
    let (mut rest, mut sorted) = (rest.into_iter().peekable(), next());
    loop {
        let key = match (sorted, rest.peek().copied()) {
            (Some(one), Some(other)) => one.min(other),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => break,
        };
        if sorted == Some(key) {
            sorted = next();
        }
        if rest.peek() == Some(&key) {
            rest.next();
        }
        out.write_all(&key)?;
        count += 1;
    }
    Ok((out.into_inner()?, count))
}

/// Parses a hash as it is published: 40 hexadecimal digits, optionally followed by the number of times that the
/// password was seen.
fn read(line: &[u8]) -> Option<Key> {
    let (hex, after) = line.split_at_checked(2 * HASH)?;
    if !hex.iter().all(u8::is_ascii_hexdigit) || !matches!(after, [] | [b':', ..]) {
        return None;
    }
    let mut key = [0; KEY];
    for (to, digits) in key.iter_mut().zip(hex.chunks(2)) {
        *to = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(lines: &str) -> (tempfile::TempDir, Breaches, u64) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("filter");
        let count = make(lines.as_bytes(), &path).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
        (folder, Breaches::open(&path).unwrap(), count)
    }

    #[test]
    fn sec_p02_a_filter_is_made_of_hashes_and_of_words_in_any_order() {
        let hex =
            |word: &str| sha1(word.as_bytes()).iter().map(|byte| format!("{byte:02X}")).collect::<String>();
        let words: Vec<String> = (0..500).map(|n| format!("password{n}")).collect();
        let mut hashes: Vec<String> = words.iter().map(|word| format!("{}:{}", hex(word), 7)).collect();
        let in_words = format!("{}\r\n\n{}\n", words.join("\n"), words.join("\n"));
        let unsorted = hashes.join("\n").to_lowercase();
        hashes.sort();
        for lines in [in_words, unsorted, hashes.join("\r\n")] {
            let (_folder, filter, count) = filter(&lines);
            assert_eq!((count, filter.count), (500, 500));
            for word in &words {
                assert!(filter.find(&key(&sha1(word.as_bytes()))).unwrap(), "{word}");
                assert!(!filter.find(&key(&sha1(word.to_uppercase().as_bytes()))).unwrap(), "{word}");
            }
        }
        let (_folder, empty, _) = self::filter("");
        assert!(!empty.find(&[0; KEY]).unwrap());
    }

    #[test]
    fn a_file_that_is_not_a_filter_is_refused_at_start() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for text in ["", "password\n", "dw sha1\n12345"] {
            std::fs::write(file.path(), text).unwrap();
            assert!(Breaches::open(file.path()).unwrap_err().contains("not a filter"), "{text}");
        }
        assert!(Breaches::open("/nowhere/at/all".as_ref()).is_err());
    }
}
