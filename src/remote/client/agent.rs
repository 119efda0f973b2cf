//! Configures the HTTP client of the library `ureq` for requests to wasmstore servers.

use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::config::ClientLimits;
use crate::names::ServerUrl;
use crate::remote::http_proxy::HttpProxy;

/// Returns an HTTP client for the server at `url` that trusts the machine's root certificates.
pub(in crate::remote) fn agent(
    url: &ServerUrl,
    proxy: Option<&HttpProxy>,
    limits: &ClientLimits,
) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        // Without this setting, the library would choose a proxy from the environment, but not depending on the URL's scheme and host.
        .proxy(proxy.map(|proxy| proxy.as_ureq().clone()))
        .user_agent(concat!("wasmstore/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(limits.connect_timeout))
        .timeout_per_read(Some(limits.silence_max))
        .timeout_per_write(Some(limits.silence_max))
        .tls_config(tls_config(url));
    config.build().into()
}

/// Returns a TLS configuration that trusts the machine's root certificates. Reads the certificates only for an `https` URL, because reading
/// them takes time.
fn tls_config(url: &ServerUrl) -> TlsConfig {
    let mut trusted = Vec::new();
    if url.is_tls() {
        let native = rustls_native_certs::load_native_certs();
        for error in &native.errors {
            tracing::debug!(%error, "cannot read some root certificates");
        }
        let certificates = native.certs.iter();
        trusted.extend(certificates.map(|one| Certificate::from_der(one.as_ref()).to_owned()));
    }
    TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&trusted))
        .build()
}
