use std::net::SocketAddr;

use axum::body::Body;
use axum::http::HeaderValue;

use super::*;

const LOOPBACK: &str = "127.0.0.1:6384";

fn allows(hosts: &AllowedHosts, host: &str) -> bool {
    hosts.allow(Some(&Host::parse(host).unwrap()))
}

fn hosts(bound: &str, host: &str, has_keys: bool) -> AllowedHosts {
    let bound = BoundAddress::Tcp {
        address: bound.parse().unwrap(),
        host: host.to_owned(),
    };
    AllowedHosts::new(&[bound], &[], has_keys)
}

#[test]
fn names_and_addresses_are_hosts_with_or_without_a_port() {
    for (text, name, port) in [
        ("localhost", "localhost", None),
        ("LocalHost:6384", "localhost", Some(6384)),
        ("a_b-c.example.", "a_b-c.example.", None),
        ("store:", "store", None),
        ("store:0", "store", Some(0)),
        ("store:65535", "store", Some(65535)),
        ("127.1", "127.1", None),
    ] {
        let name = HostName::Dns(name.to_owned());
        assert_eq!(Host::parse(text), Some(Host { name, port }), "{text:?}");
    }
    for (text, ip, port) in [
        ("127.0.0.1", "127.0.0.1", None),
        ("127.0.0.1:80", "127.0.0.1", Some(80)),
        ("[::1]", "::1", None),
        ("[0:0::1]:6384", "::1", Some(6384)),
        ("[::ffff:127.0.0.1]:1", "::ffff:127.0.0.1", Some(1)),
    ] {
        let name = HostName::Ip(ip.parse().unwrap());
        assert_eq!(Host::parse(text), Some(Host { name, port }), "{text:?}");
    }
}

#[test]
fn anything_else_is_not_a_host() {
    let long = "a".repeat(256);
    for text in [
        "",
        ":80",
        " ",
        "a b",
        "a,b",
        "a/b",
        "a?b",
        "a#b",
        "user@a",
        "u:p@a",
        "a:b",
        "a:+1",
        "a:-1",
        "a:65536",
        "a:1:2",
        "::1",
        "[::1",
        "::1]",
        "[::1]a",
        "[::1]80",
        "[]",
        "[127.0.0.1]",
        "[a]",
        "[fe80::1%25eth0]",
        "[fe80::1%eth0]",
        "ä",
        "a%20b",
        "a\0",
        "a\n",
        "http://a",
        &long,
    ] {
        assert_eq!(Host::parse(text), None, "{text:?}");
    }
}

#[test]
fn header_and_url_must_name_the_same_host() {
    let own = Host::parse("a:1");
    let other = "the Host header and the URL name different hosts";
    for (uri, headers, expected) in [
        ("/", &["a:1"][..], Ok(own.clone())),
        ("/", &["A:1"], Ok(own.clone())),
        ("http://a:1/", &[], Ok(own.clone())),
        ("http://a:1/", &["a:1"], Ok(own)),
        ("http://a:1/", &["b:1"], Err(other)),
        ("http://evil/", &["127.0.0.1"], Err(other)),
        ("/", &[], Err("the Host header is missing")),
        ("/", &["a", "a"], Err("there is more than one Host header")),
        ("/", &["a", "b"], Err("there is more than one Host header")),
        ("/", &[""], Err("the Host header is malformed")),
        ("/", &["u@a"], Err("the Host header is malformed")),
        ("http://u@a/", &[], Err("the Host header is malformed")),
    ] {
        let mut request = Request::get(uri);
        for header in headers {
            request = request.header("Host", *header);
        }
        let found = Host::of(&request.body(Body::empty()).unwrap());
        let expected = expected.map_err(Failure::malformed);
        assert_eq!(found, expected, "{uri} {headers:?}");
    }
    let binary = HeaderValue::from_bytes(b"a\xff").unwrap();
    let request = Request::get("/").header("Host", binary);
    let failure = Host::of(&request.body(Body::empty()).unwrap()).unwrap_err();
    assert_eq!(failure, Failure::malformed("the Host header is malformed"));
}

#[test]
fn only_http_1_0_may_omit_the_host() {
    for (version, is_allowed) in [
        (Version::HTTP_10, true),
        (Version::HTTP_11, false),
        (Version::HTTP_2, false),
    ] {
        let request = Request::get("/").version(version);
        let host = Host::of(&request.body(Body::empty()).unwrap());
        assert_eq!(host.is_ok(), is_allowed, "{version:?}");
    }
}

#[test]
fn a_local_server_without_keys_responds_only_to_its_own_names() {
    for bound in [
        LOOPBACK,
        "127.9.9.9:1",
        "[::1]:6384",
        "[::ffff:127.0.0.1]:1",
    ] {
        let hosts = hosts(bound, "Dev.Box.", false);
        for own in [
            "localhost",
            "LOCALHOST:6384",
            "localhost.",
            "dev.box:6384",
            "dev.box.",
            "127.0.0.1",
            "127.0.0.1:9",
            "10.1.2.3",
            "[::1]:6384",
        ] {
            assert!(allows(&hosts, own), "{bound} {own}");
        }
        for foreign in [
            "evil.example",
            "evil.example:6384",
            "a.localhost",
            "localhost.evil",
            "localhost..",
            "127.0.0.1.nip.io",
            "dev.box.evil",
            "box",
            "127.1",
            "2130706433",
            "0x7f.1",
        ] {
            assert!(!allows(&hosts, foreign), "{bound} {foreign}");
        }
        assert!(hosts.allow(None));
    }
    assert!(!allows(&hosts(LOOPBACK, "127.0.0.1", false), "dev.box"));
    assert!(!allows(&hosts(LOOPBACK, "", false), "dev.box"));
}

#[test]
fn a_server_with_keys_or_on_a_network_responds_to_any_name() {
    assert!(allows(&hosts(LOOPBACK, "localhost", true), "store.example"));
    for bound in ["0.0.0.0:6384", "192.168.0.2:6384", "[::]:6384"] {
        assert!(allows(&hosts(bound, "", false), "store.example"), "{bound}");
    }
}

#[test]
fn listed_names_restrict_every_server() {
    let bound = |address: &str| BoundAddress::from(address.parse::<SocketAddr>().unwrap());
    let listed = ["Store.Example.", "10.0.0.1"].map(|name| name.parse().unwrap());
    for address in [LOOPBACK, "0.0.0.0:6384"] {
        for has_keys in [true, false] {
            let hosts = AllowedHosts::new(&[bound(address)], &listed, has_keys);
            assert!(allows(&hosts, "store.example:80") && allows(&hosts, "localhost"));
            assert!(allows(&hosts, "192.0.2.1"));
            assert!(!allows(&hosts, "evil.example"), "{address} {has_keys}");
        }
    }
    let any = ["*".parse().unwrap()];
    let hosts = AllowedHosts::new(&[bound(LOOPBACK)], &any, false);
    assert!(allows(&hosts, "evil.example"));
    for text in ["", "a:80", "http://a", "a b", "*.example"] {
        assert_eq!(text.parse::<AllowedHost>(), Err(AllowedHostError), "{text}");
    }
}

#[test]
fn a_server_that_no_browser_reaches_responds_to_any_name() {
    let unix = || BoundAddress::Unix(None);
    let hosts = AllowedHosts::new(&[unix()], &[], false);
    assert!(allows(&hosts, "store.example"));
    let loopback = LOOPBACK.parse::<SocketAddr>().unwrap().into();
    let hosts = AllowedHosts::new(&[unix(), loopback], &[], false);
    assert!(!allows(&hosts, "store.example"));
}
