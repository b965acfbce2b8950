//! The addresses that pages point to. Sign-in and sign-out are the server's: links to them load a whole page.

use leptos_router::location::Url;

/// Ends the session; a POST.
pub const LOGOUT: &str = "/auth/logout";

/// Starts a sign-in that comes back to `return_to`, with further parameters of the login route.
pub fn login(return_to: &str, parameters: &[(&str, &str)]) -> String {
    let mut href = format!("/auth/login?return_to={}", Url::escape(return_to));
    for (name, value) in parameters {
        href.push('&');
        href.push_str(name);
        href.push('=');
        href.push_str(&Url::escape(value));
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
            href.push_str(&Url::escape(value));
            mark = '&';
        }
    }
    href
}

/// A person's photo; 404 where there is none.
pub fn photo(id: &str, size: u32) -> String {
    format!("/photo/{}?size={size}", Url::escape(id))
}

/// Writes to an address. A `?` in it is part of the address, not the start of a header.
pub fn mail(address: &str) -> String {
    format!("mailto:{}", address.replace('%', "%25").replace('?', "%3F"))
}

/// Calls a number.
pub fn phone(number: &str) -> String {
    format!("tel:{}", number.replace(' ', ""))
}
