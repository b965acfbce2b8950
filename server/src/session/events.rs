//! `GET /auth/events`: tells a page that its session has ended, whoever ended it and on whichever instance (R75).

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use app::error::{ApiError, Code};
use axum::{
    Extension,
    extract::State,
    http::{HeaderName, HeaderValue, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use tokio::sync::{
    broadcast::{Receiver, error::RecvError},
    watch,
};
use tower_sessions::session::Id;

use super::{StoreKey, Visitor, store::Ended};
use crate::{Cloakroom, browser::CorrelationId, routes};

/// Where it is served.
pub const PATH: &str = "/auth/events";

/// Streams of one session at a time. A browser has one, of the tab that listens for all.
const MOST: usize = 8;

/// How often a word goes over an idle connection, so that no proxy ends it and a gone browser is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// The open streams of this instance.
#[derive(Default)]
pub struct Events {
    open: Arc<Mutex<HashMap<Id, usize>>>,
    stopped: watch::Sender<bool>,
}

impl Events {
    /// Ends all streams, now and from now on: the server stops, and would wait for them (R117). Browsers come back by
    /// themselves.
    pub fn stop(&self) {
        self.stopped.send_replace(true);
    }

    fn place(&self, id: Id) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(id).or_default();
        if *count >= MOST {
            return None;
        }
        *count += 1;
        Some(Place {
            open: self.open.clone(),
            id,
        })
    }
}

/// One of a session's streams; given back when the stream ends or its browser goes.
struct Place {
    open: Arc<Mutex<HashMap<Id, usize>>>,
    id: Id,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.id) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.id);
            }
        }
    }
}

/// `GET /auth/events`: one event when the session ends: `replaced` if the same person has signed in again in this browser,
/// which may hear of it before it has the new session's cookie; else `ended`. To listen is nobody's doing: the session's end does
/// not slide (R50).
pub async fn events(
    State(cloakroom): State<Arc<Cloakroom>>,
    Extension(CorrelationId(id)): Extension<CorrelationId>,
    Extension(Visitor(visitor)): Extension<Visitor>,
) -> Response {
    let refuse = |code, message, retry_after| {
        let mut refusal = ApiError::new(code, message, &id);
        refusal.retry_after = retry_after;
        routes::answer(&refusal)
    };
    let signed_out = || refuse(Code::SignedOut, "You are signed out.", None);
    let Some(session) = visitor else {
        return signed_out();
    };
    let Some(place) = cloakroom.events.place(session.id) else {
        return refuse(Code::Throttled, "Too many pages are listening.", Some(10));
    };
    // Listen first, then look: what ends from here on is heard, what ended before is seen.
    let ended = cloakroom.sessions.store.ended();
    let ends = match cloakroom.sessions.find(&session.id).await {
        Ok(Some(session)) => session.ends,
        Ok(None) => return signed_out(),
        Err(error) => {
            tracing::error!(event = "store_failed", %error, "the session store failed");
            return refuse(
                Code::Unavailable,
                "The server can't look up your session just now.",
                Some(5),
            );
        }
    };
    let stopped = cloakroom.events.stopped.subscribe();
    let listener = Listener {
        cloakroom,
        id: session.id,
        ends,
        ended,
        stopped,
        _place: place,
    };
    let events = stream::unfold(Some(listener), |listener| async {
        let name = listener?.wait().await?;
        // An event without data is none.
        let event = Event::default().event(name).data(name);
        Some((Ok::<_, Infallible>(event), None))
    });
    let mut response = Sse::new(events)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx, and what follows it, would keep the event until there are more.
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response
}

struct Listener {
    cloakroom: Arc<Cloakroom>,
    id: Id,
    /// When it ends if nobody does anything, as it was when last looked.
    ends: i64,
    ended: Receiver<Ended>,
    stopped: watch::Receiver<bool>,
    _place: Place,
}

impl Listener {
    /// Waits for the end of the session. Without an event the stream just ends, and the browser opens another.
    async fn wait(mut self) -> Option<&'static str> {
        let key = StoreKey::of(&self.id);
        loop {
            let now = self.cloakroom.clock.now().unix_timestamp();
            let left = u64::try_from(self.ends.saturating_sub(now)).unwrap_or(0);
            tokio::select! {
                ended = named(&mut self.ended, &key) => if let Some(Ended { replaced, .. }) = ended {
                    return Some(if replaced { "replaced" } else { "ended" });
                },
                () = tokio::time::sleep(Duration::from_secs(left.max(1))) => {},
                _ = self.stopped.wait_for(|stopped| *stopped) => return None,
            }
            // Its time is over, unless it was put off; or some ends were missed, this one perhaps. Again: listen, look.
            self.ended = self.cloakroom.sessions.store.ended();
            self.ends = match self.cloakroom.sessions.find(&self.id).await {
                Ok(Some(session)) => session.ends,
                Ok(None) => return Some("ended"),
                Err(_) => return None,
            };
        }
    }
}

/// Waits until this session is named; or, `None`, until some may have been missed.
async fn named(ended: &mut Receiver<Ended>, session: &StoreKey) -> Option<Ended> {
    loop {
        match ended.recv().await {
            Ok(ended) if ended.key == *session => return Some(ended),
            Ok(_) => {}
            Err(RecvError::Lagged(_) | RecvError::Closed) => return None,
        }
    }
}
