//! Argon2id alone, with the server's default parameters, on every core.

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};
use serde_json::{Value, json};

pub(crate) fn run(time: Duration) -> Result<Value, Box<dyn Error>> {
    let params = Params::new(19_456, 2, 1, None).map_err(|error| error.to_string())?;
    let cores = thread::available_parallelism()?.get();
    let begin = Instant::now();
    let workers: Vec<_> = (0..cores)
        .map(|_| {
            let params = params.clone();
            thread::spawn(move || {
                let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
                let mut count = 0_u64;
                let mut out = [0_u8; 32];
                while begin.elapsed() < time {
                    if hasher
                        .hash_password_into(b"correct horse battery", b"sixteen bytes ok", &mut out)
                        .is_ok()
                    {
                        count += 1;
                    }
                }
                count
            })
        })
        .collect();
    let mut count = 0;
    for worker in workers {
        count += worker.join().map_err(|_| "a worker panicked")?;
    }
    Ok(json!({ "per_second": count as f64 / begin.elapsed().as_secs_f64(), "cores": cores }))
}
