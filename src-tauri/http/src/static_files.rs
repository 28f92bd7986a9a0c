//! The files of the page, compiled into the program. No path ever reaches the file system.

use axum::body::Body;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../../ui"]
struct Files;

/// Kinds of files that belong to the page; tests and anything else in the folder are not served.
const KINDS: [(&str, &str); 5] = [
    (".html", "text/html; charset=utf-8"),
    (".css", "text/css; charset=utf-8"),
    (".js", "text/javascript; charset=utf-8"),
    (".svg", "image/svg+xml"),
    (".png", "image/png"),
];

/// Returns the names of all files of the page, as they stand in addresses after the first `/`.
pub fn file_names() -> impl Iterator<Item = String> {
    let names = Files::iter().map(|name| name.into_owned());
    names.filter(|name| content_type(name).is_some())
}

/// Tells whether a path is that of a file of the page.
pub(crate) fn is_file(path: &str) -> bool {
    find(path).is_some()
}

/// Answers with a file; 304 if the browser has it already, and an empty 404 if there is none.
pub(crate) fn answer(path: &str, headers: &HeaderMap) -> Response {
    let Some((file, content_type)) = find(path) else {
        return empty(StatusCode::NOT_FOUND);
    };
    let tag = entity_tag(&file);
    let is_known = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .any(|known| known == tag.as_str());
    let mut response = if is_known {
        empty(StatusCode::NOT_MODIFIED)
    } else {
        Response::new(Body::from(file.data))
    };
    let added = response.headers_mut();
    added.insert(
        ETAG,
        tag.parse()
            .expect("hexadecimal digits in quotes are a header value"),
    );
    // The browser asks each time whether the file is still the same: a new version shows at once.
    added.insert(CACHE_CONTROL, http::HeaderValue::from_static("no-cache"));
    added.insert(CONTENT_TYPE, http::HeaderValue::from_static(content_type));
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

fn entity_tag(file: &EmbeddedFile) -> String {
    use std::fmt::Write as _;
    let mut tag = String::from("\"");
    for byte in &file.metadata.sha256_hash()[..16] {
        write!(tag, "{byte:02x}").expect("writing to a String cannot fail");
    }
    tag.push('"');
    tag
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_page_are_served() {
        assert!(is_file("/") && is_file("/index.html") && is_file("/style.css"));
        let others = [
            "/../Cargo.toml",
            "/%2e%2e/Cargo.toml",
            "/..\\Cargo.toml",
            "/./index.html",
            "//index.html",
            "/index.html/",
            "/format.test.mjs",
            "/etc/passwd",
            "index.html",
            "",
        ];
        for path in others {
            assert!(!is_file(path), "{path}");
        }
    }

    #[test]
    fn a_browser_that_has_the_file_gets_no_second_copy() {
        let first = answer("/", &HeaderMap::new());
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, first.headers()[ETAG].clone());
        assert_eq!(answer("/", &headers).status(), StatusCode::NOT_MODIFIED);
    }
}
