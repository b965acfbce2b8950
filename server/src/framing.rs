//! Requests whose length two servers in a row could read differently (R89). hyper settles some of them quietly: of
//! `Content-Length` and `Transfer-Encoding` it takes the latter, of two equal lengths one (RFC 9112 §6.3). A proxy before
//! us may have settled them the other way, so here the head of each request is looked at on its way in.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most headers that hyper reads.
const MOST_HEADERS: usize = 100;
/// Larger than any head that hyper reads.
const LARGEST_HEAD: usize = 128 * 1024;

/// What was seen on a connection.
#[derive(Default)]
pub struct Seen {
    /// A request of ambiguous length came.
    pub ambiguous: AtomicBool,
    /// A chunked request came. Where it ends only hyper knows, so it is to be the connection's last.
    pub chunked: AtomicBool,
}

/// Looks at what is read.
pub struct Watched<T> {
    io: T,
    seen: Arc<Seen>,
    next: Next,
}

enum Next {
    /// A head, and what has come of it.
    Head(Vec<u8>),
    /// So much of a body.
    Body(u64),
    /// Nothing that could be told from here.
    Unknown,
}

impl<T> Watched<T> {
    /// Of this stream.
    pub fn new(io: T) -> (Self, Arc<Seen>) {
        let seen = Arc::<Seen>::default();
        let watched = Self {
            io,
            seen: seen.clone(),
            next: Next::Head(Vec::new()),
        };
        (watched, seen)
    }

    fn look(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match &mut self.next {
                Next::Unknown => return,
                Next::Body(left) => {
                    let taken = usize::try_from(*left)
                        .unwrap_or(usize::MAX)
                        .min(bytes.len());
                    bytes = &bytes[taken..];
                    *left -= taken as u64;
                    if *left == 0 {
                        self.next = Next::Head(Vec::new());
                    }
                }
                Next::Head(head) => {
                    let before = head.len();
                    head.extend_from_slice(bytes);
                    // A head ends with an empty line; until one comes there is nothing to read.
                    let fresh = &head[before.saturating_sub(3)..];
                    let ends = fresh.windows(2).any(|w| w == b"\n\n")
                        || fresh.windows(3).any(|w| w == b"\n\r\n");
                    let length = if ends {
                        head_length(head, &self.seen)
                    } else {
                        Ok(None)
                    };
                    self.next = match length {
                        Ok(None) if head.len() <= LARGEST_HEAD => return,
                        Ok(Some((length, body))) => {
                            bytes = &bytes[length - before..];
                            match body {
                                Some(0) => Next::Head(Vec::new()),
                                Some(body) => Next::Body(body),
                                None => Next::Unknown,
                            }
                        }
                        // hyper refuses it as well.
                        Ok(None) | Err(_) => Next::Unknown,
                    };
                }
            }
        }
    }
}

/// The length of a whole head, and of the body after it; no length for a chunked one. Read as hyper reads it, by the same
/// library.
fn head_length(head: &[u8], seen: &Seen) -> Result<Option<(usize, Option<u64>)>, httparse::Error> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = request.parse(head)? else {
        return Ok(None);
    };
    let of = |name: &'static str| {
        let named = move |h: &&httparse::Header<'_>| h.name.eq_ignore_ascii_case(name);
        request
            .headers
            .iter()
            .filter(named)
            .map(|h| h.value.trim_ascii())
    };
    let (lengths, encodings) = (
        of("content-length").count(),
        of("transfer-encoding").count(),
    );
    let plain = of("transfer-encoding").all(|value| value.eq_ignore_ascii_case(b"chunked"))
        && of("content-length").all(|value| value.iter().all(u8::is_ascii_digit));
    if lengths + encodings > 1 || !plain {
        seen.ambiguous.store(true, Ordering::SeqCst);
        return Ok(Some((length, None)));
    }
    if encodings == 1 {
        seen.chunked.store(true, Ordering::SeqCst);
        return Ok(Some((length, None)));
    }
    let body = of("content-length").next().map_or(Ok(0), |value| {
        let text = std::str::from_utf8(value).unwrap_or_default();
        text.parse().map_err(|_| httparse::Error::HeaderValue)
    })?;
    Ok(Some((length, Some(body))))
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        self.look(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::{Next, Watched};

    /// Whether it is ambiguous, and whether the connection's next request can be told.
    fn look(text: &str) -> (bool, bool) {
        let mut verdicts = [1, 2, 5, 4096].map(|size| {
            let (mut watched, seen) = Watched::new(());
            for piece in text.as_bytes().chunks(size) {
                watched.look(piece);
            }
            let ambiguous = seen.ambiguous.load(Ordering::SeqCst);
            (
                ambiguous,
                matches!(watched.next, Next::Head(head) if head.is_empty()),
            )
        });
        verdicts.sort_unstable();
        assert_eq!(
            verdicts[0], verdicts[3],
            "in whatever pieces it comes: {text}"
        );
        verdicts[0]
    }

    #[test] // R89
    fn a_length_that_is_said_twice_is_ambiguous() {
        for lines in [
            "Content-Length: 0\r\nContent-Length: 0",
            "Content-Length: 1\r\nX: y\r\ncontent-length: 2",
            "Content-Length: 4\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 4",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked, identity",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: xchunked",
            "Transfer-Encoding: \"chunked\"",
            "Transfer-Encoding:",
            "Content-Length: +5",
            "Content-Length: 5, 5",
            "Content-Length: 0x5",
            "Content-Length: 5 5",
            "Content-Length: -1",
        ] {
            let text = format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n");
            assert!(look(&text).0, "{lines}");
        }
    }

    #[test] // R89
    fn each_request_of_a_connection_is_looked_at_and_no_body() {
        let evil = "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n";
        let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(look(get), (false, true));
        assert!(look(&format!("{get}\r\n{get}{evil}")).0);
        let wrapped = format!(
            "POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{evil}",
            evil.len()
        );
        assert_eq!(look(&wrapped), (false, true));
        assert!(look(&format!("{wrapped}{evil}")).0);
        assert!(look(&evil.replace("\r\n", "\n")).0);
        let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n";
        assert_eq!(look(&format!("{chunked}0\r\n\r\n{evil}")), (false, false));
        assert_eq!(look("nonsense\r\n\r\n"), (false, false));
    }
}
