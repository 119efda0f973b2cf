//! From a request's body into git.

use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::pipe::Sender;
use tokio::time::Instant;

use super::decode::Decoder;
use crate::http::error::Result;
use crate::http::upload::body::RequestBody;

/// A body on its way to git.
pub(in crate::http) struct Feed {
    body: RequestBody,
    decoder: Decoder,
    made: Instant,
}

impl Feed {
    /// Nothing is read yet.
    pub fn new(body: RequestBody, decoder: Decoder) -> Self {
        Self {
            body,
            decoder,
            made: Instant::now(),
        }
    }

    /// Brings all of it there. Once git reads no more, the rest is passed over: the client may not look at the answer before it
    /// has said all.
    ///
    /// # Errors
    /// 400, 408 and 413, as of [`RequestBody::next`] and [`Decoder::decode`].
    pub async fn run(self, stdin: Sender) -> Result<()> {
        let Self {
            mut body,
            mut decoder,
            made,
        } = self;
        // It waited for a place, and for git to start.
        body.extend_deadline(made.elapsed());
        let mut git = Some(stdin);
        while let Some(frame) = body.next().await? {
            let began = Instant::now();
            for slice in decoder.slices(&frame) {
                write(&mut git, decoder.decode(slice)?).await;
            }
            // What git took is not the client's time.
            body.extend_deadline(began.elapsed());
        }
        write(&mut git, &decoder.finish()?).await;
        Ok(())
    }
}

async fn write(git: &mut Option<Sender>, bytes: &[u8]) {
    let Some(stdin) = git else { return };
    if stdin.write_all(bytes).await.is_err() {
        *git = None;
    }
}
