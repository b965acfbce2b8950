//! Delegated permissions: which there are, what they say on the consent page, who may grant them.

use crate::{client::Client, platform::aadsts::Refusal};

/// Microsoft Graph's application id, by which errors name it.
pub(crate) const GRAPH_APP_ID: &str = "00000003-0000-0000-c000-000000000000";

/// OpenID Connect's own scopes, which belong to no resource.
const OIDC: [(&str, &str); 4] = [
    ("openid", "Sign you in"),
    ("profile", "View your basic profile"),
    ("email", "View your email address"),
    (
        "offline_access",
        "Maintain access to data you have given it access to",
    ),
];

/// Graph's delegated permissions: name, words on the consent page, whether only an administrator may grant it.
/// <https://learn.microsoft.com/graph/permissions-reference>
const GRAPH: [(&str, &str, bool); 35] = [
    ("User.Read", "Sign you in and read your profile", false),
    ("User.ReadWrite", "Read and update your profile", false),
    (
        "User.ReadBasic.All",
        "Read all users' basic profiles",
        false,
    ),
    ("User.Read.All", "Read all users' full profiles", true),
    (
        "User.ReadWrite.All",
        "Read and write all users' full profiles",
        true,
    ),
    (
        "User.RevokeSessions.All",
        "Revoke all sign in sessions for a user",
        true,
    ),
    ("People.Read", "Read your relevant people list", false),
    (
        "People.Read.All",
        "Read all users' relevant people lists",
        true,
    ),
    ("Calendars.Read", "Read your calendars", false),
    (
        "Calendars.ReadBasic",
        "Read basic details of your calendars",
        false,
    ),
    (
        "Calendars.ReadWrite",
        "Have full access to your calendars",
        false,
    ),
    ("Mail.Read", "Read your mail", false),
    ("Mail.ReadBasic", "Read your basic mail", false),
    ("Mail.ReadWrite", "Read and write your mail", false),
    ("Mail.Send", "Send mail as you", false),
    ("MailboxSettings.Read", "Read your mailbox settings", false),
    ("Contacts.Read", "Read your contacts", false),
    ("Files.Read", "Read your files", false),
    (
        "Files.Read.All",
        "Read all files that you have access to",
        false,
    ),
    ("Files.ReadWrite", "Have full access to your files", false),
    (
        "Sites.Read.All",
        "Read items in all site collections",
        false,
    ),
    ("Notes.Read", "Read your OneNote notebooks", false),
    ("Tasks.Read", "Read your tasks and task lists", false),
    ("Presence.Read", "Read your presence information", false),
    (
        "Presence.Read.All",
        "Read presence information of all users in your organization",
        false,
    ),
    ("Chat.Read", "Read your chat messages", false),
    (
        "Team.ReadBasic.All",
        "Read the names and descriptions of teams",
        false,
    ),
    ("Group.Read.All", "Read all groups", true),
    ("GroupMember.Read.All", "Read group memberships", true),
    ("Directory.Read.All", "Read directory data", true),
    (
        "Directory.AccessAsUser.All",
        "Access the directory as you",
        true,
    ),
    (
        "Organization.Read.All",
        "Read organization information",
        true,
    ),
    ("AuditLog.Read.All", "Read audit log data", true),
    (
        "ProfilePhoto.Read.All",
        "Read all users' profile photos",
        true,
    ),
    ("Application.Read.All", "Read applications", true),
];

/// What a scope belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    Oidc,
    Graph,
    /// Another API, by its identifier.
    Api(String),
}

/// One scope of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    /// As the client wrote it.
    pub asked: String,
    /// In its canonical short form for Graph and OpenID Connect, whole for other APIs.
    pub name: String,
    pub resource: Resource,
}

impl Scope {
    pub(crate) fn is_default(&self) -> bool {
        self.name.ends_with(".default")
    }

    pub(crate) fn words(&self) -> String {
        let known = OIDC
            .iter()
            .map(|(name, words)| (*name, *words))
            .chain(GRAPH.iter().map(|(name, words, _)| (*name, *words)))
            .find(|(name, _)| *name == self.name);
        known.map_or_else(
            || format!("Access {} on your behalf", self.name),
            |(_, words)| words.to_owned(),
        )
    }

    pub(crate) fn needs_admin(&self) -> bool {
        self.resource == Resource::Graph
            && GRAPH
                .iter()
                .any(|(name, _, admin)| *admin && *name == self.name)
    }
}

/// The scopes of a request, or why they can't be.
pub(crate) fn parse(
    text: &str,
    client: &Client,
    graph_origin: &str,
) -> Result<Vec<Scope>, Refusal> {
    let mut scopes = Vec::new();
    for asked in text.split_ascii_whitespace() {
        let scope = one(asked, client, graph_origin)?;
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    let mut resources: Vec<_> = scopes
        .iter()
        .map(|scope| &scope.resource)
        .filter(|r| **r != Resource::Oidc)
        .collect();
    resources.dedup();
    if resources.len() > 1 && scopes.iter().any(Scope::is_default) {
        let text =
            format!("Provided resource value for the input parameter 'scope' is not valid. {text}");
        return Err(Refusal::new("invalid_scope", 70011, text));
    }
    Ok(scopes)
}

fn one(asked: &str, client: &Client, graph_origin: &str) -> Result<Scope, Refusal> {
    if let Some((name, _)) = OIDC.iter().find(|(name, _)| *name == asked) {
        return Ok(Scope {
            asked: asked.to_owned(),
            name: (*name).to_owned(),
            resource: Resource::Oidc,
        });
    }
    let graph = ["https://graph.microsoft.com/", GRAPH_APP_ID]
        .iter()
        .chain([&graph_origin])
        .find_map(|prefix| asked.strip_prefix(prefix))
        .map(|rest| rest.trim_start_matches('/'));
    if graph.is_none() && asked.contains("://") {
        let (api, _) = asked.rsplit_once('/').unwrap_or((asked, ""));
        return Ok(Scope {
            asked: asked.to_owned(),
            name: asked.to_owned(),
            resource: Resource::Api(api.to_owned()),
        });
    }
    let short = graph.unwrap_or(asked);
    if short == ".default" {
        return Ok(Scope {
            asked: asked.to_owned(),
            name: short.to_owned(),
            resource: Resource::Graph,
        });
    }
    // Scopes are compared without case; the token carries their canonical form.
    match GRAPH
        .iter()
        .find(|(name, _, _)| name.eq_ignore_ascii_case(short))
    {
        Some((name, _, _)) => Ok(Scope {
            asked: asked.to_owned(),
            name: (*name).to_owned(),
            resource: Resource::Graph,
        }),
        None => Err(Refusal::new(
            "invalid_client",
            650_053,
            format!(
                "The application '{}' asked for scope '{short}' that doesn't exist on the resource '{GRAPH_APP_ID}'. \
                 Contact the app vendor.",
                client.name
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<Scope>, Refusal> {
        parse(text, &Client::demo(), "http://127.0.0.1:8400")
    }

    #[test]
    fn graph_scopes_have_a_short_and_a_long_form() {
        let scopes = parsed("openid user.read https://graph.microsoft.com/Mail.Read").unwrap();
        let names: Vec<_> = scopes.iter().map(|scope| scope.name.as_str()).collect();
        assert_eq!(names, ["openid", "User.Read", "Mail.Read"]);
    }

    #[test]
    fn a_scope_that_does_not_exist_is_aadsts650053() {
        assert_eq!(parsed("User.Fly").unwrap_err().number, 650_053);
    }

    #[test]
    fn default_is_not_mixed_with_another_resource() {
        assert_eq!(
            parsed("https://graph.microsoft.com/.default api://x/read")
                .unwrap_err()
                .number,
            70011
        );
        assert!(parsed("User.Read api://x/read").is_ok());
    }
}
