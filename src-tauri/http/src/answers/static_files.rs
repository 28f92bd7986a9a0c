//! The files of the page, compiled into the program. No path ever reaches the file system.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::compression::{accepts_gzip, gzip};

#[derive(RustEmbed)]
#[folder = "../../ui"]
struct Files;

/// Kinds of files that belong to the page; tests and anything else in the folder are not served.
const KINDS: [(&str, &str); 5] = [
    (".html", "text/html; charset=utf-8"),
    (".css", "text/css; charset=utf-8"),
    (".js", "text/javascript; charset=utf-8"),
    (".svg", "image/svg+xml"),
    (".png", PNG),
];
/// Compressed already.
const PNG: &str = "image/png";

/// Returns the names of all files of the page, as they stand in addresses after the first `/`.
pub fn file_names() -> impl Iterator<Item = String> {
    let names = Files::iter().map(|name| name.into_owned());
    names.filter(|name| content_type(name).is_some())
}

/// Tells whether a path is that of a file of the page.
pub(crate) fn is_file(path: &str) -> bool {
    find(path).is_some()
}

/// The files as they are sent to browsers that accept gzip, each compressed once, when it is first asked for.
///
/// Not when the program is built, so that each file is in the program once, and not for each request, as other answers
/// are. Compressing the whole page takes some milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Compressed(Mutex<HashMap<String, Bytes>>);

impl Compressed {
    fn get(&self, path: &str, file: &EmbeddedFile) -> Bytes {
        // A panic leaves the map as it was: without the file, or with all of it.
        let mut compressed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = compressed.entry(path.to_owned());
        let compress = || gzip(&file.data, Compression::best());
        known.or_insert_with(compress).clone()
    }
}

/// Answers with a file, in gzip if the browser accepts it; 304 if it has it already, and an empty 404 if there is none.
pub(crate) fn answer(compressed: &Compressed, path: &str, headers: &HeaderMap) -> Response {
    let Some((file, content_type)) = find(path) else {
        return empty(StatusCode::NOT_FOUND);
    };
    let is_compressed = content_type != PNG && accepts_gzip(headers);
    let tag = entity_tag(&file, is_compressed);
    let is_known = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .any(|known| known == tag.as_str());
    let mut response = if is_known {
        empty(StatusCode::NOT_MODIFIED)
    } else if is_compressed {
        Response::new(Body::from(compressed.get(path, &file)))
    } else {
        Response::new(Body::from(file.data))
    };
    let added = response.headers_mut();
    added.insert(
        ETAG,
        tag.parse()
            .expect("hexadecimal digits in quotes are a header value"),
    );
    if is_compressed {
        added.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    added.insert(VARY, HeaderValue::from_static("accept-encoding"));
    // The browser asks each time whether the file is still the same: a new version shows at once.
    added.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    added.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn find(path: &str) -> Option<(EmbeddedFile, &'static str)> {
    let name = match path.strip_prefix('/')? {
        "" => "index.html",
        name => name,
    };
    Some((Files::get(name)?, content_type(name)?))
}

fn content_type(name: &str) -> Option<&'static str> {
    let kind = KINDS.iter().find(|(ending, _)| name.ends_with(ending));
    kind.map(|(_, content_type)| *content_type)
}

/// Two codings of a file are two things to a cache, so they have two tags.
fn entity_tag(file: &EmbeddedFile, is_compressed: bool) -> String {
    let content = hex::encode(&file.metadata.sha256_hash()[..16]);
    let coding = if is_compressed { "-gzip" } else { "" };
    format!("\"{content}{coding}\"")
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use http::header::ACCEPT_ENCODING;

    use super::*;

    #[test]
    fn only_files_of_the_page_are_served() {
        assert!(is_file("/") && is_file("/index.html") && is_file("/lib/dom.js"));
        let others = [
            "/../Cargo.toml",
            "/%2e%2e/Cargo.toml",
            "/..\\Cargo.toml",
            "/./index.html",
            "//index.html",
            "/index.html/",
            "/lib/format.test.mjs",
            "/etc/passwd",
            "index.html",
            "",
        ];
        for path in others {
            assert!(!is_file(path), "{path}");
        }
    }

    fn accepting(coding: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(coding))])
    }

    #[test]
    fn a_browser_that_has_the_file_gets_no_second_copy() {
        let compressed = Compressed::default();
        for mut headers in [HeaderMap::new(), accepting("gzip")] {
            let first = answer(&compressed, "/", &headers);
            headers.insert(IF_NONE_MATCH, first.headers()[ETAG].clone());
            let second = answer(&compressed, "/", &headers);
            assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
        }
    }

    #[test]
    fn gzip_is_for_those_who_accept_it_and_has_a_tag_of_its_own() {
        let compressed = Compressed::default();
        let coding = |headers| {
            let answer = answer(&compressed, "/style.css", &headers);
            assert_eq!(answer.headers()[VARY], "accept-encoding");
            answer.headers().get(CONTENT_ENCODING).cloned()
        };
        for takes in ["gzip", "br, GZIP;q=0.5", "deflate,gzip"] {
            assert_eq!(coding(accepting(takes)).unwrap(), "gzip", "{takes}");
        }
        for refuses in ["", "br", "gzip;q=0", "gzip; q=0.0", "gzip;x", "xgzip", "*"] {
            assert_eq!(coding(accepting(refuses)), None, "{refuses}");
        }
        let tag = |headers| answer(&compressed, "/", &headers).headers()[ETAG].clone();
        assert_ne!(tag(HeaderMap::new()), tag(accepting("gzip")));
    }
}
