//! The ways in which each kind of answer can be wrong.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Ways to forge an ID token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forgery {
    /// The claims were changed after signing.
    TamperedClaims,
    /// The signature was changed.
    TamperedSignature,
    /// The signature is missing.
    NoSignature,
    /// Signed with a key of nobody's under the active key's `kid`.
    ForeignKey,
    /// `alg: none`, unsigned.
    AlgNone,
    /// `alg: HS256`, with the public key's PEM as the secret.
    Hs256WithPublicKey,
    /// `alg: RS512`, signed rightly so.
    Rs512,
    /// Signed with an unpublished key under its own `kid`.
    UnknownKid,
    /// No `kid`.
    NoKid,
    /// `jku` points at a key set of the forger's, whose key signed.
    Jku,
    /// `jwk` carries the forger's key, which signed.
    Jwk,
    /// `x5u` points at the forger's certificate, whose key signed.
    X5u,
    /// `aud` is another application.
    WrongAudience,
    /// `aud` lists the client and another one, `azp` names the other.
    ForeignAzp,
    /// `iss` is another tenant's, `tid` is not.
    WrongIssuer,
    /// `iss` is on a host of the forger's.
    ForeignIssuer,
    /// `iss` holds the literal `{tenantid}`.
    LiteralIssuer,
    /// `tid` is another tenant's, `iss` is not.
    WrongTid,
    /// `tid` (and so `iss`) is no GUID but a path of its own.
    MalformedTid,
    /// Ended an hour ago.
    Expired,
    /// Starts in an hour.
    NotYetValid,
    /// Issued in an hour.
    IssuedInFuture,
    /// `exp` is a word.
    WordyExpiry,
    /// Another nonce.
    WrongNonce,
    /// The `sub` of somebody else.
    WrongSubject,
    /// The `oid` of somebody else.
    WrongOid,
    /// This claim is left out.
    Missing(String),
    /// This claim has this value.
    Claim {
        /// The claim.
        name: String,
        /// Its value.
        value: Value,
    },
    /// The header has this member, the signature is right.
    Header {
        /// The member.
        name: String,
        /// Its value.
        value: Value,
    },
    /// A v1.0 token: `ver` 1.0, issuer `https://sts.windows.net/{tid}/`.
    Version1,
    /// Signed with the key that only personal accounts' tokens may be signed with (or the reverse).
    KeyOfOtherIssuer,
    /// The access token in the ID token's place: a JWT for Graph, rightly signed.
    AccessToken,
    /// Not a JWT.
    NotAToken,
}

/// Ways to get the redirect back wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Callback {
    /// Another `state`.
    WrongState,
    /// No `state`.
    MissingState,
    /// `iss` (RFC 9207) of another issuer.
    WrongIss,
    /// `iss` of the right issuer, which the real platform does not send.
    RightIss,
    /// An error response instead of the code.
    Error {
        /// `error`.
        error: String,
        /// `error_description`, verbatim.
        #[serde(default)]
        description: String,
    },
    /// `code` twice.
    DuplicateCode,
    /// `state` twice.
    DuplicateState,
    /// No `code`.
    MissingCode,
    /// A code that nobody issued.
    WrongCode,
    /// Code and error at once.
    CodeAndError,
}

/// Ways to make the token response unexpected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenChange {
    /// This member is left out.
    Missing(String),
    /// This member has this value.
    Member {
        /// The member.
        name: String,
        /// Its value.
        value: Value,
    },
    /// Only these scopes are granted, in the token too.
    Scope(String),
    /// `token_type` in this case or of this kind.
    TokenType(String),
    /// Members that nobody has heard of.
    ExtraMembers,
    /// No new refresh token; the old one stays valid.
    NoRefreshToken,
    /// The refresh token that came in is sent back.
    SameRefreshToken,
    /// An OAuth error.
    Error {
        /// `error`.
        error: String,
        /// AADSTS number.
        #[serde(default)]
        number: u32,
        /// `suberror`.
        #[serde(default)]
        suberror: Option<String>,
        /// Text after the AADSTS number, verbatim.
        #[serde(default)]
        description: Option<String>,
        /// `claims`: what a new interactive request has to carry.
        #[serde(default)]
        claims: Option<String>,
    },
}

/// Ways to make the metadata hostile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetadataChange {
    /// `issuer` of another host.
    WrongIssuer,
    /// `issuer` of another tenant.
    OtherTenant,
    /// This endpoint lies on a host of the attacker's, over https.
    EvilEndpoint(String),
    /// This endpoint lies on a Microsoft host, over http.
    HttpEndpoint(String),
    /// This member is left out.
    Missing(String),
    /// This member has this value.
    Member {
        /// The member.
        name: String,
        /// Its value.
        value: Value,
    },
}

/// Ways to make the key set hostile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeysChange {
    /// No keys.
    Empty,
    /// Keys without `kid`.
    NoKid,
    /// Keys without `issuer`.
    NoIssuer,
    /// Every key claims to be the personal accounts' one.
    PersonalIssuer,
    /// A symmetric key under the active key's `kid` comes first.
    Symmetric,
    /// Keys for encryption, not for signatures.
    ForEncryption,
    /// Numbers that are no RSA key.
    BrokenNumbers,
}

/// Ways in which Graph is difficult.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GraphChange {
    /// A Graph error.
    Error {
        /// The status.
        status: u16,
        /// `error.code`.
        code: String,
        /// `Retry-After`, verbatim.
        #[serde(default)]
        retry_after: Option<String>,
    },
    /// `@odata.nextLink` on this origin, whether or not there is a next page.
    NextLink(String),
    /// `@odata.nextLink` leads to the page itself.
    NextLinkCycle,
    /// An empty page that still has a nextLink.
    EmptyPage,
    /// Cookies, CORS grants and headers that no proxy may pass on.
    Headers,
    /// The token is refused as expired.
    Expired,
    /// Continuous access evaluation: the token is refused with a claims challenge.
    ClaimsChallenge,
    /// The same among several challenges in one header.
    SeveralChallenges,
    /// HTML in place of what was asked for, typed as such.
    ActiveContent,
    /// An SVG with a script in place of what was asked for.
    Svg,
}
