//! How often a test repeats something random. The SDK's tests include this file, too.

/// `quick` rounds, or `long` rounds if `DOORWARD_TEST_LONG` is set, as in `npm run test:long`.
pub fn rounds(quick: u32, long: u32) -> u32 {
    if std::env::var_os("DOORWARD_TEST_LONG").is_some() { long } else { quick }
}
