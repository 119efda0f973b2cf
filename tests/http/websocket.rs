//! Conformance to RFC 6455, in the manner of the Autobahn test suite, as far as that applies to an endpoint that does not echo.
//! The client writes frames byte by byte and compares everything that it receives until the connection ends.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::watch_server::{LIMIT, WatchServer};

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
/// The first bytes of fragments: without the FIN bit, and the last one with it.
const FIRST_TEXT: u8 = 0x01;
const CONTINUATION: u8 = 0x00;
const LAST_CONTINUATION: u8 = 0x80;
/// The beginning of a close frame with code 1009 (message too big).
const CLOSE_TOO_BIG: [u8; 4] = [CLOSE, 2, 0x03, 0xf1];

/// What the client sends, in pieces with a pause between them, and what it must receive.
struct Case {
    name: String,
    sent: Vec<Vec<u8>>,
    expected: String,
}

fn case(name: impl Into<String>, sent: &[Vec<u8>], expected: impl Into<String>) -> Case {
    Case {
        name: name.into(),
        sent: vec![sent.concat()],
        expected: expected.into(),
    }
}

/// Returns a masked frame with any first byte.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![first];
    match u16::try_from(payload.len()) {
        Ok(short @ 0..126) => frame.push(0x80 | short as u8),
        Ok(medium) => {
            frame.push(0x80 | 126);
            frame.extend(medium.to_be_bytes());
        }
        Err(_) => {
            frame.push(0x80 | 127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(CLOSE, &[&code.to_be_bytes(), reason].concat())
}

/// Sends the pieces after a handshake, and describes what it receives.
fn exchange(address: SocketAddr, pieces: &[Vec<u8>]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.set_nodelay(true).unwrap();
    let head = handshake("dGhlIHNhbXBsZSBub25jZQ==", "13");
    stream.write_all(head.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let accepted = "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    assert!(
        String::from_utf8(head)
            .unwrap()
            .to_lowercase()
            .contains(&accepted.to_lowercase())
    );
    for (n, piece) in pieces.iter().enumerate() {
        if n > 0 {
            std::thread::sleep(Duration::from_millis(20));
        }
        // The server may have closed the connection already.
        let _ = stream.write_all(piece);
    }
    let mut received = Vec::new();
    let end = match stream.read_to_end(&mut received) {
        Ok(_) => "end",
        // The server does not read the rest of a message that is too long, so the kernel resets the connection when it closes.
        Err(error)
            if error.kind() == ErrorKind::ConnectionReset
                && received.starts_with(&CLOSE_TOO_BIG) =>
        {
            "end"
        }
        Err(error) if error.kind() == ErrorKind::ConnectionReset => "reset",
        Err(_) => "no end",
    };
    let mut description = describe(&received);
    description.push(end.to_owned());
    description.join(", ")
}

fn describe(mut bytes: &[u8]) -> Vec<String> {
    let mut frames = Vec::new();
    while let [first, length @ 0..126, rest @ ..] = bytes {
        let (payload, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        bytes = rest;
        frames.push(match (*first, payload) {
            (PONG, payload) => format!("pong {}", payload.len()),
            (CLOSE, [a, b, ..]) => format!("close {}", u16::from_be_bytes([*a, *b])),
            (CLOSE, _) => "close".to_owned(),
            (first, payload) => format!("{first:#x} {payload:?}"),
        });
    }
    if !bytes.is_empty() {
        frames.push(format!("{} more bytes", bytes.len()));
    }
    frames
}

fn handshake(key: &str, version: &str) -> String {
    let lines = [
        ("sec-websocket-key", key),
        ("sec-websocket-version", version),
    ];
    let lines = lines.iter().filter(|(_, value)| !value.is_empty());
    let lines: String = lines
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!(
        "GET /api/v1/watch HTTP/1.1\r\nhost: localhost\r\nconnection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\n{lines}\r\n"
    )
}

/// Pings and pongs (Autobahn section 2), reserved bits and opcodes (3, 4).
fn control_cases() -> Vec<Case> {
    let end = || close(1000, b"");
    let mut cases = Vec::new();
    for length in [0, 1, 8, 124, 125] {
        let sent = [frame(PING, &vec![0xfe; length]), end()];
        cases.push(case(
            format!("ping of {length} bytes"),
            &sent,
            format!("pong {length}, close 1000, end"),
        ));
    }
    let byte_by_byte = [frame(PING, b"slow"), end()].concat();
    cases.push(Case {
        name: "ping byte by byte".to_owned(),
        sent: byte_by_byte.chunks(1).map(<[u8]>::to_vec).collect(),
        expected: "pong 4, close 1000, end".to_owned(),
    });
    cases.push(Case {
        name: "ten pings in ten pieces".to_owned(),
        sent: (0..10).map(|_| frame(PING, b"x")).chain([end()]).collect(),
        expected: format!("{}close 1000, end", "pong 1, ".repeat(10)),
    });
    for length in [126, 1000] {
        cases.push(case(
            format!("ping of {length} bytes"),
            &[frame(PING, &vec![0; length])],
            "close 1002, end",
        ));
    }
    cases.push(case(
        "unsolicited pong",
        &[frame(PONG, b""), end()],
        "close 1000, end",
    ));
    cases.push(case(
        "unsolicited pong with payload, then ping",
        &[frame(PONG, b"news"), frame(PING, b"p"), end()],
        "pong 1, close 1000, end",
    ));
    for (bit, name) in [(0x40, 1), (0x20, 2), (0x10, 3), (0x70, 123)] {
        for (first, kind) in [
            (TEXT, "text"),
            (BINARY, "binary"),
            (PING, "ping"),
            (CLOSE, "close"),
        ] {
            cases.push(case(
                format!("reserved bits {name} in a {kind}"),
                &[frame(first | bit, b"")],
                "close 1002, end",
            ));
        }
    }
    for opcode in (3..8).chain(11..16) {
        for payload in [&b""[..], b"payload"] {
            let name = format!("reserved opcode {opcode} with {} bytes", payload.len());
            cases.push(case(
                name,
                &[frame(0x80 | opcode, payload)],
                "close 1002, end",
            ));
        }
    }
    for (first, kind) in [(PING, "ping"), (PONG, "pong"), (CLOSE, "close")] {
        cases.push(case(
            format!("fragmented {kind}"),
            &[frame(first & 0x0f, b""), frame(LAST_CONTINUATION, b"")],
            "close 1002, end",
        ));
    }
    cases
}

/// Fragments (Autobahn section 5), UTF-8 (6) and sizes (1, 9).
fn message_cases() -> Vec<Case> {
    let end = || close(1000, b"");
    let ping = || frame(PING, b"p");
    let mut cases = vec![
        case(
            "text is ignored",
            &[frame(TEXT, b"hello"), end()],
            "close 1000, end",
        ),
        case(
            "empty text is ignored",
            &[frame(TEXT, b""), end()],
            "close 1000, end",
        ),
        case(
            "binary is ignored",
            &[frame(BINARY, &[0xff; 300]), end()],
            "close 1000, end",
        ),
        case(
            "text in two fragments",
            &[
                frame(FIRST_TEXT, b"a"),
                frame(LAST_CONTINUATION, b"b"),
                end(),
            ],
            "close 1000, end",
        ),
        case(
            "fragments with pings between",
            &[
                frame(FIRST_TEXT, b"a"),
                ping(),
                frame(CONTINUATION, b"b"),
                frame(LAST_CONTINUATION, b"c"),
                end(),
            ],
            "pong 1, close 1000, end",
        ),
        case(
            "empty fragments",
            &[
                frame(FIRST_TEXT, b""),
                frame(CONTINUATION, b""),
                frame(LAST_CONTINUATION, b""),
                end(),
            ],
            "close 1000, end",
        ),
        case(
            "continuation without a first fragment",
            &[frame(LAST_CONTINUATION, b"x"), ping()],
            "close 1002, end",
        ),
        case(
            "unfinished continuation without a first fragment",
            &[frame(CONTINUATION, b"x"), ping()],
            "close 1002, end",
        ),
        case(
            "continuation after a complete text",
            &[frame(TEXT, b"x"), frame(LAST_CONTINUATION, b"x")],
            "close 1002, end",
        ),
        case(
            "text inside a text",
            &[frame(FIRST_TEXT, b"x"), frame(TEXT, b"x")],
            "close 1002, end",
        ),
        case(
            "binary inside a text",
            &[frame(FIRST_TEXT, b"x"), frame(BINARY, b"x")],
            "close 1002, end",
        ),
        case("unmasked text", &[vec![TEXT, 1, b'x']], "close 1002, end"),
        case("unmasked ping", &[vec![PING, 0]], "close 1002, end"),
        case(
            "unmasked close",
            &[vec![CLOSE, 2, 3, 232]],
            "close 1002, end",
        ),
    ];
    let kosme = "κόσμε".as_bytes();
    cases.push(case(
        "UTF-8",
        &[frame(TEXT, kosme), end()],
        "close 1000, end",
    ));
    let split = |at| {
        [
            frame(FIRST_TEXT, &kosme[..at]),
            frame(LAST_CONTINUATION, &kosme[at..]),
            end(),
        ]
    };
    for at in [1, 3, 4] {
        cases.push(case(
            format!("UTF-8 split at byte {at}"),
            &split(at),
            "close 1000, end",
        ));
    }
    let invalid: [(&str, &[u8]); 8] = [
        ("a surrogate", b"\xce\xba\xed\xa0\x80edited"),
        ("a lone continuation byte", b"\x80"),
        ("a lone start byte", b"\xc0"),
        ("an overlong slash", b"\xc0\xaf"),
        ("a code point past the last", b"\xf4\x90\x80\x80"),
        ("five bytes", b"\xf8\x88\x80\x80\x80"),
        ("byte FE", b"\xfe"),
        ("a cut character", b"\xce\xba\xe1\xbd"),
    ];
    for (what, bytes) in invalid {
        cases.push(case(
            format!("text with {what}"),
            &[frame(TEXT, bytes)],
            "close 1007, end",
        ));
        let sent = [
            frame(FIRST_TEXT, &bytes[..1]),
            frame(CONTINUATION, b""),
            frame(LAST_CONTINUATION, &bytes[1..]),
        ];
        cases.push(case(
            format!("fragments with {what}"),
            &sent,
            "close 1007, end",
        ));
    }
    cases.push(case(
        "an unfinished text with invalid UTF-8",
        &[frame(FIRST_TEXT, b"\xff\xff")],
        "close 1007, end",
    ));
    cases.push(case(
        "binary need not be UTF-8",
        &[frame(BINARY, b"\xff\xfe"), end()],
        "close 1000, end",
    ));
    let limit = 64 << 10;
    let largest = vec![b'x'; limit];
    cases.push(case(
        "the largest text",
        &[frame(TEXT, &largest), end()],
        "close 1000, end",
    ));
    cases.push(case(
        "one byte above the limit",
        &[frame(TEXT, &[&largest[..], b"x"].concat())],
        "close 1009, end",
    ));
    cases.push(case(
        "one byte above the limit, in fragments",
        &[frame(FIRST_TEXT, &largest), frame(LAST_CONTINUATION, b"x")],
        "close 1009, end",
    ));
    let head = |length: u64| [&[BINARY, 0xff][..], &length.to_be_bytes(), &[0; 4]].concat();
    cases.push(case(
        "a length of 2^40",
        &[head(1 << 40)],
        "close 1009, end",
    ));
    // RFC 6455 (section 5.2) requires that bit to be 0, so 1002 would be correct too. tungstenite sees a message that is too long.
    cases.push(case(
        "a length with the top bit",
        &[head(1 << 63)],
        "close 1009, end",
    ));
    cases
}

/// Closing (Autobahn section 7).
fn close_cases() -> Vec<Case> {
    let mut cases = vec![
        case("close without a code", &[frame(CLOSE, b"")], "close, end"),
        case(
            "close with one byte",
            &[frame(CLOSE, &[3])],
            "close 1002, end",
        ),
        case(
            "close with a reason",
            &[close(1000, b"bye")],
            "close 1000, end",
        ),
        case(
            "close with the longest reason",
            &[close(1000, &[b'x'; 123])],
            "close 1000, end",
        ),
        case(
            "close with a reason too long",
            &[close(1000, &[b'x'; 124])],
            "close 1002, end",
        ),
        case(
            "close with a reason that is not UTF-8",
            &[close(1000, b"\xce\xba\xed\xa0")],
            "close 1007, end",
        ),
        case(
            "two closes",
            &[close(1000, b""), close(1001, b"")],
            "close 1000, end",
        ),
        case(
            "ping after close",
            &[close(1000, b""), frame(PING, b"p")],
            "close 1000, end",
        ),
        case(
            "text after close",
            &[close(1000, b""), frame(TEXT, b"x")],
            "close 1000, end",
        ),
        case(
            "close inside a text",
            &[frame(FIRST_TEXT, b"x"), close(1000, b"")],
            "close 1000, end",
        ),
    ];
    for code in [
        0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535,
    ] {
        cases.push(case(
            format!("close with code {code}"),
            &[close(code, b"")],
            "close 1002, end",
        ));
    }
    for code in [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999,
    ] {
        cases.push(case(
            format!("close with code {code}"),
            &[close(code, b"")],
            format!("close {code}, end"),
        ));
    }
    // Registered with IANA after the RFC, and unknown to tungstenite.
    cases.push(case(
        "close with code 1014",
        &[close(1014, b"")],
        "close 1002, end",
    ));
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_are_handled_according_to_rfc_6455() {
    let server = WatchServer::start().await;
    let address = server.address;
    let (mut passed, mut failed) = (0, Vec::new());
    // One group at a time, because the number of open files may be limited.
    for cases in [control_cases(), message_cases(), close_cases()] {
        let run =
            |case: Case| tokio::task::spawn_blocking(move || (exchange(address, &case.sent), case));
        let runs: Vec<_> = cases.into_iter().map(run).collect();
        for run in runs {
            let (received, case) = run.await.unwrap();
            println!("{}: {} / {received}", case.name, case.expected);
            if received == case.expected {
                passed += 1;
            } else {
                failed.push(format!("{}: {} / {received}", case.name, case.expected));
            }
        }
    }
    println!("{passed} cases passed, {} failed", failed.len());
    assert!(failed.is_empty(), "{failed:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_are_handled_according_to_rfc_6455() {
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    let valid = handshake(key, "13");
    let cases = [
        ("valid", valid.clone(), 101),
        ("without a key", handshake("", "13"), 400),
        (
            "a key of 15 bytes",
            handshake("dGhlIHNhbXBsZSBub25j", "13"),
            400,
        ),
        ("a key that is not base64", handshake("!!!", "13"), 400),
        ("without a version", handshake(key, ""), 426),
        ("version 8", handshake(key, "8"), 426),
        (
            "without an upgrade",
            valid.replace("upgrade: WebSocket\r\n", ""),
            426,
        ),
        ("another upgrade", valid.replace("WebSocket", "h2c"), 426),
        (
            "without connection: upgrade",
            valid.replace("keep-alive, Upgrade", "keep-alive"),
            426,
        ),
        ("HTTP/1.0", valid.replace("HTTP/1.1", "HTTP/1.0"), 426),
        ("HEAD", valid.replace("GET", "HEAD"), 426),
    ];
    let server = WatchServer::start().await;
    let (mut passed, mut failed) = (0, Vec::new());
    for (name, head, expected) in cases {
        let status = handshake_status(server.address, head).await;
        println!("{name}: {expected} / {status}");
        if status == expected {
            passed += 1;
        } else {
            failed.push(format!("{name}: {expected} / {status}"));
        }
    }
    println!("{passed} cases passed, {} failed", failed.len());
    assert!(failed.is_empty(), "{failed:#?}");
}

async fn handshake_status(address: SocketAddr, head: String) -> u16 {
    let request = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut line = [0; 12];
        stream.read_exact(&mut line).unwrap();
        String::from_utf8_lossy(&line[9..]).parse().unwrap()
    };
    tokio::task::spawn_blocking(request).await.unwrap()
}
