use proptest::prelude::*;

use super::*;

fn id(digit: &str) -> ObjectId {
    ObjectId::parse(&digit.repeat(40)).unwrap()
}

fn sample() -> Manifest {
    Manifest {
        generation: 12,
        batch: "a".repeat(32),
        store: "b".repeat(32),
        peer_key: PeerKeyHex("c".repeat(64)),
        writer: Some("http://10.0.0.1:8080".to_owned()),
        head: BranchName::parse("main").unwrap(),
        object_format: ObjectFormat::Sha1,
        floor: 3,
        snapshot: Some(format!("refs/000000000003-{}", "d".repeat(64))),
        changed: BTreeMap::from([
            (RefName::parse("refs/heads/main").unwrap(), Some(id("1"))),
            (RefName::parse("refs/tags/v1").unwrap(), None),
            (RefName::parse("refs/oci/records").unwrap(), Some(id("2"))),
        ]),
        packs: Arc::new(vec![PackKey {
            generation: 3,
            checksum: "e".repeat(40),
            size_bytes: 104_857,
        }]),
        requests_since: 9,
        requests: Arc::new(vec![AppliedRequest {
            id: "request-1".to_owned(),
            generation: 11,
            before: None,
            after: Some(id("1")),
        }]),
        batches: vec!["f".repeat(32)],
    }
}

#[test]
fn the_format_is_as_documented() {
    let text = sample().encode();
    let keywords: Vec<_> = text
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    let expected = "wasmstore-manifest generation batch store peer-key writer head object-format floor refs requests-since ref ref ref pack request \
                    batch-done end";
    assert_eq!(keywords.join(" "), expected);
    assert!(text.contains("\nref - refs/tags/v1\n"), "{text}");
    assert!(
        text.contains(&format!("\nrequest 11 request-1 - {}\n", id("1"))),
        "{text}"
    );
    assert_eq!(Manifest::parse(text.as_bytes()).unwrap(), sample());
    assert!(!format!("{:?}", sample()).contains(&"c".repeat(64)));
}

#[test]
fn errors_say_what_is_wrong() {
    let text = sample().encode();
    let with = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    let two_packs = format!("pack 3 {0} 104857\npack 4 {0} 1\n", "e".repeat(40));
    for (text, reason) in [
        (String::new(), "does not start with"),
        ("<html>\n".to_owned(), "another program wrote it"),
        (with("manifest 1", "manifest 2"), "upgrade wasmstore"),
        (text[..text.len() - 1].to_owned(), "truncated"),
        (text[..text.len() / 2].to_owned(), "truncated"),
        (format!("{text}x"), "truncated"),
        (
            with("generation 12", "generation 012"),
            "\"012\" is not a number",
        ),
        (
            with("generation 12\n", ""),
            "line 2 is not the line \"generation\"",
        ),
        (with("floor 3", "floor 13"), "floor is above"),
        (with("head main", "head a..b"), "branch"),
        (
            with("object-format sha1", "object-format sha256"),
            "is not a sha256 id",
        ),
        (with("object-format sha1", "object-format md5"), "unknown"),
        (with("\nref - refs/tags/v1", ""), ""),
        (
            with("ref - refs/tags/v1", "ref - refs/heads/a"),
            "not sorted",
        ),
        (with("ref - refs/tags/v1", "ref - refs/notes/x"), "line 14"),
        (with("pack 3", "pack 13"), "newer than the manifest"),
        (
            with(&two_packs[..two_packs.find('\n').unwrap() + 1], &two_packs),
            "appears twice",
        ),
        (
            with("request 11 request-1", "request 11 -"),
            "invalid or appears twice",
        ),
        (
            with("\nend", "\nfuture x\nend"),
            "is unexpected: \"future x\"",
        ),
        (
            with("batch-done f", "batch-done F"),
            "hex digits in lower case",
        ),
    ] {
        let result = Manifest::parse(text.as_bytes());
        match reason {
            "" => assert!(result.is_ok()),
            _ => assert!(
                result.clone().unwrap_err().to_string().contains(reason),
                "{reason}: {result:?}"
            ),
        }
    }
    let error = Manifest::parse(&vec![b'x'; MANIFEST_BYTES_MAX + 1]).unwrap_err();
    assert!(error.to_string().contains("262145 bytes"), "{error}");
    assert!(
        Manifest::parse(b"\xff\xfe")
            .unwrap_err()
            .to_string()
            .contains("not text")
    );
}

fn any_id() -> impl Strategy<Value = ObjectId> {
    any::<[u8; 20]>().prop_map(ObjectId::Sha1)
}

fn any_ref() -> impl Strategy<Value = RefName> {
    "refs/(heads|tags)/[a-z]{1,8}(/[a-z0-9é]{1,8})?".prop_map(|name| RefName::parse(&name).unwrap())
}

prop_compose! {
    fn any_manifest()(
        generation in 0..u64::MAX,
        batches in prop::collection::btree_set("[0-9a-f]{32}", 1..8),
        writer in prop::option::of("https?://[a-z0-9.]{1,20}:[0-9]{1,5}"),
        changed in prop::collection::btree_map(any_ref(), prop::option::of(any_id()), 0..8),
        packs in prop::collection::btree_map("[0-9a-f]{40}", (any::<u64>(), any::<u64>()), 0..8),
        requests in prop::collection::btree_map("[!-~]{2,40}", (any::<u64>(), prop::option::of(any_id()), prop::option::of(any_id())), 0..8),
    ) -> Manifest {
        let mut batches: Vec<_> = batches.into_iter().collect();
        Manifest {
            generation,
            batch: batches.pop().unwrap(),
            writer,
            floor: generation / 2,
            changed,
            packs: Arc::new(packs.into_iter().map(|(checksum, (built, size_bytes))| PackKey {
                generation: built % (generation + 1),
                checksum,
                size_bytes,
            }).collect()),
            requests: Arc::new(requests.into_iter().map(|(id, (generation, before, after))| AppliedRequest { id, generation, before, after }).collect()),
            batches,
            snapshot: None,
            ..sample()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn manifests_are_parsed_as_they_were_encoded(manifest in any_manifest()) {
        let text = manifest.encode();
        prop_assert_eq!(Manifest::parse(text.as_bytes()).unwrap(), manifest);
    }

    #[test]
    fn every_accepted_text_is_the_encoding_of_its_manifest(
        manifest in any_manifest(),
        position in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut text = manifest.encode().into_bytes();
        let position = position.index(text.len());
        text[position] = byte;
        if let Ok(parsed) = Manifest::parse(&text) {
            prop_assert_eq!(parsed.encode().into_bytes(), text);
        }
    }
}
