//! `doorward passwords …`: lists of refused passwords.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use doorward_accounts::screening;

use super::operator::tell;

/// Creates the file for `password.breach_filter`.
pub(super) fn filter(input: &Path, output: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let told = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
    let count = if input == Path::new("-") {
        screening::make_filter(io::stdin().lock(), output)
    } else {
        let file = File::open(input).map_err(|error| told(input, error))?;
        screening::make_filter(BufReader::with_capacity(1 << 20, file), output)
    };
    let count = count.map_err(|error| told(output, error))?;
    tell(format_args!("{count} passwords in {}", output.display()))?;
    Ok(())
}
