//! From a connection to the route of its request, and back.
//!
//! Promises that each request passes the guard before it is routed, that every answer has the security headers of the
//! page, and that sizes, numbers and times stay within [`SiteLimits`](crate::SiteLimits). Does not know what a route
//! answers.

pub(crate) mod body;
pub(crate) mod gate;
pub(crate) mod oauth;
pub(crate) mod router;
pub(crate) mod sent;
pub(crate) mod server;
