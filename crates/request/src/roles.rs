//! Roles: what an operator or a hook may give an account.

use crate::error::ApiError;

/// Roles of an account at most.
const ROLES: usize = 32;
/// Characters of a role at most.
const ROLE: usize = 64;

/// Each role once, in the order given.
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
