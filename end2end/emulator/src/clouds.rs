//! The host names of Microsoft's clouds, for which the forward proxy answers.
//!
//! <https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud>

/// Hosts of the identity platform in each cloud, the preferred one first, and the cloud's Graph.
const CLOUDS: [(&[&str], &str); 3] = [
    (
        &[
            "login.microsoftonline.com",
            "login.microsoft.com",
            "login.windows.net",
            "login.live.com",
            "sts.windows.net",
        ],
        "graph.microsoft.com",
    ),
    (
        &["login.microsoftonline.us", "login.usgovcloudapi.net"],
        "graph.microsoft.us",
    ),
    (
        &["login.partner.microsoftonline.cn", "login.chinacloudapi.cn"],
        "microsoftgraph.chinacloudapi.cn",
    ),
];

/// Whether the forward proxy opens a tunnel to this host.
pub(crate) fn is_known(host: &str) -> bool {
    hosts(host).is_some()
}

/// The preferred platform host and the Graph host of the cloud that a host belongs to.
pub(crate) fn hosts(host: &str) -> Option<(&'static str, &'static str)> {
    let (login, graph) = CLOUDS
        .iter()
        .find(|(login, graph)| login.contains(&host) || *graph == host)?;
    Some((login.first()?, graph))
}
