//! The binary: reads the command line and runs what it asks for.

/// Returns memory to the system after a peak load, which the C library's allocator does not.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    doorward_server::cli::run()
}
