//! `add --digest` on a server, which checks the digest of the bytes that it receives.

use std::fs::File;

use wasmstore::config::ClientLimits;
use wasmstore::names::Digest;
use wasmstore::remote::{Client, Error, ModuleSource, ProxySettings, StoreOperations as _};
use wasmstore::store::{Change, sha256};

use super::Twin;
use crate::support::program::{World, module};
use crate::support::store::custom_section;

#[test]
fn a_server_accepts_only_bytes_with_the_digest() {
    let twin = Twin::of(World::with_store("sha1"));
    let proxies = ProxySettings::default();
    let url = twin.url().parse().unwrap();
    let client = Client::new(url, None, &proxies, ClientLimits::default()).unwrap();
    for (name, bytes) in [
        ("small", module(1)),
        ("large", custom_section(std::iter::repeat_n(0, 9 << 20))),
    ] {
        twin.world.file(name, &bytes);
        let right = Digest::from_bytes(sha256(&bytes));
        let wrong = Digest::from_bytes(sha256(b"other"));
        let put = |digest| {
            let path = twin.world.path(name);
            let (mut file, size) = (File::open(&path).unwrap(), path.metadata().unwrap().len());
            let source = ModuleSource::File(&mut file, size, Some(digest));
            client.put(&Change::default(), &name.parse().unwrap(), source)
        };
        let refused = put(wrong).unwrap_err();
        assert!(
            matches!(&refused, Error::Refused(refused) if refused.status == 400),
            "{refused}"
        );
        assert!(!twin.world.ok(&["list"]).contains(name));
        assert!(put(right).unwrap().has_moved);
        let args = ["add", name, "--digest", &right.to_string()];
        twin.same(&[&args[..], &["-q"]].concat());
        let mistaken = ["add", name, "elsewhere", "--digest", &wrong.to_string()];
        twin.same(&mistaken);
        assert_eq!(twin.served(&mistaken).code, Some(3));
    }
}
