//! Everything that can be made to go wrong, in one type for tests in Rust and for the control endpoint's JSON.

use serde::{Deserialize, Serialize};

use super::changes::{Callback, Forgery, GraphChange, KeysChange, MetadataChange, TokenChange};

/// A fault and whom it strikes. Without limits it strikes every matching call until it is cleared.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rule {
    /// What goes wrong.
    #[serde(flatten)]
    pub fault: Fault,
    /// Strike only this many times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// Strike only this client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Strike only this user, by object id or user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Strike only this grant at the token endpoint, such as `refresh_token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// Strike only paths that contain this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl From<Fault> for Rule {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            times: None,
            client_id: None,
            user: None,
            grant: None,
            path: None,
        }
    }
}

impl Rule {
    /// Strike only the next `times` matching calls.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Strike only the next matching call.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Strike only this client.
    #[must_use]
    pub fn for_client(mut self, client_id: &str) -> Self {
        self.client_id = Some(client_id.to_owned());
        self
    }

    /// Strike only this user, by object id or user name.
    #[must_use]
    pub fn for_user(mut self, user: &str) -> Self {
        self.user = Some(user.to_owned());
        self
    }

    /// Strike only this grant at the token endpoint.
    #[must_use]
    pub fn for_grant(mut self, grant: &str) -> Self {
        self.grant = Some(grant.to_owned());
        self
    }

    /// Strike only paths that contain this.
    #[must_use]
    pub fn for_path(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }
}

/// What goes wrong. In JSON the member `fault` names the kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// An endpoint answers badly as HTTP: a status, a delay, a dropped connection, nonsense.
    Answer {
        /// The endpoint.
        at: Endpoint,
        /// How it answers.
        with: Answer,
    },
    /// The ID token is forged.
    IdToken {
        /// In what way.
        forgery: Forgery,
    },
    /// The redirect back to the application is wrong.
    Callback {
        /// In what way.
        change: Callback,
    },
    /// The token endpoint's JSON is unexpected, or an OAuth error.
    Token {
        /// In what way.
        change: TokenChange,
    },
    /// The metadata document is hostile.
    Metadata {
        /// In what way.
        change: MetadataChange,
    },
    /// The key set is hostile.
    Keys {
        /// In what way.
        change: KeysChange,
    },
    /// Graph answers what it may, but no client likes.
    Graph {
        /// In what way.
        change: GraphChange,
    },
}

impl Fault {
    /// An endpoint answers badly as HTTP.
    pub fn answer(at: Endpoint, with: Answer) -> Rule {
        Self::Answer { at, with }.into()
    }
    /// An endpoint answers with this status and no `Retry-After`.
    pub fn status(at: Endpoint, status: u16) -> Rule {
        Self::answer(
            at,
            Answer::Status {
                status,
                retry_after: None,
            },
        )
    }
    /// The ID token is forged.
    pub fn id_token(forgery: Forgery) -> Rule {
        Self::IdToken { forgery }.into()
    }
    /// The redirect back is wrong.
    pub fn callback(change: Callback) -> Rule {
        Self::Callback { change }.into()
    }
    /// The token response is unexpected.
    pub fn token(change: TokenChange) -> Rule {
        Self::Token { change }.into()
    }
    /// The metadata document is hostile.
    pub fn metadata(change: MetadataChange) -> Rule {
        Self::Metadata { change }.into()
    }
    /// The key set is hostile.
    pub fn keys(change: KeysChange) -> Rule {
        Self::Keys { change }.into()
    }
    /// Graph misbehaves.
    pub fn graph(change: GraphChange) -> Rule {
        Self::Graph { change }.into()
    }
}

/// The places where a fault can strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `/.well-known/openid-configuration`.
    Metadata,
    /// The key set.
    Keys,
    /// The authorization endpoint and the pages behind it.
    Authorize,
    /// The token endpoint.
    Token,
    /// The logout endpoint.
    Logout,
    /// Microsoft Graph, userinfo included.
    Graph,
    /// Anything else.
    Other,
}

/// A bad answer at the level of HTTP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Answer {
    /// This status with the endpoint's own kind of error body.
    Status {
        /// The status.
        status: u16,
        /// `Retry-After`, verbatim: an integer, a decimal, a date, a list or garbage.
        #[serde(default)]
        retry_after: Option<String>,
    },
    /// The answer is right but late.
    Delay {
        /// By how much.
        millis: u64,
    },
    /// The answer waits for [`Control::release`](super::Control::release), so that a test needs no sleep.
    Hold,
    /// The connection closes without an answer.
    Drop,
    /// The answer ends before its `Content-Length`.
    CutOff,
    /// 200, JSON by its type, but no JSON.
    MalformedJson,
    /// The right JSON without its second half.
    TruncatedJson,
    /// 200 and an HTML page, as a captive portal or gateway sends.
    Html,
    /// 200, JSON by its type, arbitrary bytes.
    Garbage,
    /// 200 without a body.
    Empty,
    /// The right answer, one byte at a time.
    SlowDrip {
        /// Pause between two bytes.
        millis: u64,
    },
    /// A body of this many bytes (valid JSON).
    Giant {
        /// Its size.
        bytes: u64,
    },
    /// A gzip body that unpacks to this many bytes.
    Bomb {
        /// Its unpacked size.
        bytes: u64,
    },
    /// A redirect.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: u16,
        /// `Location`, verbatim.
        location: String,
    },
    /// The right answer with these headers besides.
    Headers {
        /// Names and values.
        headers: Vec<(String, String)>,
    },
    /// Exactly this.
    Exactly {
        /// The status.
        status: u16,
        /// `Content-Type`.
        content_type: String,
        /// The body.
        body: String,
    },
}
