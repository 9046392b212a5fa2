//! Which field of a table each member of a given object is: the same for a form, an object of a page and the body of a
//! request.

use std::borrow::Cow;

use crate::fields::{Field, Invalid, field_named};
use crate::rules::Rule;

/// The members of an object that were read so far, as fields of some tables.
#[derive(Debug)]
pub struct Reading<'a, V> {
    tables: &'a [&'static [Field]],
    members: Members<V>,
}

/// What a [`Reading`] has read.
#[derive(Debug)]
pub struct Members<V> {
    /// Fields of the tables, under the names that they have there.
    pub fields: Vec<(&'static str, V)>,
    /// Fields that only the operator's settings know.
    pub extras: Vec<(String, V)>,
}

/// The place of a member.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// A field of a table.
    Field(&'static Field),
    /// A field that only the operator's settings know.
    Extra,
}

impl<'a, V> Reading<'a, V> {
    /// A reading of which nothing is read yet.
    pub fn of(tables: &'a [&'static [Field]]) -> Reading<'a, V> {
        Reading { tables, members: Members { fields: Vec::new(), extras: Vec::new() } }
    }

    /// The place of a member: its name, that in camelCase, or another system's name for it. `None` if no table has it.
    pub fn place(&self, name: &str) -> Option<Place> {
        let field = self.tables.iter().find_map(|table| field_named(table, name));
        field.map(Place::Field).or_else(|| self.extras_field().map(|_| Place::Extra))
    }

    /// The field whose members only the operator's settings know.
    pub fn extras_field(&self) -> Option<&'static Field> {
        self.tables.iter().copied().flatten().find(|field| matches!(field.rule, Rule::AnyObject))
    }

    /// Takes the value of a field. An error if the field already has one, under this or another name.
    pub fn put(&mut self, given: &str, field: &'static Field, value: V) -> Result<(), Invalid> {
        if self.members.fields.iter().any(|(name, _)| *name == field.name) {
            return Err(twice(given));
        }
        self.members.fields.push((field.name, value));
        Ok(())
    }

    /// Takes the value of a field that only the operator's settings know.
    pub fn put_extra(&mut self, name: &str, value: V) -> Result<(), Invalid> {
        // The operator cannot declare this name, and as a member of an object it would change the object's prototype.
        if name == "__proto__" {
            return Err(no_such_field(name));
        }
        if self.members.extras.iter().any(|(other, _)| other == name) {
            return Err(twice(name));
        }
        self.members.extras.push((name.into(), value));
        Ok(())
    }

    /// All that was read.
    pub fn end(self) -> Members<V> {
        self.members
    }
}

/// The error for a member that no table has.
pub fn no_such_field(name: &str) -> Invalid {
    Invalid { field: name.into(), message: Cow::Borrowed("There is no such field.") }
}

fn twice(name: &str) -> Invalid {
    Invalid { field: name.into(), message: Cow::Borrowed("This is given twice, under two names.") }
}

impl Invalid {
    /// The error with the name of the outer field in front.
    #[must_use]
    pub fn within(mut self, name: &str) -> Invalid {
        if !self.field.is_empty() {
            self.field.insert(0, '.');
        }
        self.field.insert_str(0, name);
        self
    }
}
