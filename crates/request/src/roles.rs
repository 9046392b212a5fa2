//! The roles that an operator or a hook gives an account.

use crate::error::ApiError;

/// Most roles of an account.
const ROLES: usize = 32;
/// Most characters of a role.
const ROLE: usize = 64;

/// Checks the roles. Returns each once, in the given order.
pub fn checked_roles(roles: Vec<String>) -> Result<Vec<String>, ApiError> {
    let mut kept: Vec<String> = Vec::new();
    for role in roles {
        let odd = |c: char| c.is_control() || c.is_whitespace();
        if role.is_empty() || role.chars().count() > ROLE || role.chars().any(odd) {
            return Err(ApiError::field("roles", "A role is a word of at most 64 characters."));
        }
        if !kept.contains(&role) {
            kept.push(role);
        }
    }
    if kept.len() > ROLES {
        return Err(ApiError::field("roles", "An account can have at most 32 roles."));
    }
    Ok(kept)
}
