//! Uploads over HTTP/2 that the client aborts.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::watch_server::WatchServer;

/// Frame types (RFC 9113, section 6) and the flag of the last one.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let head = [0, 0, payload.len() as u8, kind, flags, 0, 0, 0, stream];
    [&head, payload].concat()
}

/// Returns the header block of a `POST`: fields of the static table and literals (RFC 7541, section 6).
fn post(path: &str, length: Option<&str>) -> Vec<u8> {
    let text = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
    let mut block = vec![0x83, 0x86, 0x04];
    block.extend(text(path));
    block.push(0x01);
    block.extend(text("localhost"));
    if let Some(length) = length {
        block.push(0);
        block.extend(text("content-length"));
        block.extend(text(length));
    }
    block
}

/// Sends the first bytes of a module, which are a valid module by themselves, then resets the stream with an error code.
async fn abort_upload(server: &WatchServer, n: u8, code: u8, length: Option<&str>) {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, b""));
    let head = post(&format!("/api/v1/module/m{code}-{n}"), length);
    bytes.extend(frame(HEADERS, END_HEADERS, 1, &head));
    bytes.extend(frame(DATA, 0, 1, b"\0asm\x01\0\0\0"));
    stream.write_all(&bytes).await.unwrap();
    // The server gets different times to process the first bytes, including none.
    sleep(Duration::from_millis(u64::from(n % 4) * 15)).await;
    let reset = frame(RST_STREAM, 0, 1, &[0, 0, 0, code]);
    stream.write_all(&reset).await.unwrap();
    sleep(Duration::from_millis(60)).await;
    let mut response = [0; 4096];
    let _ = stream.read(&mut response).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn aborted_upload_stores_nothing() {
    let server = WatchServer::start().await;
    let before = server.s.git(&["count-objects"]);
    for n in 0..12 {
        // NO_ERROR, after which hyper reports the body as complete, and CANCEL.
        for code in [0, 8] {
            abort_upload(&server, n, code, None).await;
            abort_upload(&server, n, code, Some("4000")).await;
        }
    }
    assert_eq!(server.tree("main"), std::collections::BTreeMap::new());
    assert_eq!(server.s.git(&["count-objects"]), before);
}
