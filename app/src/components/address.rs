//! Addresses that break where people would break them.

use leptos::prelude::*;

use crate::erase::Erase;

/// A mail address or a sign-in name. Where there is no room for all of it, a line ends before an `@` or a `.`.
pub fn breakable(address: &str) -> AnyView {
    let mut pieces = pieces(address).into_iter();
    let first = pieces.next();
    let rest = pieces.map(|piece| view! { <wbr/>{piece} }).collect_view();
    view! { {first}{rest} }.erase()
}

fn pieces(address: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for c in address.chars() {
        match pieces.last_mut() {
            Some(piece) if piece.is_empty() || !matches!(c, '@' | '.') => piece.push(c),
            _ => pieces.push(c.into()),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_breaks_before_its_marks_and_loses_nothing() {
        for (address, expected) in [
            ("ann.lee@x.example", vec!["ann", ".lee", "@x", ".example"]),
            ("@a", vec!["@a"]),
            ("a..b", vec!["a", ".", ".b"]),
            ("plain", vec!["plain"]),
            ("", vec![""]),
        ] {
            assert_eq!(pieces(address), expected);
        }
    }
}
