//! The doorward server.

fn main() {}
