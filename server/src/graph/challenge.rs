//! The `WWW-Authenticate` of a 401: which claims would Graph like to see? RFC 9110 §11.6.1,
//! <https://learn.microsoft.com/entra/identity-platform/claims-challenge>.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::{HeaderMap, header};

use crate::auth::claims::Challenge;

/// More is nobody's challenge.
const LONGEST: usize = 8 * 1024;

/// The claims of the first Bearer challenge that says `insufficient_claims` (R99).
pub fn claims(headers: &HeaderMap) -> Option<Challenge> {
    headers
        .get_all(header::WWW_AUTHENTICATE)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .filter(|value| value.len() <= LONGEST)
        .flat_map(parse)
        .find_map(|offer| {
            let wanted = offer.scheme.eq_ignore_ascii_case("bearer")
                && offer.get("error") == Some("insufficient_claims");
            decode(offer.get("claims").filter(|_| wanted)?)
        })
}

/// Padded base64 as documented; without padding and with the URL's alphabet as seen.
fn decode(claims: &str) -> Option<Challenge> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let standard = claims.replace('-', "+").replace('_', "/");
    let bytes = LENIENT.decode(standard).ok()?;
    Challenge::parse(std::str::from_utf8(&bytes).ok()?)
}

/// One challenge of a header that may hold several.
#[derive(Debug, PartialEq, Eq)]
struct Offer {
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Offer {
    fn get(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// A word before `=` is a parameter of the challenge at hand, any other word begins the next challenge.
fn parse(header: &str) -> Vec<Offer> {
    let mut offers: Vec<Offer> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find([' ', '\t', ',', '=']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.is_empty() && after.is_empty() {
            return offers;
        }
        let Some(value) = after.trim_start_matches([' ', '\t']).strip_prefix('=') else {
            offers.push(Offer {
                scheme: word.to_owned(),
                parameters: Vec::new(),
            });
            rest = after;
            continue;
        };
        let (value, after) = take_value(value.trim_start_matches([' ', '\t']));
        rest = after;
        if let Some(offer) = offers.last_mut() {
            offer.parameters.push((word.to_owned(), value));
        }
    }
}

/// A token, or a quoted string with its escapes taken out; what is not closed runs to the end.
fn take_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '\t', ',']).unwrap_or(text.len());
        let (value, after) = text.split_at(end);
        return (value.to_owned(), after);
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => break,
            '\\' => value.extend(characters.next()),
            c => value.push(c),
        }
    }
    (value, characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    // {"access_token":{"nbf":{"essential":true,"value":"1"}}}
    const CLAIMS: &str =
        "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxIn19fQ==";

    fn of(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::WWW_AUTHENTICATE, value.parse().unwrap());
        }
        claims(&headers).map(|challenge| challenge.to_string())
    }

    #[test] // R99
    fn the_claims_are_found_wherever_the_challenge_stands() {
        let bearer = format!(
            "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", \
             error=\"insufficient_claims\", claims=\"{CLAIMS}\""
        );
        let unpadded = bearer.replace("==", "");
        let spaced = bearer
            .replace("error=", "error = ")
            .replace("claims=", "claims =");
        let among =
            format!("Basic realm=\"a, b \\\" Bearer claims=x\", {bearer}, Digest nonce=\"MTI==\"");
        let negotiate = format!("Negotiate YWJj==, NTLM,,{bearer}");
        for values in [
            vec![bearer.as_str()],
            vec![&unpadded],
            vec![&spaced],
            vec![&among],
            vec![&negotiate],
            vec!["Basic realm=\"x\"", &bearer],
            vec![&bearer.replace("Bearer", "bearer")],
        ] {
            assert_eq!(
                of(&values).as_deref(),
                Some(r#"{"access_token":{"nbf":{"essential":true,"value":"1"}}}"#),
                "{values:?}"
            );
        }
    }

    #[test] // R99
    fn what_is_no_claims_challenge_yields_none() {
        for value in [
            "",
            "Bearer",
            "Bearer realm=\"x\", error=\"invalid_token\"",
            "Bearer error=\"insufficient_claims\"",
            "Bearer error=\"insufficient_claims\", claims=\"***\"",
            "Bearer error=\"insufficient_claims\", claims=\"W10=\"",
            "Bearer error=\"insufficient_claims\", claims=\"",
            "=,=\"\\",
            &format!("Basic error=\"insufficient_claims\", claims=\"{CLAIMS}\""),
            &format!("Bearer error=\"invalid_token\", claims=\"{CLAIMS}\""),
        ] {
            assert_eq!(of(&[value]), None, "{value}");
        }
    }
}
