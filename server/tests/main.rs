//! The tests over HTTP are one program, because linking a program per file would take longer than running all tests.

mod post;
mod support;

mod account_delete;
mod account_race;
mod account_signup;
mod address_change;
mod admin_cli;
mod admin_http;
mod admin_keys;
mod captcha_service;
mod captcha_solve;
mod change_size;
mod cli_init;
mod cli_settings;
mod code_scene;
mod code_unicode;
mod compat_auth_v1;
mod connection_limit;
mod database_file;
mod dev_clock;
mod email_check;
mod email_unicode;
mod email_verify;
mod first_proof;
mod hook_describe;
mod hook_hostile;
mod hook_operations;
mod hook_pages;
mod hook_post;
mod hook_recipes;
mod hook_script;
mod hook_try;
mod hook_values;
mod hook_way_in;
mod hook_worker;
mod hosted_pages;
mod identity_link;
mod limit_flood;
mod limit_home;
mod limit_routes;
mod limit_send;
mod limit_sign_in;
mod limit_source;
mod log_write;
mod mailbox;
mod method_code;
mod method_device;
mod method_password;
mod nodes;
mod nodes_outage;
mod openapi_describe;
mod outbound_refuse;
mod outbox_deliver;
mod password_forgot;
mod password_reset;
mod password_screen;
mod password_unicode;
mod profile_update;
mod proof_check;
mod proof_replay;
mod provider_apple;
mod provider_facebook;
mod provider_google;
mod provider_login;
mod provider_microsoft;
mod provider_oidc;
mod provider_post;
mod provider_twitter;
mod public_url;
mod request_check;
mod response_headers;
mod rows_prune;
mod server_run;
mod session_bound;
mod session_list;
mod session_login;
mod session_refresh;
mod session_revoke;
mod signal;
mod signing_rotate;
mod site;
mod sms_budget;
mod sms_send;
mod store_connect;
mod store_write;
mod task_panic;
mod token_revoke;
mod token_verify;
mod user_data;
mod webhook_ask;
mod webhook_deliver;

/// The tests of a file that is missing in this list would never run.
#[test]
fn every_test_file_is_in_this_list() {
    let list = include_str!("main.rs");
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(name) = name.strip_suffix(".rs").filter(|name| *name != "main") {
            assert!(list.contains(&format!("\nmod {name};\n")), "mod {name}; is missing in tests/main.rs");
        }
    }
}
