//! Downloads: the one kind of call whose redirects are followed, as Graph sends them to where the bytes lie
//! (`GET …/content` answers 302). Everything else is passed on as it is (R85).

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use reqwest::{Request, Response};
use url::Url;

use super::{Call, Client, GraphError};
use crate::{session::Session, tokens::AnyOf};

/// R97.
const MOST_REDIRECTS: usize = 5;
/// What is between us and Graph, and nobody else's business.
const OURS: [HeaderName; 3] = [
    header::AUTHORIZATION,
    header::COOKIE,
    header::PROXY_AUTHORIZATION,
];

/// Where a redirect leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The next address.
    pub url: Url,
    /// Whether it is on the same origin. If not, the token stays behind, for good.
    pub same_origin: bool,
}

/// R97: where this answer of `from` leads, if it is a redirect. Relative addresses are resolved; what would take
/// the bytes out of TLS, or is no place on the web, is refused.
pub fn hop(
    from: &Url,
    status: StatusCode,
    location: Option<&HeaderValue>,
) -> Result<Option<Hop>, GraphError> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = location.and_then(|value| value.to_str().ok());
    let location = location.ok_or(GraphError::Redirect("to no address"))?;
    let mut url = from
        .join(location)
        .map_err(|_| GraphError::Redirect("to no address"))?;
    url.set_fragment(None);
    match (from.scheme(), url.scheme()) {
        ("https", "http") => return Err(GraphError::Redirect("from https to http")),
        (_, "http" | "https") => {}
        _ => return Err(GraphError::Redirect("out of the web")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(GraphError::Redirect("to an address with credentials"));
    }
    let same_origin = url.origin() == from.origin();
    Ok(Some(Hop { url, same_origin }))
}

impl Client {
    /// GETs what may lie elsewhere. The answer is that of the last address, whatever its status.
    pub async fn download(
        &self,
        session: &Arc<Session>,
        need: AnyOf<'_>,
        url: Url,
        mut headers: HeaderMap,
    ) -> Result<Response, GraphError> {
        for name in OURS {
            headers.remove(name);
        }
        let mut from = url;
        let mut at_graph = true;
        for _ in 0..=MOST_REDIRECTS {
            let response = if at_graph {
                let mut call = Call::new(Method::GET, from.clone());
                call.headers = headers.clone();
                self.send(session, need, call).await?
            } else {
                let mut request = Request::new(Method::GET, from.clone());
                *request.headers_mut() = headers.clone();
                self.execute(request).await?
            };
            let location = response.headers().get(header::LOCATION);
            let Some(hop) = hop(&from, response.status(), location)? else {
                return Ok(response);
            };
            // Back at Graph is too late: what was elsewhere may have been sent there by anybody.
            at_graph &= hop.same_origin && self.own(hop.url.clone()).is_ok();
            from = hop.url;
        }
        Err(GraphError::Redirect("too often"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(from: &str, status: u16, location: &str) -> Result<Option<Hop>, GraphError> {
        let status = StatusCode::from_u16(status).unwrap();
        let location = HeaderValue::from_str(location).unwrap();
        hop(&Url::parse(from).unwrap(), status, Some(&location))
    }

    #[test] // R97
    fn a_redirect_keeps_its_origin_or_loses_the_token() {
        let graph = "https://graph.microsoft.com/v1.0/me/drive/items/1/content?x=1";
        for (location, leads, same_origin) in [
            ("/v1.0/y", "https://graph.microsoft.com/v1.0/y", true),
            (
                "content2#part",
                "https://graph.microsoft.com/v1.0/me/drive/items/1/content2",
                true,
            ),
            (
                "https://GRAPH.microsoft.com:443/z",
                "https://graph.microsoft.com/z",
                true,
            ),
            (
                "?y=2",
                "https://graph.microsoft.com/v1.0/me/drive/items/1/content?y=2",
                true,
            ),
            ("//evil.example/", "https://evil.example/", false),
            ("\\\\evil.example/", "https://evil.example/", false),
            (
                "https://graph.microsoft.com:8443/",
                "https://graph.microsoft.com:8443/",
                false,
            ),
            (
                "https://graph.microsoft.com.evil.example/",
                "https://graph.microsoft.com.evil.example/",
                false,
            ),
            (
                "https://contoso.sharepoint.com/a?t=%2b+",
                "https://contoso.sharepoint.com/a?t=%2b+",
                false,
            ),
        ] {
            let hop = from(graph, 302, location).unwrap().unwrap();
            assert_eq!(
                (hop.url.as_str(), hop.same_origin),
                (leads, same_origin),
                "{location}"
            );
        }
        let up = from("http://localhost/a", 302, "https://localhost/a")
            .unwrap()
            .unwrap();
        assert!(!up.same_origin, "another scheme is another origin");
    }

    #[test] // R97
    fn no_redirect_leads_out_of_tls_or_off_the_web() {
        let graph = "https://graph.microsoft.com/v1.0/x";
        for location in [
            "http://graph.microsoft.com/v1.0/x",
            "HTTP://localhost/",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "data:text/html,x",
            "https://user@evil.example/",
            "https://:secret@evil.example/",
            "https://",
            "https://[::1",
        ] {
            assert!(from(graph, 302, location).is_err(), "{location}");
        }
        assert!(hop(&Url::parse(graph).unwrap(), StatusCode::FOUND, None).is_err());
    }

    #[test] // R85, R97
    fn what_is_no_redirect_is_the_answer() {
        for status in [200, 201, 206, 300, 304, 305, 306, 400, 401, 404, 429, 500] {
            let stays = from(
                "https://graph.microsoft.com/v1.0/x",
                status,
                "https://evil.example/",
            );
            assert_eq!(stays.unwrap(), None, "{status}");
        }
    }
}
