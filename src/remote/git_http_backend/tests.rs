use super::*;

fn request(service: GitService, protocol: Option<&str>) -> GitRequest {
    GitRequest {
        service,
        protocol: protocol.map(str::to_owned),
        pusher: PushIdentity {
            methods: "GET,POST".to_owned(),
            author: Some("Ann <ann@example.org>".parse().unwrap()),
        },
    }
}

fn server() -> GitHttpBackend {
    let root = tempfile::tempdir().unwrap();
    GitHttpBackend::find(root.path(), "/bin/wasmstore".into(), Options::default()).unwrap()
}

#[test]
fn a_service_is_parsed_from_its_own_name_only() {
    for service in [GitService::UploadPack, GitService::ReceivePack] {
        assert_eq!(GitService::parse(service.name()), Some(service));
    }
    for other in ["", "upload-pack", "git-upload-archive", "git-upload-pack "] {
        assert_eq!(GitService::parse(other), None, "{other:?}");
    }
}

#[test]
fn a_fetch_with_version_2_has_no_preamble() {
    let length = |service, protocol| advertisement_preamble(&request(service, protocol)).len();
    let fetch = GitService::UploadPack;
    assert_eq!(length(fetch, None), 0x1e + 4);
    assert_eq!(length(fetch, Some("version=1")), 0x1e + 4);
    assert_eq!(length(fetch, Some("version=2\n")), 0x1e + 4);
    assert_eq!(length(fetch, Some("version=1:version=2")), 0);
    assert_eq!(length(GitService::ReceivePack, Some("version=2")), 0x1f + 4);
}

#[test]
fn hooks_get_the_pushers_identity_and_fetches_have_no_hooks() {
    let server = server();
    let push = request(GitService::ReceivePack, Some("version=2"));
    let push = server.process_options(&push, &[], Some(7)).unwrap();
    assert_eq!(push.settings, ["receive.maxInputSize=7"]);
    let names: Vec<_> = push.variables.iter().map(|(name, _)| *name).collect();
    let expected = [
        "WASMSTORE_PROGRAM",
        "WASMSTORE_PUSH_METHODS",
        "WASMSTORE_PUSH_MAX_MODULE_BYTES",
        "WASMSTORE_PUSH_MAX_SECTION_BYTES",
        "WASMSTORE_PUSH_MAX_VALIDATION_FUEL",
        "WASMSTORE_PUSH_MAX_PATHS",
        "WASMSTORE_PUSH_MAX_PATH_BYTES",
        "WASMSTORE_PUSH_MAX_TREE_PATH_BYTES",
        "WASMSTORE_PUSH_AUTHOR",
    ];
    assert_eq!(names, expected);
    let hidden = ["refs/heads/next".to_owned()];
    let fetch = request(GitService::UploadPack, Some("version=2"));
    let fetch = server.process_options(&fetch, &hidden, Some(7)).unwrap();
    assert_eq!(fetch.variables, [("GIT_PROTOCOL", "version=2".into())]);
    assert_eq!(
        fetch.settings,
        [
            "transfer.hideRefs=refs/heads/next",
            "core.alternateRefsCommand=true",
            "uploadpack.allowFilter=true"
        ]
    );
    let malformed = request(GitService::UploadPack, Some("version=2 x"));
    let malformed = server.process_options(&malformed, &[], None).unwrap();
    assert_eq!(malformed.variables, []);
}

#[test]
fn more_refs_than_fit_into_the_arguments_are_not_hidden_in_part() {
    let name = |n| format!("refs/heads/{n:0>100}");
    let fetch = request(GitService::UploadPack, None);
    let count = HIDDEN_BYTES_MAX / name(0).len();
    let hidden: Vec<_> = (0..=count).map(name).collect();
    let options = server().process_options(&fetch, &hidden[..count], None);
    assert_eq!(options.unwrap().settings.len(), count + 2);
    let error = server().process_options(&fetch, &hidden, None).unwrap_err();
    assert!(error.to_string().contains("`wasmstore verify`"), "{error}");
}

#[test]
fn client_errors_are_distinguished_from_the_stores_own() {
    for messages in [
        "fatal: protocol error: bad line length character: garb",
        "warning: x\nfatal: the remote end hung up unexpectedly\n",
        "fatal: git upload-pack: protocol error, expected to get object ID",
    ] {
        assert!(is_client_error(messages), "{messages:?}");
    }
    for messages in ["", "fatal: not a git repository", "error: protocol error"] {
        assert!(!is_client_error(messages), "{messages:?}");
    }
}
