//! Answers that keep their connection busy until they were sent: event streams go on long after their head.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Error;
use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};

use crate::admission::connections::Busy;

/// A body that keeps its connection busy.
struct Sending {
    body: Body,
    _busy: Busy,
}

/// Keeps a connection busy until the answer was sent or given up.
pub(crate) fn busy_until_sent(response: Response, busy: Busy) -> Response {
    response.map(|body| Body::new(Sending { body, _busy: busy }))
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
