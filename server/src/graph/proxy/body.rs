//! Bodies that pass by, in pieces and under caps (R86, R87): nothing is held but the piece at hand.

use std::{
    io,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, BodyDataStream, Bytes, to_bytes};
use futures_util::Stream;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::{headers::Kind, limits::Place, links::Links};
use crate::browser;

/// The most that a page may send: Graph's own limit. Larger files go by an upload session, straight to where they are kept.
pub const MOST_UP: u64 = 4 * 1024 * 1024;
/// A body up to here is held, so that it can be sent again with a new token (R99, R100).
const HELD: u64 = 64 * 1024;

/// The most JSON of one answer: some ten times a page of 999 people with all their properties.
const MOST_JSON: u64 = 16 * 1024 * 1024;
/// The most of a file or a picture.
const MOST_FILE: u64 = 4 * 1024 * 1024 * 1024;
/// For [`Patience`].
const JSON_IN: Duration = Duration::from_mins(2);
const FILE_IN: Duration = Duration::from_hours(1);

impl Kind {
    /// The most that passes of such an answer.
    pub fn most(self) -> u64 {
        match self {
            Self::Json => MOST_JSON,
            Self::Inert | Self::File => MOST_FILE,
        }
    }
}

/// How long Graph may take over an answer that has begun.
pub struct Patience {
    /// Nothing may come for so long.
    pub pause: Duration,
    /// JSON may take so long in all, whatever it does.
    pub json: Duration,
    /// The same for a file.
    pub file: Duration,
}

impl Patience {
    /// With this patience for pauses.
    pub fn new(pause: Duration) -> Self {
        Self {
            pause,
            json: JSON_IN,
            file: FILE_IN,
        }
    }

    fn whole(&self, kind: Kind) -> Duration {
        match kind {
            Kind::Json => self.json,
            Kind::Inert | Kind::File => self.file,
        }
    }
}

/// A request's body on its way to Graph.
pub enum Up {
    /// There is none.
    None,
    /// It is small.
    Held(Bytes),
    /// It passes in pieces; why it does not pass whole is told meanwhile.
    Passing(reqwest::Body, Arc<OnceLock<Torn>>),
}

/// A request's body that does not come whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Torn {
    /// It is larger than is passed on.
    TooLarge,
    /// It broke off, or its framing is broken.
    Broken,
}

impl From<&axum::Error> for Torn {
    fn from(error: &axum::Error) -> Self {
        if browser::is_broken(error) {
            Self::Broken
        } else {
            Self::TooLarge
        }
    }
}

/// Takes a request's body.
pub async fn up(body: Body) -> Result<Up, Torn> {
    if body.is_end_stream() {
        return Ok(Up::None);
    }
    match body.size_hint().exact() {
        Some(length) if length > MOST_UP => Err(Torn::TooLarge),
        Some(length) if length <= HELD => Ok(Up::Held(whole(body, HELD).await?)),
        _ => {
            let torn = Arc::new(OnceLock::new());
            let pieces = Pieces {
                body: body.into_data_stream(),
                left: MOST_UP,
                torn: torn.clone(),
            };
            Ok(Up::Passing(reqwest::Body::wrap_stream(pieces), torn))
        }
    }
}

/// A request's whole body. One that says it is too large is not waited for.
pub async fn whole(body: Body, most: u64) -> Result<Bytes, Torn> {
    if body.size_hint().lower() > most {
        return Err(Torn::TooLarge);
    }
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    to_bytes(body, most)
        .await
        .map_err(|error| Torn::from(&error))
}

struct Pieces {
    body: BodyDataStream,
    left: u64,
    torn: Arc<OnceLock<Torn>>,
}

impl Pieces {
    fn tear(&self, why: Torn) -> Poll<Option<Result<Bytes, axum::BoxError>>> {
        _ = self.torn.set(why);
        Poll::Ready(Some(Err("it does not come whole".into())))
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes, axum::BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(piece) = ready!(Pin::new(&mut self.body).poll_next(cx)) else {
            return Poll::Ready(None);
        };
        let piece = match piece {
            Ok(piece) => piece,
            Err(error) => return self.tear(Torn::from(&error)),
        };
        let Some(left) = self.left.checked_sub(piece.len() as u64) else {
            return self.tear(Torn::TooLarge);
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
    /// The rest of this answer.
    pub fn new(
        response: reqwest::Response,
        kind: Kind,
        links: Option<Links>,
        patience: &Patience,
        place: Place,
    ) -> Self {
        let now = Instant::now();
        let until = now + patience.whole(kind);
        Self {
            inner: response.into(),
            links,
            left: kind.most(),
            patience: patience.pause,
            pause: Box::pin(sleep_until(until.min(now + patience.pause))),
            until,
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{StreamExt, stream};
    use tower_sessions::session::Id;

    use super::*;
    use crate::{
        clock::Clock,
        graph::proxy::limits::{Limits, Pace},
    };

    /// What comes of a drip that never stands still and never ends.
    async fn dripping(kind: Kind, patience: &Patience) -> Result<Bytes, axum::Error> {
        let place = Limits::new(Pace::USUAL, Clock::system())
            .enter(&Id(1), 1)
            .await
            .unwrap();
        let drip = stream::repeat(()).then(|()| async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok::<_, Infallible>("0")
        });
        let drip = reqwest::Body::wrap_stream(drip);
        let response = reqwest::Response::from(http::Response::new(drip));
        let down = Down::new(response, kind, None, patience, place);
        to_bytes(Body::new(down), usize::MAX).await
    }

    #[tokio::test] // R88
    async fn an_answer_that_drips_ends_when_its_time_is_over() {
        let short = Duration::from_millis(100);
        let (long, most) = (Duration::from_hours(1), Duration::from_mins(1));
        for (kind, json, file) in [
            (Kind::Json, short, long),
            (Kind::Inert, long, short),
            (Kind::File, long, short),
        ] {
            let patience = Patience {
                pause: long,
                json,
                file,
            };
            let end = tokio::time::timeout(most, dripping(kind, &patience)).await;
            let end = end.expect("an end").unwrap_err().to_string();
            assert!(end.contains("too slowly"), "{kind:?}: {end}");
        }
    }
}
