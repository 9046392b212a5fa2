//! Suggests the hook that a misspelt function name probably means.

use doorward_core::operation::Operation;

/// A message for each function that is named like a hook but belongs to no operation.
pub fn unknown<'a>(functions: impl Iterator<Item = &'a str>) -> Vec<String> {
    functions.filter_map(mistake).collect()
}

fn mistake(function: &str) -> Option<String> {
    let names: Vec<_> = Operation::ALL.iter().flat_map(|operation| operation.hooks()).collect();
    if names.contains(&function) {
        return None;
    }
    let nearest = names.into_iter().min_by_key(|name| distance(name, function))?;
    Some(format!("{function} is never called: there is no such operation. Did you mean {nearest}?"))
}

/// The number of characters to add, remove or replace (Levenshtein distance).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let replaced = before + usize::from(a != *b);
            before = row[j + 1];
            row[j + 1] = replaced.min(before + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_about_a_misspelt_hook_suggests_the_nearest_name() {
        assert!(unknown(["pre_email_auth", "post_logout"].into_iter()).is_empty());
        let said = unknown(["pre_emial_auth"].into_iter());
        assert!(said[0].ends_with("Did you mean pre_email_auth?"), "{said:?}");
    }
}
