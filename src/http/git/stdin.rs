//! Writes a request body to the standard input of git.

use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::pipe::Sender;
use tokio::time::Instant;

use super::body_decoder::GitBodyDecoder;
use crate::http::error::Result;
use crate::http::upload::body::RequestBody;

/// A request body and the decoder that it passes through on its way to git.
pub(in crate::http) struct StdinWriter {
    body: RequestBody,
    decoder: GitBodyDecoder,
    created: Instant,
}

impl StdinWriter {
    /// Creates a writer for a request body from which nothing has been read yet.
    pub fn new(body: RequestBody, decoder: GitBodyDecoder) -> Self {
        Self {
            body,
            decoder,
            created: Instant::now(),
        }
    }

    /// Reads, decodes and writes the whole body. If git stops reading, the rest of the body is read and discarded, because some clients
    /// read the response only after they have sent the whole request.
    ///
    /// # Errors
    /// 400, 408 and 413, as for [`RequestBody::next`] and [`GitBodyDecoder::decode`].
    pub async fn write_all(self, stdin: Sender) -> Result<()> {
        let Self {
            mut body,
            mut decoder,
            created,
        } = self;
        // Extends the time limit for the body by the time that the request waited for a permit and for the start of git.
        body.extend_deadline(created.elapsed());
        let mut open_stdin = Some(stdin);
        while let Some(frame) = body.next().await? {
            let write_start = Instant::now();
            for slice in decoder.slices(&frame) {
                write(&mut open_stdin, decoder.decode(slice)?).await;
            }
            // Extends the time limit for the rest of the body by the time that git took to read this frame.
            body.extend_deadline(write_start.elapsed());
        }
        write(&mut open_stdin, &decoder.finish()?).await;
        Ok(())
    }
}

async fn write(open_stdin: &mut Option<Sender>, bytes: &[u8]) {
    let Some(stdin) = open_stdin else { return };
    if stdin.write_all(bytes).await.is_err() {
        *open_stdin = None;
    }
}
