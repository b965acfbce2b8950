//! The addresses that pages point to. Sign-in and sign-out are the server's: links to them load a whole page.

use std::fmt::Write;

use crate::model::AccountKind;

/// Ends the session; a POST.
pub const LOGOUT: &str = "/auth/logout";

/// Keeps a language or a theme; a POST.
pub const PREFERENCES: &str = "/preferences";

/// Where you are signed in.
pub const ACCOUNT: &str = "/account";

/// The viewer's profile.
pub const ME: &str = "/me";

/// Where developers ask Graph.
pub const CONSOLE: &str = "/console";

/// Ends one session; a POST.
pub const END: &str = "/account/end";

/// Ends the viewer's other sessions, or all of another person; a POST.
pub const END_OTHERS: &str = "/account/end-others";

/// Where people see and withdraw what they have allowed an app, at Microsoft.
/// <https://learn.microsoft.com/entra/identity-platform/application-consent-experience>
pub fn consents(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::Work => "https://myapps.microsoft.com",
        AccountKind::Personal => "https://account.live.com/consent/Manage",
    }
}

/// The console with a call in its form; with `run`, and its answer.
pub fn console(method: &str, path: &str, run: bool) -> String {
    let run = if run { "&run=1" } else { "" };
    let (method, path) = (escape(method), escape(path));
    format!("{CONSOLE}?method={method}&path={path}{run}")
}

/// Starts a sign-in that comes back to `return_to`, with further parameters of the login route.
pub fn login(return_to: &str, parameters: &[(&str, &str)]) -> String {
    let mut href = format!("/auth/login?return_to={}", escape(return_to));
    for (name, value) in parameters {
        href.push('&');
        href.push_str(name);
        href.push('=');
        href.push_str(&escape(value));
    }
    href
}

/// Starts a sign-in that asks which account to use.
pub fn other_account(return_to: &str) -> String {
    login(return_to, &[("prompt", "select_account")])
}

/// A page of the directory. An empty search or cursor is left out.
pub fn people(search: &str, cursor: &str) -> String {
    let mut href = String::from("/people");
    let mut mark = '?';
    for (name, value) in [("search", search), ("cursor", cursor)] {
        if !value.is_empty() {
            href.push(mark);
            href.push_str(name);
            href.push('=');
            href.push_str(&escape(value));
            mark = '&';
        }
    }
    href
}

/// Those whom a search finds, or all people, as a table to download.
pub fn csv(search: &str) -> String {
    match search {
        "" => "/people.csv".into(),
        _ => format!("/people.csv?q={}", escape(search)),
    }
}

/// A person's page.
pub fn person(id: &str) -> String {
    format!("/people/{}", escape(id))
}

/// A chat in Teams. <https://learn.microsoft.com/microsoftteams/platform/concepts/build-and-test/deep-link-teams>
pub fn chat(address: &str) -> String {
    format!(
        "https://teams.microsoft.com/l/chat/0/0?users={}",
        escape(address)
    )
}

/// A person's photo, for a page to show: where there is none the answer is empty, for a browser writes each 404 of a
/// picture into its console.
pub fn photo(id: &str, size: u32) -> String {
    format!("/photo/{}?size={size}&none=empty", escape(id))
}

/// Writes to an address. A `?` in it is part of the address, not the start of a header.
pub fn mail(address: &str) -> String {
    format!("mailto:{}", address.replace('%', "%25").replace('?', "%3F"))
}

/// Calls a number.
pub fn phone(number: &str) -> String {
    format!("tel:{}", number.replace(' ', ""))
}

/// A parameter's or path segment's value: RFC 3986's unreserved characters stay, the rest is percent-encoded.
fn escape(value: &str) -> String {
    value.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(byte.into());
        } else {
            _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_comes_back_to_where_it_began() {
        assert_eq!(
            login(
                "/people?search=a b&cursor=x",
                &[("scope", "User.Read Mail.Read")]
            ),
            "/auth/login?return_to=%2Fpeople%3Fsearch%3Da%20b%26cursor%3Dx&scope=User.Read%20Mail.Read"
        );
        assert_eq!(
            other_account("/"),
            "/auth/login?return_to=%2F&prompt=select_account"
        );
    }

    #[test]
    fn an_empty_search_or_cursor_is_left_out_of_the_address() {
        assert_eq!(people("", ""), "/people");
        assert_eq!(people("ann", ""), "/people?search=ann");
        assert_eq!(people("", "c+/="), "/people?cursor=c%2B%2F%3D");
        assert_eq!(people("é&x", "2"), "/people?search=%C3%A9%26x&cursor=2");
    }

    #[test]
    fn nothing_in_a_value_leaves_its_place() {
        assert_eq!(person("../a?b#c"), "/people/..%2Fa%3Fb%23c");
        assert_eq!(csv("a&b"), "/people.csv?q=a%26b");
        assert_eq!(
            photo("../a?b#c", 48),
            "/photo/..%2Fa%3Fb%23c?size=48&none=empty"
        );
        assert_eq!(mail("a?bcc=b@x"), "mailto:a%3Fbcc=b@x");
        assert_eq!(phone("+31 20 555 0100"), "tel:+31205550100");
    }
}
