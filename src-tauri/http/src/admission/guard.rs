//! What is refused before anything is routed.
//!
//! The order is: Host, Origin, Sec-Fetch-Site, token, Content-Type. The first three keep web pages out that a browser on
//! this machine has open, also by DNS rebinding; the token keeps everybody else out.

use commonplace_api::Refusal;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, ORIGIN, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::access::{Access, Bearer};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admits {
    /// Everybody who may connect: the files of the page, which hold no secrets, and the proof that this is the host.
    Anybody,
    /// Who brings a one-time code in the body.
    CodeHolder,
    /// Who has the agents' token or the admin token.
    Agent,
    /// Who has the admin token or an open session.
    Admin,
}

/// What is known of paths; the router answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paths {
    /// Who may send a request with this method and path.
    pub(crate) admits: fn(&Method, &str) -> Admits,
    /// Whether there is anything at this path.
    pub(crate) is_route: fn(&str) -> bool,
    /// Whether a client looks here for a login; all get the same answer, whatever they send.
    pub(crate) is_probe: fn(&str) -> bool,
}

/// The checks of one listener.
#[derive(Debug)]
pub(crate) struct Guard {
    port: u16,
    hosts: [String; 2],
    origins: [String; 2],
    access: Access,
    paths: Paths,
}

impl Guard {
    /// Guards what listens on `port` of the loopback address.
    pub(crate) fn new(port: u16, access: Access, paths: Paths) -> Self {
        let hosts = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
        let origins = hosts.clone().map(|host| format!("http://{host}"));
        Self {
            port,
            hosts,
            origins,
            access,
            paths,
        }
    }

    /// Lets a request pass, or says why not. Looks at the head only.
    pub(crate) fn check(&self, head: &Parts) -> Result<(), Refusal> {
        self.check_host(head)?;
        self.check_origin(&head.headers)?;
        check_site(head)?;
        if (self.paths.is_probe)(head.uri.path()) {
            return Ok(());
        }
        self.check_token(head)?;
        check_content_type(head)
    }

    /// Exactly one Host, and exactly one of ours. A target with a host of its own (`GET http://…`) must name ours too.
    fn check_host(&self, head: &Parts) -> Result<(), Refusal> {
        let wrong = Refusal::WrongHost { port: self.port };
        let mut named = head.headers.get_all(HOST).iter();
        let (Some(host), None) = (named.next(), named.next()) else {
            return Err(wrong);
        };
        let target = head
            .uri
            .authority()
            .map(|authority| authority.as_str().as_bytes());
        let is_ours = |name: &[u8]| self.hosts.iter().any(|ours| ours.as_bytes() == name);
        if is_ours(host.as_bytes()) && target.is_none_or(is_ours) {
            Ok(())
        } else {
            Err(wrong)
        }
    }

    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let is_ours = |value: &HeaderValue| {
            self.origins
                .iter()
                .any(|ours| value.as_bytes() == ours.as_bytes())
        };
        if headers.get_all(ORIGIN).iter().all(is_ours) {
            Ok(())
        } else {
            Err(Refusal::ForeignOrigin)
        }
    }

    fn check_token(&self, head: &Parts) -> Result<(), Refusal> {
        let path = head.uri.path();
        let needed = (self.paths.admits)(&head.method, path);
        if matches!(needed, Admits::Anybody | Admits::CodeHolder) {
            return Ok(());
        }
        let presented = bearer_token(&head.headers).ok_or(Refusal::NoToken)?;
        match (self.access.identify(presented), needed) {
            (Bearer::Unknown, _) => Err(Refusal::UnknownToken),
            (Bearer::Agent, Admits::Admin) if !(self.paths.is_route)(path) => {
                Err(Refusal::NotFound)
            }
            (Bearer::Agent, Admits::Admin) => Err(Refusal::AgentToken),
            (Bearer::Agent | Bearer::Admin, _) => Ok(()),
        }
    }
}

/// Reads the token of `Authorization: Bearer TOKEN`; None if there is none, or more than one.
pub(crate) fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// A browser tells who caused a request; other programs do not send this header.
fn check_site(head: &Parts) -> Result<(), Refusal> {
    let is_fine = |value: &HeaderValue| matches!(value.as_bytes(), b"none" | b"same-origin");
    let is_ours = head.headers.get_all(SEC_FETCH_SITE).iter().all(is_fine);
    if is_ours || is_visit(head) {
        Ok(())
    } else {
        Err(Refusal::CrossSite)
    }
}

/// Tells whether a person goes to the page, in a window and not in a frame. Another site may lead there, and so does the
/// file by which `commonplace open` opens it: to a browser every file is a site of its own. The page asks for a key then.
fn is_visit(head: &Parts) -> bool {
    let is = |name, value: &str| {
        let mut values = head.headers.get_all(name).iter();
        values.next().is_some_and(|first| first == value) && values.next().is_none()
    };
    head.method == Method::GET
        && head.uri.path() == "/"
        && is(SEC_FETCH_MODE, "navigate")
        && is(SEC_FETCH_DEST, "document")
}

/// A form of another page can post without a preflight request, but not as JSON.
fn check_content_type(head: &Parts) -> Result<(), Refusal> {
    let may_change = !matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS);
    if !may_change || !has_body(&head.headers) || is_json(&head.headers) {
        Ok(())
    } else {
        Err(Refusal::NotJson)
    }
}

fn has_body(headers: &HeaderMap) -> bool {
    let is_empty = headers
        .get(CONTENT_LENGTH)
        .is_none_or(|length| length == "0");
    !is_empty || headers.contains_key(TRANSFER_ENCODING)
}

fn is_json(headers: &HeaderMap) -> bool {
    let declared = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    declared.is_some_and(|value| {
        let media_type = value.split(';').next().unwrap_or_default();
        media_type.trim().eq_ignore_ascii_case("application/json")
    })
}
