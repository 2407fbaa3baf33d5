//! A file that is answered, piece by piece: a body that is larger than memory should hold.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::fs::File;
use tokio::io::{AsyncRead as _, ReadBuf};

use crate::engine::wire::bulk::Bulk;

/// How much of it is in memory at a time.
const PIECE: usize = 64 << 10;

/// A file that is answered, piece by piece.
pub(super) struct Pieces {
    file: File,
    left: u64,
}

impl Pieces {
    /// All of a file.
    pub(super) fn of(bulk: Bulk) -> std::io::Result<Self> {
        let mut file = bulk.file;
        std::io::Seek::rewind(&mut file)?;
        Ok(Self { file: File::from_std(file), left: bulk.bytes })
    }

    /// How much has not been read yet.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// The next piece; none at the end.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<std::io::Result<Option<Bytes>>> {
        let most = usize::try_from(self.left).unwrap_or(PIECE).min(PIECE);
        if most == 0 {
            return Poll::Ready(Ok(None));
        }
        let mut bytes = vec![0; most];
        let mut into = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.file).poll_read(context, &mut into))?;
        let read = into.filled().len();
        if read == 0 {
            return Poll::Ready(Err(std::io::ErrorKind::UnexpectedEof.into()));
        }
        bytes.truncate(read);
        self.left -= read as u64;
        Poll::Ready(Ok(Some(bytes.into())))
    }
}
