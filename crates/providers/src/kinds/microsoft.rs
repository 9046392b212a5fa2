//! Microsoft: Entra ID, personal accounts, and Azure AD B2C. One key set signs for many issuers.

use serde_json::Value;

use crate::call::ProviderClient;
use crate::oauth::oauth2::Client;
use crate::openid::discovery::{Discovery, KnownEndpoints};
use crate::openid::id_token::{IdClaims, subject};
use crate::openid::jwks::Keys;
use crate::openid::{OWNS_DOMAIN, OpenId, Rules, well_known};
use crate::outcome::{Refusal, Wrong};
use crate::person::is_true;

const TEMPLATE: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";
const TENANT: &str = "{tenantid}";

/// Prepares the client for Microsoft.
pub(crate) fn open(settings: &doorward_config::Provider, caller: ProviderClient) -> Result<OpenId, Wrong> {
    let template = if settings.issuer.is_empty() { TEMPLATE.to_owned() } else { settings.issuer.clone() };
    let tenants: Vec<String> = settings.tenants.iter().map(|tenant| tenant.to_ascii_lowercase()).collect();
    // Without a single tenant, the document of `common` is used: it is the same for all tenants.
    let tenant = if let [tenant] = tenants.as_slice() { tenant } else { "common" };
    let address = match settings.discovery.is_empty() {
        true => well_known(&template.replace(TENANT, tenant)),
        false => settings.discovery.clone(),
    };
    let mut issuers = vec![template.clone()];
    issuers.extend(tenants.iter().map(|tenant| template.replace(TENANT, tenant)));
    let mut hosts = settings.hosts.clone();
    hosts.push("graph.microsoft.com".to_owned());
    let mut client = Client::of(settings, &["openid", "email", "profile"]);
    client.in_form.get_or_insert(true);
    let policies = settings.policies.clone();
    Ok(OpenId {
        caller,
        client,
        audiences: settings.audiences.clone(),
        discovery: Discovery::new(
            &address,
            issuers,
            hosts,
            KnownEndpoints::of(settings, KnownEndpoints::default()),
        )?,
        keys: Keys::default(),
        tokeninfo: None,
        rules: Box::new(Microsoft { template, tenants, policies }),
    })
}

struct Microsoft {
    template: String,
    /// All are allowed if empty.
    tenants: Vec<String>,
    /// All are allowed if empty.
    policies: Vec<String>,
}

impl Microsoft {
    /// The tenant in an issuer, if its users may sign in. `""` if the template has no tenant.
    fn tenant<'a>(&self, iss: &'a str) -> Option<&'a str> {
        let Some((before, after)) = self.template.split_once(TENANT) else {
            return (iss == self.template).then_some("");
        };
        let tenant = iss.strip_prefix(before)?.strip_suffix(after)?;
        let listed = self.tenants.is_empty() || self.tenants.iter().any(|one| one == tenant);
        (is_guid(tenant) && listed).then_some(tenant)
    }
}

/// True for a GUID in lower case, as Microsoft writes tenants.
fn is_guid(text: &str) -> bool {
    let dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match dash(at) {
            true => byte == b'-',
            false => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        })
}

impl Rules for Microsoft {
    fn issuer(&self, claims: &IdClaims) -> Option<String> {
        let issuer = claims.get("iss")?.as_str()?;
        let tenant = self.tenant(issuer)?;
        let says = claims.get("tid").map(|tid| tid.as_str().unwrap_or_default());
        // Azure AD B2C omits `tid`. Then the settings must name the tenant.
        let fits = match says {
            Some(tid) => tid == tenant || tenant.is_empty(),
            None => tenant.is_empty() || !self.tenants.is_empty(),
        };
        fits.then(|| issuer.to_owned())
    }

    fn is_itself(&self, iss: &str) -> bool {
        self.tenant(iss).is_some()
    }

    fn holds(&self, claims: &IdClaims, key_issuer: Option<&str>) -> Result<(), Refusal> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
        let issuer = text("iss");
        let tenant = self.tenant(issuer).unwrap_or_default();
        if key_issuer.is_some_and(|of| of.replace(TENANT, tenant) != issuer) {
            return Err(Refusal::Untrusted("The token is signed with a key of another tenant.".into()));
        }
        let policy = if text("tfp").is_empty() { text("acr") } else { text("tfp") };
        let listed = |policies: &[String]| policies.iter().any(|one| one.eq_ignore_ascii_case(policy));
        match self.policies.is_empty() || listed(&self.policies) {
            true => Ok(()),
            false => Err(Refusal::Untrusted("The token was made by another policy.".into())),
        }
    }

    /// Azure AD B2C sends a list `emails` instead.
    fn email<'a>(&self, claims: &'a IdClaims) -> Option<&'a str> {
        let own = claims.get("email").and_then(Value::as_str);
        own.or_else(|| claims.get("emails")?.as_array()?.first()?.as_str())
    }

    /// The administrator of a tenant can enter any address. Only `xms_edov` says that the domain belongs to the
    /// tenant.
    fn vouches(&self, claims: &IdClaims, _: &str) -> bool {
        claims.contains_key("email") && is_true(claims.get(OWNS_DOMAIN))
    }

    /// Azure AD B2C can be configured to send the same text as `sub` for all users. Then `oid` is used.
    fn subject<'a>(&self, claims: &'a IdClaims) -> Result<&'a str, Refusal> {
        let sub = subject(claims)?;
        if !sub.starts_with("Not supported") {
            return Ok(sub);
        }
        let oid = claims.get("oid").and_then(Value::as_str).filter(|oid| is_guid(oid));
        oid.ok_or_else(|| Refusal::Untrusted("The token does not name a user.".into()))
    }

    /// Azure AD B2C supports only `login`. The setting `policies` shows that it is used.
    fn prompt(&self) -> Option<&'static str> {
        Some(if self.policies.is_empty() { "select_account" } else { "login" })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ONE: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";
    const OTHER: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

    fn rules(template: &str, tenants: &[&str]) -> Microsoft {
        let tenants = tenants.iter().map(|tenant| (*tenant).to_owned()).collect();
        Microsoft { template: template.into(), tenants, policies: Vec::new() }
    }

    fn issuer(rules: &Microsoft, iss: &str, tid: Option<&str>) -> bool {
        let mut claims = json!({ "iss": iss });
        if let Some(tid) = tid {
            claims["tid"] = tid.into();
        }
        rules.issuer(claims.as_object().unwrap()).is_some()
    }

    #[test]
    fn sec_o05_an_issuer_is_the_template_with_the_tenant_that_the_token_names() {
        let at = |tenant: &str| format!("https://login.microsoftonline.com/{tenant}/v2.0");
        let any = rules(TEMPLATE, &[]);
        assert!(issuer(&any, &at(ONE), Some(ONE)) && issuer(&any, &at(OTHER), Some(OTHER)));
        assert!(!issuer(&any, &at(ONE), Some(OTHER)) && !issuer(&any, &at(ONE), None));
        let some = rules(TEMPLATE, &[ONE]);
        assert!(issuer(&some, &at(ONE), Some(ONE)) && issuer(&some, &at(ONE), None));
        assert!(!issuer(&some, &at(OTHER), Some(OTHER)));
        for bent in [
            TEMPLATE.to_owned(),
            at("common"),
            at(""),
            at(&format!("{ONE}/x")),
            at(&ONE.to_uppercase()),
            format!("{}/", at(ONE)),
            at(ONE).replace("https", "http"),
            at(ONE).replace("login.microsoftonline.com", "evil.example"),
            String::new(),
        ] {
            assert!(!issuer(&any, &bent, Some(ONE)) && !any.is_itself(&bent), "{bent}");
        }
    }
}
