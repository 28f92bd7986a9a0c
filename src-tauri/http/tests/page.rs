//! The files of the page: how they are sent, and what may not stand in them.

mod support;

use http::StatusCode;
use support::{gate, get, text, unpacked, with, without};

#[tokio::test]
async fn the_files_of_the_page_come_with_their_types() {
    let gate = gate();
    let expected = [
        ("/", "text/html; charset=utf-8"),
        ("/index.html", "text/html; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/main.js", "text/javascript; charset=utf-8"),
        ("/pages/locks.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
    ];
    for (path, kind) in expected {
        let answer = gate.answer(without(get(path), "authorization")).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert_eq!(answer.headers()["content-type"], kind, "{path}");
        assert_eq!(answer.headers()["cache-control"], "no-cache", "{path}");
    }
}

/// What a first visit may cost on the wire, heads of the answers left out.
const PAGE_BYTES_MAX: usize = 100_000;

#[tokio::test]
async fn the_whole_page_is_small_on_the_wire() {
    let gate = gate();
    let mut sizes = Vec::new();
    for name in commonplace_http::file_names() {
        let asked = with(get(&format!("/{name}")), "accept-encoding", "gzip");
        let answer = gate.answer(asked).await;
        assert_eq!(answer.headers()["content-encoding"], "gzip", "{name}");
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await;
        sizes.push((body.unwrap().len(), name));
    }
    let sum: usize = sizes.iter().map(|(size, _)| size).sum();
    assert!(
        sum < PAGE_BYTES_MAX,
        "a first visit costs {sum} bytes: {sizes:?}"
    );
    assert!(sum > 10_000, "the page is served at all: {sizes:?}");
}

#[tokio::test]
async fn a_packed_file_is_the_file() {
    let gate = gate();
    let plain = text(gate.answer(get("/style.css")).await).await;
    let asked = with(get("/style.css"), "accept-encoding", "gzip");
    let (size, unpacked) = unpacked(gate.answer(asked).await).await;
    assert!(size * 3 < plain.len(), "{size} of {}", plain.len());
    assert_eq!(unpacked, plain);
}

#[tokio::test]
async fn the_page_asks_nothing_of_other_hosts_and_has_no_code_in_its_markup() {
    let page = text(gate().answer(get("/")).await).await;
    for forbidden in [
        "http://",
        "https://",
        "<style",
        " style=",
        "onclick",
        "onload",
        "javascript:",
    ] {
        assert!(!page.contains(forbidden), "index.html has `{forbidden}`");
    }
    assert_eq!(page.matches("<script").count(), 1);
    assert!(page.contains("<script type=\"module\" src=\"main.js\">"));
}

#[tokio::test]
async fn the_page_puts_text_in_as_text_only() {
    let gate = gate();
    for name in commonplace_http::file_names().filter(|name| name.ends_with(".js")) {
        let script = text(gate.answer(get(&format!("/{name}"))).await).await;
        for forbidden in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
        ] {
            assert!(!script.contains(forbidden), "{name} uses {forbidden}");
        }
    }
}
