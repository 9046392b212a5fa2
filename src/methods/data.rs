//! What an app keeps for a person, typed by the operator's configuration.

use doorward_protocol::{Field, Request, Rule, required};

use super::{Method, PLAIN, Then, Way, Who, ask};
use crate::api::Kind;

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "listUdv",
        ways: &[Way::to(Kind::Get, "/v1/data")],
        does: ask(Who::User, Then::Field("data")),
        ..PLAIN
    },
    Method {
        name: "setUdv",
        ways: &[Way { tail: "key", ..Way::of::<Item>(Kind::Put, "/v1/data/") }],
        texts: &["key", "value"],
        does: ask(Who::User, Then::Done),
        ..PLAIN
    },
    Method {
        name: "removeUdv",
        ways: &[Way { tail: "key", ..Way::of::<Key>(Kind::Delete, "/v1/data/") }],
        texts: &["key"],
        does: ask(Who::User, Then::Done),
        ..PLAIN
    },
];

/// What a key may look like beyond this, the server knows.
const KEY: Field = required("key", Rule::Line(256));

struct Item;

impl Request for Item {
    const FIELDS: &'static [Field] = &[KEY, required("value", Rule::Any)];
}

struct Key;

impl Request for Key {
    const FIELDS: &'static [Field] = &[KEY];
}
