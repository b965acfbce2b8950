//! ID tokens as data: the forged and the odd.

use serde_json::{Value, json};

use crate::provider::{CLIENT, Change, Draft, KEYS, OBJECT, PERSONAL_TENANT, SECRET, Sign, TENANT};

pub const OTHER_TENANT: &str = "11111111-6c67-4c5b-b112-36a304b66dad";

pub fn without(part: &mut Value, name: &str) {
    assert!(part.as_object_mut().unwrap().remove(name).is_some());
}

fn of_tenant(t: &mut Draft, tenant: &str) {
    t.claims["tid"] = json!(tenant);
    t.claims["iss"] = json!(format!("{}/{tenant}/v2.0", t.origin));
}

fn seconds(t: &mut Draft, name: &str, from_now: i64) {
    t.claims[name] = json!(time::OffsetDateTime::now_utc().unix_timestamp() + from_now);
}

fn hs256(t: &mut Draft, secret: &[u8]) {
    t.header["alg"] = json!("HS256");
    t.sign = Sign::Hs256(secret.to_vec());
}

/// An attacker's own key, however the header makes it known.
fn foreign(t: &mut Draft, member: &str, value: Value) {
    t.header[member] = value;
    t.sign = Sign::Rs256(&KEYS.foreign);
}

/// A second member of the same name, behind the right one or before it.
fn twice(claims: &Value, name: &str, value: &str, first: bool) -> String {
    let text = claims.to_string();
    let inside = &text[1..text.len() - 1];
    let extra = format!("\"{name}\":{value}");
    if first {
        format!("{{{extra},{inside}}}")
    } else {
        format!("{{{inside},{extra}}}")
    }
}

/// Each is wrong in one way and right in all others; where the wrong comes as a pair in the wild (an old token with its
/// old issuer, an access token with its claims), both halves, and the telling one alone beside it.
pub const FORGERIES: &[(&str, Change)] = &[
    // R34: signature and header.
    ("alg none", |t| {
        t.header["alg"] = json!("none");
        t.sign = Sign::Nothing;
    }),
    ("alg None", |t| {
        t.header["alg"] = json!("None");
        t.sign = Sign::Nothing;
    }),
    ("no alg", |t| without(&mut t.header, "alg")),
    ("alg in lower case", |t| t.header["alg"] = json!("rs256")),
    ("HS256 with the key's PEM", |t| {
        hs256(t, KEYS.work.pem().as_bytes());
    }),
    ("HS256 with the modulus", |t| {
        hs256(t, KEYS.work.modulus().as_bytes());
    }),
    ("HS256 with the client secret", |t| {
        hs256(t, SECRET.as_bytes());
    }),
    ("HS256 with nothing", |t| hs256(t, b"")),
    ("RS512", |t| {
        t.header["alg"] = json!("RS512");
        t.sign = Sign::Rs512(&KEYS.work);
    }),
    ("PS256", |t| {
        t.header["alg"] = json!("PS256");
        t.sign = Sign::Ps256(&KEYS.work);
    }),
    ("PS256 called RS256", |t| t.sign = Sign::Ps256(&KEYS.work)),
    ("RS512 called RS256", |t| t.sign = Sign::Rs512(&KEYS.work)),
    ("RS256 in the header, nothing behind", |t| {
        t.sign = Sign::Nothing;
    }),
    ("another key under a known kid", |t| {
        t.sign = Sign::Rs256(&KEYS.foreign);
    }),
    ("a published key under another's kid", |t| {
        t.sign = Sign::Rs256(&KEYS.personal);
    }),
    ("an unknown kid", |t| {
        foreign(t, "kid", json!(KEYS.foreign.kid));
    }),
    ("an unknown kid, known key", |t| {
        t.header["kid"] = json!("another");
    }),
    ("an empty kid", |t| t.header["kid"] = json!("")),
    ("a kid that is no text", |t| t.header["kid"] = json!(7)),
    ("no kid", |t| without(&mut t.header, "kid")),
    ("jku", |t| {
        let address = json!(format!("{}/evil/keys", t.origin));
        foreign(t, "jku", address);
    }),
    ("jku with a good signature", |t| {
        t.header["jku"] = json!(format!("{}/evil/keys", t.origin));
    }),
    ("jwk", |t| {
        let key = json!({ "kty": "RSA", "n": KEYS.foreign.modulus(), "e": "AQAB" });
        foreign(t, "jwk", key);
    }),
    ("x5u", |t| {
        let address = json!(format!("{}/evil/certificate.pem", t.origin));
        foreign(t, "x5u", address);
    }),
    ("x5c", |t| {
        foreign(t, "x5c", json!(["MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A"]));
    }),
    ("crit", |t| {
        t.header["crit"] = json!(["exp"]);
        t.header["exp"] = json!(1);
    }),
    ("a signature cut off", |t| {
        t.send = |token| token[..token.len() - 4].to_owned();
    }),
    ("no signature", |t| {
        t.send = |token| token[..=token.rfind('.').unwrap()].to_owned();
    }),
    ("no third part", |t| {
        t.send = |token| token[..token.rfind('.').unwrap()].to_owned();
    }),
    ("a fourth part", |t| t.send = |token| token + ".e30"),
    ("claims changed on their way", |t| {
        t.send = |token| {
            let parts: Vec<_> = token.split('.').collect();
            format!(
                "{}.{}A.{}",
                parts[0],
                parts[1].trim_end_matches('A'),
                parts[2]
            )
        }
    }),
    ("no token", |t| t.send = |_| "nonsense".to_owned()),
    ("nothing", |t| t.send = |_| String::new()),
    // R35: for whom and when.
    ("aud of another client", |t| t.claims["aud"] = json!(OBJECT)),
    ("aud with another beside", |t| {
        t.claims["aud"] = json!([CLIENT, OBJECT]);
    }),
    ("aud twice in an array", |t| {
        t.claims["aud"] = json!([CLIENT, CLIENT]);
    }),
    ("aud empty", |t| t.claims["aud"] = json!([])),
    ("aud in upper case", |t| {
        t.claims["aud"] = json!(CLIENT.to_uppercase());
    }),
    ("no aud", |t| without(&mut t.claims, "aud")),
    ("aud as two members, the right one first", |t| {
        t.write = |claims| twice(claims, "aud", "\"another\"", false);
    }),
    ("aud as two members, the right one last", |t| {
        t.write = |claims| twice(claims, "aud", "\"another\"", true);
    }),
    ("azp of another client", |t| t.claims["azp"] = json!(OBJECT)),
    ("expired", |t| seconds(t, "exp", -600)),
    ("exp long ago", |t| t.claims["exp"] = json!(i64::MIN)),
    ("exp as text", |t| t.claims["exp"] = json!("4102444800")),
    ("exp in words", |t| t.claims["exp"] = json!("tomorrow")),
    ("exp beyond all numbers", |t| t.claims["exp"] = json!(1e300)),
    ("no exp", |t| without(&mut t.claims, "exp")),
    ("nbf tomorrow", |t| seconds(t, "nbf", 86_400)),
    ("nbf as text", |t| t.claims["nbf"] = json!("0")),
    ("iat tomorrow", |t| seconds(t, "iat", 86_400)),
    ("no iat", |t| without(&mut t.claims, "iat")),
    // R36: who says it.
    ("iss of another tenant", |t| {
        t.claims["iss"] = json!(format!("{}/{OTHER_TENANT}/v2.0", t.origin));
    }),
    ("tid of another tenant", |t| {
        t.claims["tid"] = json!(OTHER_TENANT);
    }),
    ("iss of another host", |t| {
        t.claims["iss"] = json!(format!("https://login.evil.example/{TENANT}/v2.0"));
    }),
    ("iss with a slash behind", |t| {
        t.claims["iss"] = json!(format!("{}/{TENANT}/v2.0/", t.origin));
    }),
    ("iss as the template", |t| of_tenant(t, "{tenantid}")),
    ("tid in upper case", |t| {
        of_tenant(t, &TENANT.to_uppercase());
    }),
    ("tid without dashes", |t| {
        of_tenant(t, &TENANT.replace('-', ""));
    }),
    ("tid as a path", |t| of_tenant(t, "../common")),
    ("tid empty", |t| of_tenant(t, "")),
    ("no tid", |t| without(&mut t.claims, "tid")),
    ("no iss", |t| without(&mut t.claims, "iss")),
    // R37: whose key it is.
    ("a personal account's key on a work token", |t| {
        t.header["kid"] = json!(KEYS.personal.kid);
        t.sign = Sign::Rs256(&KEYS.personal);
    }),
    // R4: for which attempt.
    ("another nonce", |t| t.claims["nonce"] = json!("another")),
    ("an empty nonce", |t| t.claims["nonce"] = json!("")),
    ("a nonce that is longer", |t| {
        t.claims["nonce"] = json!(format!("{}x", t.claims["nonce"].as_str().unwrap()));
    }),
    ("a nonce in an array", |t| {
        t.claims["nonce"] = json!([t.claims["nonce"]]);
    }),
    ("no nonce", |t| without(&mut t.claims, "nonce")),
    // R43: about whom.
    ("no sub", |t| without(&mut t.claims, "sub")),
    ("sub empty", |t| t.claims["sub"] = json!("")),
    ("no oid", |t| without(&mut t.claims, "oid")),
    ("oid empty", |t| t.claims["oid"] = json!(" ")),
    ("oid as two members", |t| {
        t.write = |claims| twice(claims, "oid", "\"boss\"", false);
    }),
    // R44: what it is.
    ("version 1", |t| {
        t.claims["ver"] = json!("1.0");
        t.claims["iss"] = json!(format!("https://sts.windows.net/{TENANT}/"));
    }),
    ("version 1 with the right iss", |t| {
        t.claims["ver"] = json!("1.0");
    }),
    ("ver as a number", |t| t.claims["ver"] = json!(2.0)),
    ("no ver", |t| without(&mut t.claims, "ver")),
    ("an access token for Graph", |t| {
        t.claims["aud"] = json!("00000003-0000-0000-c000-000000000000");
        t.claims["azp"] = json!(CLIENT);
        t.claims["scp"] = json!("User.Read");
    }),
    ("an access token for this client", |t| {
        t.header["typ"] = json!("at+jwt");
        t.claims["scp"] = json!("access_as_user");
        without(&mut t.claims, "nonce");
    }),
    ("claims in an array", |t| {
        t.write = |claims| format!("[{claims}]");
    }),
    ("claims that are no JSON", |t| t.write = |_| "x".to_owned()),
];

/// Members in the other order than they were.
fn reversed(claims: &Value) -> String {
    let members = claims.as_object().unwrap().iter().rev();
    let members: Vec<_> = members
        .map(|(name, value)| format!("{}:{value}", json!(name)))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// Each is right in an unusual way.
pub const WELL_FORMED: &[(&str, Change)] = &[
    ("as documented", |_| {}),
    ("aud in an array", |t| t.claims["aud"] = json!([CLIENT])),
    ("azp of this client", |t| t.claims["azp"] = json!(CLIENT)),
    ("claims that nobody knows", |t| {
        t.claims["xms_st"] = json!({ "sub": [1, null, { "deep": "é" }] });
        t.claims["_claim_names"] = json!({ "groups": "src1" });
        t.claims["big"] = json!(1e300);
    }),
    ("members in another order", |t| t.write = reversed),
    ("members on lines of their own", |t| {
        t.write = |claims| serde_json::to_string_pretty(claims).unwrap();
    }),
    ("no nbf", |t| without(&mut t.claims, "nbf")),
    ("clocks a minute apart", |t| {
        seconds(t, "nbf", 60);
        seconds(t, "iat", 60);
    }),
    ("no name", |t| without(&mut t.claims, "name")),
    ("no typ", |t| without(&mut t.header, "typ")),
    ("a header member that nobody knows", |t| {
        t.header["x5t"] = json!(KEYS.work.kid);
    }),
    // The three lengths that base64 would pad differently.
    ("a name of one", |t| t.claims["name"] = json!("A")),
    ("a name of two", |t| t.claims["name"] = json!("AB")),
    ("a name of three", |t| t.claims["name"] = json!("ABC")),
    ("a long name in many scripts", |t| {
        t.claims["name"] = json!("李 Åsa יוסף \u{1f9e5}".repeat(9));
    }),
    ("another tenant", |t| of_tenant(t, OTHER_TENANT)),
    ("a personal account", |t| {
        of_tenant(t, PERSONAL_TENANT);
        t.header["kid"] = json!(KEYS.personal.kid);
        t.sign = Sign::Rs256(&KEYS.personal);
    }),
];
