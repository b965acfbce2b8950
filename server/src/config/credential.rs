//! The client credential: exactly one of three, read and checked at the start.

use std::{fs, path::Path};

use time::OffsetDateTime;

use super::{Result, Settings, is_placeholder, wrong};
use crate::auth::credential::{Certificate, Credential};

const SECRET: &str = "CLIENT_SECRET";
const CERTIFICATE: &str = "CLIENT_CERTIFICATE";
const KEY: &str = "CLIENT_CERTIFICATE_KEY";
const FEDERATED: &str = "AZURE_FEDERATED_TOKEN_FILE";

impl<F: Fn(&str) -> Option<String>> Settings<F> {
    pub(super) fn credential(&self) -> Result<Credential> {
        let given: Vec<_> = [SECRET, CERTIFICATE, FEDERATED]
            .into_iter()
            .filter(|name| self.get(name).is_some())
            .collect();
        if let [first, second, ..] = given[..] {
            return wrong(
                second,
                format!("a second credential beside {first}; keep one of them and unset the other"),
            );
        }
        match (self.get(CERTIFICATE), self.get(KEY)) {
            (Some(certificate), Some(key)) => self::certificate(&certificate, &key),
            (Some(_), None) => wrong(
                KEY,
                "missing; give the path of the private key of CLIENT_CERTIFICATE, in PEM",
            ),
            (None, Some(_)) => wrong(
                CERTIFICATE,
                "missing, while CLIENT_CERTIFICATE_KEY is set; give the path of the certificate, in PEM",
            ),
            (None, None) => match self.get(FEDERATED) {
                Some(path) => {
                    // It rotates, and is read again each time; but who names an empty file has named the wrong one.
                    if read(FEDERATED, &path)?.trim_ascii().is_empty() {
                        return wrong(
                            FEDERATED,
                            format!(
                                "the file {path:?} is empty; give the path of the workload's token"
                            ),
                        );
                    }
                    Ok(Credential::Federated(path.into()))
                }
                None => self.secret(),
            },
        }
    }

    fn secret(&self) -> Result<Credential> {
        match self.get(SECRET) {
            None => wrong(
                SECRET,
                "missing; create a client secret for your app registration and give its value",
            ),
            Some(secret) if is_placeholder(&secret) => wrong(
                SECRET,
                "still a placeholder; give the value of a client secret of your app registration",
            ),
            Some(secret) => Ok(Credential::Secret(secret.into())),
        }
    }
}

fn certificate(certificate: &str, key: &str) -> Result<Credential> {
    let certificate = read(CERTIFICATE, certificate)?;
    let key = zeroize::Zeroizing::new(read(KEY, key)?);
    match Certificate::read(&certificate, &key, OffsetDateTime::now_utc()) {
        Ok(certificate) => Ok(Credential::Certificate(certificate.into())),
        Err(error) => wrong(error.setting(), error.to_string()),
    }
}

fn read(name: &'static str, path: &str) -> Result<Vec<u8>> {
    fs::read(Path::new(path)).or_else(|error| {
        wrong(
            name,
            format!(
                "the file {path:?} can't be read ({}); check the path and its rights",
                error.kind()
            ),
        )
    })
}
