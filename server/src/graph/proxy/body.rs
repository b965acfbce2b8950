//! Bodies that pass by, in pieces and under caps (R86, R87): nothing is held but the piece at hand.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, BodyDataStream, Bytes, to_bytes};
use futures_util::Stream;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::{headers::Kind, limits::Place, links::Links};

/// The most that a page may send: Graph's own limit. Larger files go by an upload session, straight to where they are kept.
pub const MOST_UP: u64 = 4 * 1024 * 1024;
/// A body up to here is held, so that it can be sent again with a new token (R99, R100).
const HELD: u64 = 64 * 1024;

/// The most JSON of one answer: some ten times a page of 999 people with all their properties.
const MOST_JSON: u64 = 16 * 1024 * 1024;
/// The most of a file or a picture.
const MOST_FILE: u64 = 4 * 1024 * 1024 * 1024;
/// How long JSON may take to arrive, whatever it does.
const JSON_IN: Duration = Duration::from_mins(2);
/// The same for a file.
const FILE_IN: Duration = Duration::from_hours(1);

impl Kind {
    /// The most that passes of such an answer.
    pub fn most(self) -> u64 {
        match self {
            Self::Json => MOST_JSON,
            Self::Inert | Self::File => MOST_FILE,
        }
    }

    fn whole(self) -> Duration {
        match self {
            Self::Json => JSON_IN,
            Self::Inert | Self::File => FILE_IN,
        }
    }
}

/// A request's body on its way to Graph.
pub enum Up {
    /// There is none.
    None,
    /// It is small.
    Held(Bytes),
    /// It passes in pieces; the flag is raised when there are too many.
    Passing(reqwest::Body, Arc<AtomicBool>),
}

/// A body that is too large, or that broke off.
#[derive(Debug)]
pub struct TooLarge;

/// Takes a request's body.
pub async fn up(body: Body) -> Result<Up, TooLarge> {
    if body.is_end_stream() {
        return Ok(Up::None);
    }
    match body.size_hint().exact() {
        Some(length) if length > MOST_UP => Err(TooLarge),
        Some(length) if length <= HELD => Ok(Up::Held(whole(body, HELD).await?)),
        _ => {
            let over = Arc::new(AtomicBool::new(false));
            let pieces = Pieces {
                body: body.into_data_stream(),
                left: MOST_UP,
                over: over.clone(),
            };
            Ok(Up::Passing(reqwest::Body::wrap_stream(pieces), over))
        }
    }
}

/// A request's whole body. One that says it is too large is not waited for.
pub async fn whole(body: Body, most: u64) -> Result<Bytes, TooLarge> {
    if body.size_hint().lower() > most {
        return Err(TooLarge);
    }
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    to_bytes(body, most).await.map_err(|_| TooLarge)
}

struct Pieces {
    body: BodyDataStream,
    left: u64,
    over: Arc<AtomicBool>,
}

impl Stream for Pieces {
    type Item = Result<Bytes, axum::BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(piece) = ready!(Pin::new(&mut self.body).poll_next(cx)) else {
            return Poll::Ready(None);
        };
        let piece = piece?;
        let Some(left) = self.left.checked_sub(piece.len() as u64) else {
            self.over.store(true, Ordering::SeqCst);
            return Poll::Ready(Some(Err("more than is passed on".into())));
        };
        self.left = left;
        Poll::Ready(Some(Ok(piece)))
    }
}

/// An answer's body on its way to the page. It ends in an error, which the page sees as an answer that was cut off, when
/// it is too large, when nothing comes for too long and when it takes too long in all (R88). Dropping it, as happens when
/// the page goes away, ends the call.
pub struct Down {
    inner: reqwest::Body,
    links: Option<Links>,
    left: u64,
    patience: Duration,
    pause: Pin<Box<Sleep>>,
    until: Instant,
    _place: Place,
}

impl Down {
    /// `patience` is how long nothing may come.
    pub fn new(
        response: reqwest::Response,
        kind: Kind,
        links: Option<Links>,
        patience: Duration,
        place: Place,
    ) -> Self {
        let now = Instant::now();
        Self {
            inner: response.into(),
            links,
            left: kind.most(),
            patience,
            pause: Box::pin(sleep_until(now + patience)),
            until: now + kind.whole(),
            _place: place,
        }
    }

    fn take(&mut self, piece: Bytes) -> io::Result<Bytes> {
        self.left = self
            .left
            .checked_sub(piece.len() as u64)
            .ok_or_else(|| cut("it is larger than is passed on"))?;
        let next = (Instant::now() + self.patience).min(self.until);
        self.pause.as_mut().reset(next);
        Ok(match &mut self.links {
            Some(links) => links.piece(&piece).into(),
            None => piece,
        })
    }
}

fn cut(why: &'static str) -> io::Error {
    tracing::warn!(event = "graph_cut", why, "an answer of Graph was cut off");
    io::Error::other(why)
}

impl HttpBody for Down {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            match Pin::new(&mut self.inner).poll_frame(cx) {
                Poll::Pending => {
                    ready!(self.pause.as_mut().poll(cx));
                    return Poll::Ready(Some(Err(cut("it comes too slowly"))));
                }
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers are no body; they end here.
                    let Ok(piece) = frame.into_data() else {
                        continue;
                    };
                    let piece = self.take(piece)?;
                    if !piece.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(piece))));
                    }
                }
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Some(Err(cut("it broke off")))),
                Poll::Ready(None) => {
                    let dropped = self.links.as_ref().map_or(0, Links::dropped);
                    if dropped > 0 {
                        tracing::warn!(
                            event = "graph_foreign_link",
                            dropped,
                            "links to the next page led outside Graph and were dropped"
                        );
                    }
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.links {
            Some(_) => SizeHint::default(),
            None => self.inner.size_hint(),
        }
    }
}
