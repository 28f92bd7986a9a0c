//! Finds passwords in addresses, `scheme://user:password@host`; everything around them stays.

use super::judge::is_placeholder;
use super::{Found, Span};

/// Longest part between `://` and the path that is looked at.
const AUTHORITY_BYTES_MAX: usize = 2048;

/// Finds every password in an address in `text`.
pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    for (at, mark) in text.match_indices("://") {
        let has_scheme = text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
        if let Some(span) = has_scheme
            .then(|| password(text, at + mark.len()))
            .flatten()
        {
            found.push(Found::new("password", span));
        }
    }
}

fn password(text: &str, start: usize) -> Option<Span> {
    let authority = authority(&text[start..]);
    let (login, _host) = authority.rsplit_once('@')?;
    let (user, password) = login.split_once(':')?;
    let is_default = password == user;
    let is_secret = !password.is_empty() && !is_default && !is_placeholder(password);
    let start = start + user.len() + 1;
    is_secret.then_some(Span {
        start,
        end: start + password.len(),
    })
}

/// The part that names user, password and host: up to the path, or up to what cannot stand in an address.
fn authority(rest: &str) -> &str {
    let window = &rest[..rest.floor_char_boundary(AUTHORITY_BYTES_MAX)];
    let is_end = |c: char| {
        c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '`' | '<' | '>' | '\\')
    };
    &window[..window.find(is_end).unwrap_or(window.len())]
}
