//! `doorward user …`: the accounts. `USER` is an id, an e-mail address, a phone number with `+`, or a username.

use clap::Subcommand;
use doorward_accounts::admin::{NewUser, Wanted};
use doorward_config::Config;
use doorward_protocol::admin::{AdminSession, AdminUser, SessionsEnded};
use doorward_protocol::profile::{ProfileFields, UserProfile};
use serde_json::json;

use super::operator::{Ask, PAGE, Verdict, confirm, hash, plain, tell, tell_document, tell_line, work};

#[derive(Debug, Subcommand)]
pub(super) enum UserVerb {
    /// Show accounts, newest first; with --json one per line.
    List {
        /// Only accounts with a name (address, number, username) that contains this text.
        #[arg(long, value_name = "TEXT")]
        query: Option<String>,
        /// Print at most this many.
        #[arg(long, value_name = "N")]
        limit: Option<u32>,
        #[command(flatten)]
        ask: Ask,
    },
    /// Show an account; with --json as one document.
    Show {
        user: String,
        #[command(flatten)]
        ask: Ask,
    },
    /// Create an account and print its id. Sends no mail.
    Create {
        /// E-mail address of the account.
        #[arg(long, required_unless_present_any = ["phone", "username"])]
        email: Option<String>,
        /// You know that the address belongs to the user.
        #[arg(long, requires = "email")]
        verified: bool,
        /// Phone number of the account; you know that it belongs to the user.
        #[arg(long)]
        phone: Option<String>,
        /// Username to sign in with.
        #[arg(long)]
        username: Option<String>,
        /// Read a password from stdin, or ask for it. Without it the user requests a code and chooses a password.
        #[arg(long)]
        password: bool,
        /// A role; can be repeated. Default: those of roles.default.
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// Full name.
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        ask: Ask,
    },
    /// Disable an account and end all its sessions.
    Disable {
        user: String,
        /// Do not ask for confirmation.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        ask: Ask,
    },
    /// Enable an account again.
    Enable {
        user: String,
        #[command(flatten)]
        ask: Ask,
    },
    /// Delete an account and everything that belongs to it.
    Delete {
        user: String,
        /// Do not ask for confirmation.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        ask: Ask,
    },
    /// Set a password, read from stdin or asked for, and end all sessions. The owner gets a mail about it.
    SetPassword {
        user: String,
        #[command(flatten)]
        ask: Ask,
    },
    /// Show the roles of an account, or set them.
    Roles {
        user: String,
        /// Set these roles and no others; can be repeated.
        #[arg(long = "set", value_name = "ROLE", conflicts_with = "none")]
        set: Vec<String>,
        /// Remove all roles.
        #[arg(long)]
        none: bool,
        #[command(flatten)]
        ask: Ask,
    },
    /// Show the sessions of an account, or end them; with --json one per line.
    Sessions {
        user: String,
        /// End this session.
        #[arg(long, value_name = "ID", conflicts_with = "end_all")]
        end: Option<String>,
        /// End all sessions.
        #[arg(long)]
        end_all: bool,
        /// Do not ask for confirmation.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        ask: Ask,
    },
}

pub(super) fn run(verb: UserVerb) -> Verdict {
    match verb {
        UserVerb::List { query, limit, ask } => list(&ask, query, limit),
        UserVerb::Show { user, ask } => show(&ask, &user),
        UserVerb::Create { email, verified, phone, username, password, roles, name, ask } => {
            let profile = ProfileFields { name, ..ProfileFields::default() };
            let new = NewUser {
                email,
                email_verified: verified,
                phone_number: phone,
                username,
                password: None,
                roles,
                profile,
            };
            create(&ask, new, password)
        }
        UserVerb::Disable { user, yes, ask } => disable(&ask, &user, yes),
        UserVerb::Enable { user, ask } => enable(&ask, &user),
        UserVerb::Delete { user, yes, ask } => delete(&ask, &user, yes),
        UserVerb::SetPassword { user, ask } => set_password(&ask, &user),
        UserVerb::Roles { user, set, none, ask } => {
            roles(&ask, &user, (none || !set.is_empty()).then_some(set))
        }
        UserVerb::Sessions { user, end: Some(id), yes, ask, .. } => end_one(&ask, &user, &id, yes),
        UserVerb::Sessions { user, end_all: true, yes, ask, .. } => end_all(&ask, &user, yes),
        UserVerb::Sessions { user, ask, .. } => sessions(&ask, &user),
    }
}

fn list(ask: &Ask, query: Option<String>, limit: Option<u32>) -> Verdict {
    let wanted = query.map_or(Wanted::All, Wanted::Like);
    let mut left = limit.unwrap_or(u32::MAX);
    work(&ask.settings, async |operator, _| {
        let mut next: Option<String> = None;
        while left > 0 {
            let page = operator.users(&wanted, next.as_deref(), left.min(PAGE)).await?;
            for user in &page.items {
                if ask.json {
                    tell_line(user)?
                } else {
                    tell(line(user))?
                }
                left -= 1;
            }
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        Ok(())
    })
}

/// Text from users is last, so that it cannot move the other columns.
fn line(user: &UserProfile) -> String {
    let state = if user.disabled { "disabled" } else { "" };
    let (email, username) = (user.email.as_deref(), user.username.as_deref());
    let names = [email, username, user.phone_number.as_deref(), user.fields.name.as_deref()];
    let names: Vec<String> = names.into_iter().flatten().map(plain).collect();
    format!("{}  {}  {state:<8}  {}", user.user_id, user.created_at, names.join("  "))
}

fn show(ask: &Ask, user: &str) -> Verdict {
    let user = work(&ask.settings, async |operator, _| {
        let account = operator.find_user(user).await?;
        Ok(operator.show_user(&account.id).await?)
    })?;
    if ask.json { tell_document(&user) } else { describe(&user) }
}

fn describe(user: &AdminUser) -> Verdict {
    let profile = &user.profile;
    let row = |name: &str, value: &str| tell(format_args!("{name:<14}{}", plain(value)));
    row("id", &profile.user_id)?;
    row("state", if profile.disabled { "disabled" } else { "enabled" })?;
    for identity in &user.identities {
        let proven = identity.verified_at.as_deref();
        let proven = proven.map_or_else(|| "not verified".to_owned(), |at| format!("verified {at}"));
        row(&identity.kind, &format!("{}  ({proven})", identity.value))?;
    }
    row("password", if user.has_password { "set" } else { "none" })?;
    row("roles", &profile.roles.join(", "))?;
    row("newsletter", if profile.email_subscription { "wanted" } else { "not wanted" })?;
    row("created", &profile.created_at)?;
    row("changed", &profile.updated_at)?;
    row("logins", &profile.logins_count.to_string())?;
    row("last login", profile.last_login.as_deref().unwrap_or("never"))?;
    let fields = serde_json::to_value(&profile.fields)?;
    for (name, value) in fields.as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        row(&format!("{name} "), &text)?;
    }
    Ok(())
}

fn create(ask: &Ask, mut new: NewUser, with_password: bool) -> Verdict {
    let user = work(&ask.settings, async |operator, config: &Config| {
        if with_password {
            new.password = Some(hash(config, ask.settings.dev).await?);
        }
        if new.roles.is_empty() {
            new.roles.clone_from(&config.roles.default);
        }
        let id = operator.create_user(new).await?;
        Ok(operator.show_user(&id).await?)
    })?;
    if ask.json { tell_document(&user) } else { Ok(tell(&user.profile.user_id)?) }
}

fn disable(ask: &Ask, user: &str, yes: bool) -> Verdict {
    confirm(&format!("{} will be signed out everywhere and cannot sign in any more.", plain(user)), yes)?;
    let ended = work(&ask.settings, async |operator, _| {
        let account = operator.find_user(user).await?;
        Ok(operator.disable_user(&account.id).await?)
    })?;
    say_ended(ask, "Disabled", ended)
}

fn enable(ask: &Ask, user: &str) -> Verdict {
    work(&ask.settings, async |operator, _| {
        let account = operator.find_user(user).await?;
        Ok(operator.enable_user(&account.id).await?)
    })?;
    say_done(ask, "Enabled.")
}

fn delete(ask: &Ask, user: &str, yes: bool) -> Verdict {
    let question =
        format!("{} will be deleted with everything that belongs to it. This cannot be undone.", plain(user));
    confirm(&question, yes)?;
    work(&ask.settings, async |operator, _| {
        let account = operator.find_user(user).await?;
        Ok(operator.delete_user(&account.id).await?)
    })?;
    say_done(ask, "Deleted.")
}

fn set_password(ask: &Ask, user: &str) -> Verdict {
    let ended = work(&ask.settings, async |operator, config| {
        // Before the password prompt, so that an unknown account is reported first.
        let account = operator.find_user(user).await?;
        let hash = hash(config, ask.settings.dev).await?;
        Ok(operator.set_password(&account.id, hash).await?)
    })?;
    say_ended(ask, "The password is set", ended)
}

fn roles(ask: &Ask, user: &str, set: Option<Vec<String>>) -> Verdict {
    let roles = work(&ask.settings, async |operator, _| {
        let account = operator.find_user(user).await?;
        if let Some(roles) = set {
            operator.set_roles(&account.id, roles).await?;
        }
        Ok(operator.show_user(&account.id).await?.profile.roles)
    })?;
    if ask.json {
        return tell_document(&json!({ "roles": roles }));
    }
    for role in roles {
        tell(plain(&role))?;
    }
    Ok(())
}

fn sessions(ask: &Ask, user: &str) -> Verdict {
    let sessions = work(&ask.settings, async |operator, _| {
        let account = operator.find_user(user).await?;
        Ok(operator.sessions(&account.id).await?)
    })?;
    for session in &sessions {
        if ask.json { tell_line(session)? } else { tell(session_line(session))? }
    }
    Ok(())
}

fn session_line(session: &AdminSession) -> String {
    let kind = if session.bound { "bound" } else { "bearer" };
    let (ip, agent) = (session.ip.as_deref().unwrap_or("-"), session.user_agent.as_deref().unwrap_or("-"));
    let (method, seen) = (plain(&session.method), &session.last_seen_at);
    format!("{}  last seen {seen}  {method}  {kind}  {}  {}", session.id, plain(ip), plain(agent))
}

fn end_one(ask: &Ask, user: &str, id: &str, yes: bool) -> Verdict {
    confirm(&format!("The session {} will be signed out.", plain(id)), yes)?;
    work(&ask.settings, async |operator, _| {
        let account = operator.find_user(user).await?;
        Ok(operator.end_session(&account.id, id).await?)
    })?;
    say_ended(ask, "Signed out", 1)
}

fn end_all(ask: &Ask, user: &str, yes: bool) -> Verdict {
    confirm(&format!("{} will be signed out everywhere.", plain(user)), yes)?;
    let ended = work(&ask.settings, async |operator, _| {
        let account = operator.find_user(user).await?;
        Ok(operator.end_sessions(&account.id).await?)
    })?;
    say_ended(ask, "Signed out", ended)
}

fn say_done(ask: &Ask, sentence: &str) -> Verdict {
    if ask.json { tell_document(&json!({})) } else { Ok(tell(sentence)?) }
}

fn say_ended(ask: &Ask, what: &str, ended: u64) -> Verdict {
    let sessions = if ended == 1 { "session" } else { "sessions" };
    match ask.json {
        true => tell_document(&SessionsEnded { ended }),
        false => Ok(tell(format_args!("{what}; {ended} {sessions} ended."))?),
    }
}
