//! docs/hooks.md lists all hooks and their fields.

use doorward_core::operation::{Kind, Operation};
use doorward_protocol::profile::PROFILE;

/// The table as docs/hooks.md must contain it.
fn table() -> String {
    let mut table = String::from("| hooks | fields |\n| --- | --- |\n");
    for operation in Operation::ALL {
        let profile = |name: &str| PROFILE.iter().any(|field| field.name == name);
        let own =
            operation.fields().into_iter().filter(|field| !profile(field.name) || field.name == "username");
        let mut fields: Vec<_> = own
            .map(|field| {
                let kind = match field.kind() {
                    Kind::Text => "text",
                    Kind::Flag => "flag",
                    Kind::Texts => "list of texts",
                    Kind::Object => "dict",
                    Kind::Any => "any",
                };
                let secret = if field.secret { ", **secret**" } else { "" };
                let fixed = if field.settable { "" } else { ", *read only*" };
                format!("`{}` ({kind}{secret}{fixed})", field.name)
            })
            .collect();
        if operation.fields().iter().any(|field| profile(field.name) && field.name != "username") {
            fields.push("the profile".into());
        }
        let hooks: Vec<_> = operation.hooks().iter().map(|hook| format!("`{hook}`")).collect();
        table += &format!("| {} | {} |\n", hooks.join(", "), fields.join(", "));
    }
    table
}

#[test]
fn docs_hooks_md_lists_every_operation_with_its_fields() {
    let page = include_str!("../../docs/hooks.md");
    let (_, rest) = page.split_once("with the server -->\n").unwrap();
    let (there, _) = rest.split_once("<!-- end -->").unwrap();
    assert_eq!(there, table());
}
