//! `PATCH /v1/profile` changes the own profile. `GET /v1/users/{id}` shows the public part of a profile to other users.

use serde_json::{Value, json};

use crate::support::hooks::{Hooked, tell};
use crate::support::{SECOND, TestApp};

const EXTRAS: &str = "[profile.extras.coin]\ntype = \"number\"\n\
    [profile.extras.player_name]\ntype = \"string\"\nvisibility = \"public\"\n\
    [profile.extras.seen_at]\ntype = \"datetime\"\n";

async fn patch(t: &TestApp, who: &Value, body: Value) -> Value {
    t.send_as(who, "PATCH", "/v1/profile", body).await.ok()
}

#[tokio::test]
async fn seed_a38_a61_to_a86_every_field_is_accepted_in_both_spellings_stored_and_answered() {
    let t = TestApp::new().await;
    let who = t.somebody().await;
    for (ours, theirs, value) in [
        ("username", "username", "bob"),                         // seed A61
        ("nickname", "nickname", "Nick"),                        // seed A62
        ("picture", "photo", "https://example.com/me.png"),      // seed A63
        ("company", "company", "Analytical Engines"),            // seed A64
        ("browser", "browser", "Mozilla/5.0"),                   // seed A65
        ("device", "device", "Phone 7"),                         // seed A66
        ("last_ip", "lastIP", "192.0.2.7"),                      // seed A67
        ("name", "name", "Ada Lovelace"),                        // seed A68
        ("given_name", "givenName", "Ada"),                      // seed A69
        ("family_name", "familyName", "Lovelace"),               // seed A70
        ("middle_name", "middleName", "King"),                   // seed A71
        ("profile", "profile", "https://example.com/ada"),       // seed A72
        ("preferred_username", "preferredUsername", "countess"), // seed A73
        ("website", "website", "https://ada.example.com/"),      // seed A74
        ("gender", "gender", "F"),                               // seed A75
        ("birthdate", "birthdate", "1815-12-10"),                // seed A76
        ("zoneinfo", "zoneinfo", "Europe/London"),               // seed A77
        ("locale", "locale", "en-GB"),                           // seed A78
    ] {
        for name in [theirs, ours] {
            patch(&t, &who, json!({ ours: null })).await;
            let user = patch(&t, &who, json!({ name: value })).await;
            assert_eq!(user[ours], value, "{name}");
        }
        assert_eq!(t.profile(&who).await[ours], value);
    }
}

#[tokio::test]
async fn seed_a79_to_a83_a86_an_address_in_parts_is_one_claim() {
    let t = TestApp::new().await;
    let who = t.somebody().await;
    let user = patch(&t, &who, json!({ "address": "12 St James's Square, London" })).await;
    assert_eq!(user["address"], "12 St James's Square, London", "seed A79");
    let user = patch(
        &t,
        &who,
        json!({ "streetAddress": "12 St James's Square", "locality": "London", "region": "Greater London",
            "postalCode": "SW1Y 4JH", "country": "UK" }),
    )
    .await;
    let claim = json!({
        "formatted": "12 St James's Square, London", "street_address": "12 St James's Square",
        "locality": "London", "region": "Greater London", "postal_code": "SW1Y 4JH", "country": "UK",
    });
    assert_eq!(user["address"], claim, "seed A80 to A83, A86");
    let user = patch(&t, &who, json!({ "region": "England", "formatted": null })).await;
    assert_eq!(user["address"]["region"], "England");
    assert_eq!(user["address"]["locality"], "London");
    assert!(user["address"].get("formatted").is_none());
    let user = patch(&t, &who, json!({ "address": { "country": "England", "locality": null } })).await;
    assert_eq!(
        (&user["address"]["country"], &user["address"]["region"]),
        (&json!("England"), &json!("England"))
    );
    assert!(user["address"].get("locality").is_none(), "a nested address changes only the given parts");
    let user = patch(&t, &who, json!({ "address": null, "locality": "Paris" })).await;
    assert_eq!(user["address"], json!({ "locality": "Paris" }));
    assert!(patch(&t, &who, json!({ "address": null })).await.get("address").is_none());
    assert_eq!(
        patch(&t, &who, json!({ "locality": "London" })).await["address"],
        json!({ "locality": "London" })
    );
    assert!(
        patch(&t, &who, json!({ "locality": null })).await.get("address").is_none(),
        "without its last part the address is removed"
    );
}

#[tokio::test]
async fn seed_a81_a82_a84_a85_locality_region_city_and_province_are_four_fields() {
    let t = TestApp::new().await;
    let all =
        json!({ "locality": "Soho", "region": "England", "city": "London", "province": "Greater London" });
    let mut signup = all.clone();
    signup["email"] = json!("ada@example.com");
    signup["password"] = json!("correct horse");
    t.post("/v1/signup", signup).await.ok();
    let who = t.login("ada@example.com", "correct horse").await;
    let shown = |user: &Value| (user["address"].clone(), user["city"].clone(), user["province"].clone());
    let claim = json!({ "locality": "Soho", "region": "England" });
    assert_eq!(shown(&who["user"]), (claim.clone(), json!("London"), json!("Greater London")));
    let user = patch(&t, &who, all).await;
    assert_eq!(shown(&user), (claim.clone(), json!("London"), json!("Greater London")), "all in one call");
    // Changing one of the fields leaves the others unchanged.
    for (name, value) in [("city", "Paris"), ("province", "Normandy")] {
        let user = patch(&t, &who, json!({ name: value })).await;
        assert_eq!((&user["address"], &user[name]), (&claim, &json!(value)));
    }
    let user = patch(&t, &who, json!({ "locality": "Montmartre", "region": "Seine" })).await;
    let claim = json!({ "locality": "Montmartre", "region": "Seine" });
    assert_eq!(shown(&user), (claim.clone(), json!("Paris"), json!("Normandy")));
    let user = patch(&t, &who, json!({ "city": null, "province": "" })).await;
    assert_eq!((&user["address"], user.get("city"), user.get("province")), (&claim, None, None));
    for (part, place) in [("city", "locality"), ("province", "region")] {
        let within = json!({ "address": { part: "x", place: "y" } });
        let answer = t.send_as(&who, "PATCH", "/v1/profile", within).await;
        assert_eq!(answer.refused(400, "INVALID_PARAMETER")["field"], format!("address.{part}"));
    }
    let twice = json!({ "postal_code": "1", "postalCode": "2" });
    t.send_as(&who, "PATCH", "/v1/profile", twice).await.refused(400, "INVALID_PARAMETER");
}

#[tokio::test]
async fn city_and_province_are_as_public_as_the_address() {
    let t = TestApp::new().await;
    let (ada, other) = (t.somebody().await, t.device("the device of a reader").await);
    patch(&t, &ada, json!({ "city": "London", "province": "Greater London", "locality": "Soho" })).await;
    let path = format!("/v1/users/{}", ada["user"]["user_id"].as_str().unwrap());
    let seen = async || t.get(&path).bearer(&other["access_token"]).await.ok();
    let user = seen().await;
    assert_eq!((user.get("city"), user.get("province"), user.get("address")), (None, None, None));
    patch(&t, &ada, json!({ "address_public": true })).await;
    let user = seen().await;
    assert_eq!((&user["city"], &user["province"]), (&json!("London"), &json!("Greater London")));
}

#[tokio::test]
async fn a_missing_field_is_kept_and_an_empty_field_is_removed() {
    let t = TestApp::new().await;
    let who = t.somebody().await;
    patch(&t, &who, json!({ "name": "Ada", "nickname": "Nick", "misc": "mine", "email_subscription": true }))
        .await;
    t.advance(SECOND);
    let user = patch(&t, &who, json!({ "nickname": "", "misc": null, "gender": "F" })).await;
    assert_eq!((&user["name"], &user["gender"]), (&json!("Ada"), &json!("F")));
    assert!(user.get("nickname").is_none() && user.get("misc").is_none());
    assert_eq!(user["email_subscription"], true, "seed K23");
    assert_eq!(user["updated_at"], "2026-01-01T00:00:01.000Z");
    assert_eq!(patch(&t, &who, json!({ "email_subscription": false })).await["email_subscription"], false);
}

#[tokio::test]
async fn seed_a39_email_phone_and_password_are_changed_by_their_own_calls() {
    let t = TestApp::new().await;
    let who = t.somebody().await;
    for (field, call) in [("email", "updateEmail"), ("phone", "updatePhone"), ("password", "updatePassword")]
    {
        let answer = t.send_as(&who, "PATCH", "/v1/profile", json!({ field: "x" })).await;
        let problem = answer.refused(400, "INVALID_PARAMETER");
        assert_eq!(problem["field"], field);
        assert!(problem["detail"].as_str().unwrap().contains(call), "{problem}");
    }
}

#[tokio::test]
async fn seed_a87_sec_x03_a_client_cannot_set_fields_that_the_server_manages() {
    let t = TestApp::with(EXTRAS).await;
    let who = t.somebody().await;
    for field in [
        "user_id",
        "email_verified",
        "emailVerified",
        "phone_number_verified",
        "roles",
        "disabled",
        "logins_count",
        "last_login",
        "created_at",
        "updated_at",
        "id",
        "constructor",
        "__proto__",
    ] {
        let answer = t.send_as(&who, "PATCH", "/v1/profile", json!({ field: true })).await;
        assert_eq!(answer.refused(400, "INVALID_PARAMETER")["field"], field);
        let nested = json!({ "extras": { field: true } });
        t.send_as(&who, "PATCH", "/v1/profile", nested).await.refused(400, "INVALID_PARAMETER");
    }
}

#[tokio::test]
async fn seed_a65_a67_fields_set_by_the_client_do_not_overwrite_the_session_list() {
    let t = TestApp::new().await;
    t.signup("ada@example.com", "correct horse").await;
    let body = json!({ "email": "ada@example.com", "password": "correct horse" });
    let who = t.post("/v1/login", body).header("user-agent", "the real one").await.ok();
    patch(&t, &who, json!({ "browser": "a lie", "last_ip": "203.0.113.9" })).await;
    let sessions = t.get("/v1/sessions").bearer(&who["access_token"]).await.ok();
    assert_eq!(sessions["sessions"][0]["user_agent"], "the real one");
    assert_ne!(sessions["sessions"][0]["ip"], "203.0.113.9");
}

#[tokio::test]
async fn seed_a75_the_operator_may_list_the_allowed_values_of_gender() {
    let t = TestApp::with("[profile]\ngenders = [\"M\", \"F\", \"U\"]").await;
    let who = t.somebody().await;
    for word in ["M", "F", "U"] {
        assert_eq!(patch(&t, &who, json!({ "gender": word })).await["gender"], word);
    }
    let answer = t.send_as(&who, "PATCH", "/v1/profile", json!({ "gender": "female" })).await;
    assert_eq!(answer.refused(400, "INVALID_PARAMETER")["field"], "gender");
}

#[tokio::test]
async fn a_time_zone_and_a_language_must_exist() {
    let t = TestApp::new().await;
    let who = t.somebody().await;
    for (field, bad) in
        [("zoneinfo", "Mars/Olympus"), ("locale", "not a tag"), ("locale", "e"), ("birthdate", "1815-02-30")]
    {
        let answer = t.send_as(&who, "PATCH", "/v1/profile", json!({ field: bad })).await;
        assert_eq!(answer.refused(400, "INVALID_PARAMETER")["field"], field, "{bad}");
    }
}

#[tokio::test]
async fn seed_m12_extra_fields_are_declared_typed_and_at_the_top_level() {
    let t = TestApp::with(EXTRAS).await;
    let body = json!({
        "email": "ada@example.com", "password": "correct horse", "coin": 500,
        "extras": { "player_name": "Ada" }, "options": { "login": true },
    });
    let who = t.post("/v1/signup", body).await.ok()["session"].clone();
    assert_eq!((&who["user"]["coin"], &who["user"]["player_name"]), (&json!(500), &json!("Ada")));
    let user = patch(&t, &who, json!({ "coin": 1.5, "seen_at": "2026-01-31T12:00:00Z" })).await;
    assert_eq!(user["coin"], 1.5);
    assert!(patch(&t, &who, json!({ "coin": null })).await.get("coin").is_none());
    for (bad, field) in [
        (json!({ "coin": "many" }), "coin"),
        (json!({ "seen_at": "yesterday" }), "seen_at"),
        (json!({ "diamond": 1 }), "diamond"),
        (json!({ "coin": 1, "extras": { "coin": 2 } }), "coin"),
        (json!({ "extras": [] }), "extras"),
    ] {
        let answer = t.send_as(&who, "PATCH", "/v1/profile", bad.clone()).await;
        assert_eq!(answer.refused(400, "INVALID_PARAMETER")["field"], field, "{bad}");
    }
    let settings = t.get("/v1/settings").await.ok();
    assert_eq!(
        settings["extras"][1],
        json!({ "name": "player_name", "type": "string", "visibility": "public" })
    );
}

const CAMEL: &str = "[profile.extras.player_name]\ntype = \"string\"\n\
    [profile.extras.teamPlayerId]\ntype = \"number\"\nvisibility = \"public\"\n";

#[tokio::test]
async fn seed_a88_an_extra_field_is_known_by_both_spellings() {
    let t = TestApp::with(CAMEL).await;
    let base =
        json!({ "email": "ada@example.com", "password": "correct horse", "options": { "login": true } });
    let mut body = base.clone();
    body["playerName"] = json!("Ada");
    body["extras"] = json!({ "team_player_id": 7 });
    let who = t.post("/v1/signup", body).await.ok()["session"].clone();
    let shown = |user: &Value| (user["player_name"].clone(), user["teamPlayerId"].clone());
    assert_eq!(shown(&who["user"]), (json!("Ada"), json!(7)), "answered as declared");
    for (given, expected) in [
        (json!({ "player_name": "Bob", "teamPlayerId": 8 }), ("Bob", 8)),
        (json!({ "playerName": "Cleo", "team_player_id": 9 }), ("Cleo", 9)),
        (json!({ "extras": { "playerName": "Dan", "teamPlayerId": 10 } }), ("Dan", 10)),
    ] {
        let user = patch(&t, &who, given).await;
        assert_eq!(shown(&user), (json!(expected.0), json!(expected.1)));
        assert!(user.get("playerName").is_none() && user.get("team_player_id").is_none());
    }
    let user = patch(&t, &who, json!({ "playerName": null })).await;
    assert_eq!((user.get("player_name"), &user["teamPlayerId"]), (None, &json!(10)));
    for (bad, field) in [
        (json!({ "playerName": 7 }), "player_name"),
        (json!({ "teamPlayerID": 1, "team_player_id": 2 }), "teamPlayerId"),
        (json!({ "playerName": "a", "player_name": "b" }), "player_name"),
        (json!({ "playerName": "a", "extras": { "player_name": "b" } }), "player_name"),
        (json!({ "PlayerName": "a" }), "PlayerName"),
        (json!({ "player-name": "a" }), "player-name"),
        (json!({ "playername": "a" }), "playername"),
    ] {
        let answer = t.send_as(&who, "PATCH", "/v1/profile", bad.clone()).await;
        assert_eq!(answer.refused(400, "INVALID_PARAMETER")["field"], field, "{bad}");
    }
    let other = t.device("the device of a reader").await;
    let path = format!("/v1/users/{}", who["user"]["user_id"].as_str().unwrap());
    assert_eq!(t.get(&path).bearer(&other["access_token"]).await.ok()["teamPlayerId"], 10);
    let names: Vec<Value> = t.get("/v1/settings").await.ok()["extras"]
        .as_array()
        .unwrap()
        .iter()
        .map(|extra| extra["name"].clone())
        .collect();
    assert_eq!(names, ["player_name", "teamPlayerId"]);
}

#[tokio::test]
async fn seed_r23_default_profile_fields_may_have_camel_case_names() {
    let more = "[defaults.password]\nextras = { playerName = \"undefined\", team_player_id = -1 }\n";
    let t = TestApp::with(&format!("{CAMEL}{more}")).await;
    let user = t.somebody().await["user"].clone();
    assert_eq!((&user["player_name"], &user["teamPlayerId"]), (&json!("undefined"), &json!(-1)));
}

#[tokio::test]
async fn hooks_see_and_set_an_extra_field_by_its_declared_name() {
    let getter = tell("post_update_profile", "model.get_extras()");
    let t = Hooked::with(&getter, CAMEL, "time = \"5s\"").await;
    let who = t.somebody().await;
    patch(&t, &who, json!({ "playerName": "Ada", "extras": { "team_player_id": 7 } })).await;
    assert_eq!(t.told().await, [json!([true, { "player_name": "Ada", "teamPlayerId": 7 }])]);
    t.rewrite("def pre_update_profile(model):\n    model.set_extras({'playerName': 'Set'})\n").await;
    assert_eq!(patch(&t, &who, json!({ "name": "Ada" })).await["player_name"], "Set");
}

#[tokio::test]
async fn seed_m63_new_accounts_have_the_roles_of_the_settings() {
    let t = TestApp::with("[roles]\ndefault = [\"Reader\"]").await;
    assert_eq!(t.somebody().await["user"]["roles"], json!(["Reader"]));
    assert_eq!(t.device("the device of somebody").await["user"]["roles"], json!(["Reader"]));
}

#[tokio::test]
async fn seed_m64_push_message_tokens_are_stored() {
    let t = TestApp::new().await;
    let who = t.somebody().await;
    let user = patch(&t, &who, json!({ "fcm_tokens": ["one", "two"] })).await;
    assert_eq!(user["fcm_tokens"], json!(["one", "two"]));
    for bad in [json!("one"), json!([1]), json!(vec!["x"; 33])] {
        let answer = t.send_as(&who, "PATCH", "/v1/profile", json!({ "fcm_tokens": bad })).await;
        assert_eq!(answer.refused(400, "INVALID_PARAMETER")["field"], "fcm_tokens");
    }
}

#[tokio::test]
async fn a_username_is_chosen_changed_and_given_up() {
    let t = TestApp::new().await;
    let (ada, bob) = (t.somebody().await, t.device("the device of bob").await);
    patch(&t, &bob, json!({ "username": "bob" })).await;
    let answer = t.send_as(&ada, "PATCH", "/v1/profile", json!({ "username": "BOB", "name": "Ada" })).await;
    assert_eq!(answer.refused(409, "EXISTS")["field"], "username");
    assert!(t.profile(&ada).await.get("name").is_none(), "a refused call changes no field");
    assert_eq!(
        patch(&t, &bob, json!({ "username": "b0b" })).await["username"],
        "b0b",
        "a look-alike of the account's own username is free"
    );
    assert!(patch(&t, &bob, json!({ "username": null })).await.get("username").is_none());
    assert_eq!(patch(&t, &ada, json!({ "username": "bob" })).await["username"], "bob");
}

#[tokio::test]
async fn seed_k10_to_k14_other_users_see_only_public_and_proven_fields() {
    let t = TestApp::with(EXTRAS).await;
    let (ada, other) = (t.somebody().await, t.device("the device of a reader").await);
    let seen = async || {
        let path = format!("/v1/users/{}", ada["user"]["user_id"].as_str().unwrap());
        t.get(&path).bearer(&other["access_token"]).await.ok()
    };
    let private = json!({
        "username": "ada", "name": "Ada", "nickname": "Nick", "picture": "https://example.com/a.png",
        "gender": "F", "birthdate": "1815-12-10", "address": "London", "misc": "mine", "locale": "en",
        "browser": "x", "company": "y", "player_name": "Ada", "coin": 7,
    });
    patch(&t, &ada, private).await;
    let user_id = &ada["user"]["user_id"];
    let shown = json!({
        "user_id": user_id, "name": "Ada", "nickname": "Nick", "picture": "https://example.com/a.png",
        "player_name": "Ada",
    });
    assert_eq!(seen().await, shown);
    let flags = json!({ "email_public": true, "phone_number_public": true, "address_public": true,
        "gender_public": true, "birthdate_public": true });
    patch(&t, &ada, flags).await;
    let more = seen().await;
    assert_eq!(
        (&more["gender"], &more["birthdate"], &more["address"]),
        (&json!("F"), &json!("1815-12-10"), &json!("London"))
    );
    assert!(more.get("email").is_none(), "the address is not proven");
    t.sql_do("update identities set verified_at = 1 where kind = 'email'").await;
    assert_eq!(seen().await["email"], "ada@example.com");
    for hidden in
        ["misc", "locale", "username", "coin", "roles", "logins_count", "created_at", "email_public"]
    {
        assert!(seen().await.get(hidden).is_none(), "{hidden}");
    }
}

#[tokio::test]
async fn sec_x01_a_profile_needs_a_session_and_a_disabled_account_is_hidden() {
    let t = TestApp::new().await;
    let (ada, other) = (t.somebody().await, t.device("the device of a reader").await);
    let path = format!("/v1/users/{}", ada["user"]["user_id"].as_str().unwrap());
    t.get(&path).await.refused(401, "SESSION_REQUIRED");
    for unknown in ["/v1/users/00000000-0000-7000-8000-000000000000", "/v1/users/ada", "/v1/users/%ff"] {
        t.get(unknown).bearer(&other["access_token"]).await.refused(404, "NOT_FOUND");
    }
    t.sql_do("update accounts set disabled = 1 where email_subscription = 0 and id in (select account from identities where kind = 'email')").await;
    t.get(&path).bearer(&other["access_token"]).await.refused(404, "NOT_FOUND");
}
