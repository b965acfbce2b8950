//! TLS under a certificate authority of the emulator's own.
//!
//! The authority can be kept in a folder, so that clients need to be told to trust it only once.

use std::{
    collections::HashMap,
    io,
    path::Path,
    sync::{Arc, Mutex},
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::PrivateKeyDer,
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
    },
};

use crate::lock;

/// A certificate authority that vouches for any host name the emulator answers for.
pub(crate) struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
    /// One key for all hosts: they are all this process.
    host_key: KeyPair,
    hosts: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

impl Authority {
    /// The authority kept in this folder, made if there is none; without a folder one for this run.
    pub(crate) fn open(folder: Option<&Path>) -> io::Result<Arc<Self>> {
        let (certificate, key) = match folder {
            None => make().map_err(io::Error::other)?,
            Some(folder) => kept(folder)?,
        };
        let key = KeyPair::from_pem(&key).map_err(io::Error::other)?;
        let host_key = KeyPair::generate().map_err(io::Error::other)?;
        // Name and key are what ties a host's certificate to the kept one; the rest of the parameters is not used.
        Ok(Arc::new(Self {
            certificate,
            issuer: Issuer::new(parameters(), key),
            host_key,
            hosts: Mutex::default(),
        }))
    }

    /// The authority's certificate, which clients have to trust.
    pub(crate) fn pem(&self) -> &str {
        &self.certificate
    }

    pub(crate) fn acceptor(self: &Arc<Self>) -> io::Result<TlsAcceptor> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as _);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    fn host(&self, name: &str) -> Result<Arc<CertifiedKey>, Box<dyn std::error::Error>> {
        if let Some(known) = lock(&self.hosts).get(name) {
            return Ok(Arc::clone(known));
        }
        let mut params = CertificateParams::new(vec![
            name.to_owned(),
            "localhost".into(),
            "127.0.0.1".into(),
            "::1".into(),
        ])?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        // Longer than 398 days some clients refuse.
        validity(&mut params, 397);
        let certificate = params.signed_by(&self.host_key, &self.issuer)?;
        let key = PrivateKeyDer::try_from(self.host_key.serialize_der())?;
        let key = aws_lc_rs::sign::any_supported_type(&key)?;
        let certified = Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key));
        lock(&self.hosts).insert(name.to_owned(), Arc::clone(&certified));
        Ok(certified)
    }
}

impl ResolvesServerCert for Authority {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // Without a name it was asked by address.
        self.host(hello.server_name().unwrap_or("localhost")).ok()
    }
}

fn parameters() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(
        DnType::CommonName,
        "Identity platform emulator, this machine only",
    );
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    validity(&mut params, 3650);
    params
}

fn validity(params: &mut CertificateParams, days: i64) {
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::days(1);
    params.not_after = now + Duration::days(days);
}

/// Certificate and key in PEM.
fn make() -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let certificate = parameters().self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn kept(folder: &Path) -> io::Result<(String, String)> {
    let (certificate_file, key_file) = (folder.join("ca.pem"), folder.join("ca-key.pem"));
    if certificate_file.exists() && key_file.exists() {
        return Ok((
            std::fs::read_to_string(certificate_file)?,
            std::fs::read_to_string(key_file)?,
        ));
    }
    let (certificate, key) = make().map_err(io::Error::other)?;
    std::fs::create_dir_all(folder)?;
    write_private(&key_file, &key)?;
    std::fs::write(certificate_file, &certificate)?;
    Ok((certificate, key))
}

/// For the owner's eyes only: who has it can pose as any host to whoever trusts the certificate.
fn write_private(file: &Path, text: &str) -> io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(text.as_bytes())
}
