//! Where Hugging Face is, and how the addresses below it are printed: a mirror's may hold a password.

use std::fmt;

use ureq::http::Uri;

/// The path of the model's files on Hugging Face and its mirrors.
const HUB_PATH: &str = "sentence-transformers/all-MiniLM-L6-v2/resolve/main";
/// Hugging Face itself.
const DEFAULT: &str = "https://huggingface.co";

/// The address of Hugging Face or of a mirror of it; begins with `http://` or `https://`.
#[derive(Clone)]
pub(crate) struct Endpoint {
    /// Without a `/` at its end.
    url: String,
    is_https: bool,
}

/// The text is not the address of a mirror.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{shown}` is not the address of a mirror of Hugging Face: it must begin with https:// or http:// and name a host, as in \
     https://huggingface.co"
)]
pub(crate) struct EndpointError {
    shown: String,
}

impl Endpoint {
    /// Reads an address. An empty one is that of Hugging Face itself: a variable that is set to nothing is not set.
    ///
    /// # Errors
    /// If it does not begin with `http://` or `https://`, or names no host.
    pub(crate) fn parse(text: &str) -> Result<Self, EndpointError> {
        let text = match text.trim() {
            "" => DEFAULT,
            text => text.trim_end_matches('/'),
        };
        // What is no address has no part that is known to be the password: all that may be one is left out.
        let refused = || EndpointError {
            shown: text
                .rsplit_once('@')
                .map_or(text, |(_, after)| after)
                .to_owned(),
        };
        let uri: Uri = text.parse().map_err(|_| refused())?;
        let is_https = match uri.scheme_str() {
            Some("https") if names_host(&uri) => true,
            Some("http") if names_host(&uri) => false,
            _ => return Err(refused()),
        };
        Ok(Self {
            url: text.to_owned(),
            is_https,
        })
    }

    /// Says whether everything must come encrypted, also what a server sends us on to.
    pub(crate) fn is_https(&self) -> bool {
        self.is_https
    }

    /// Returns the address of one file of the model.
    pub(crate) fn file(&self, name: &str) -> FileUrl {
        FileUrl(format!("{}/{HUB_PATH}/{name}", self.url))
    }
}

/// The address of one file. What is printed of it has no user and no password.
#[derive(Clone)]
pub(crate) struct FileUrl(String);

impl FileUrl {
    /// Returns the address to ask, never to print.
    pub(super) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_userinfo(&self.0))
    }
}

impl fmt::Debug for FileUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Says whether an address has a host, and behind it nothing or a port: else a password with a `/` in it is taken for a port.
fn names_host(uri: &Uri) -> bool {
    let (Some(authority), Some(host)) = (uri.authority(), uri.host()) else {
        return false;
    };
    let has_port = authority.port_u16().is_some();
    !host.is_empty() && (has_port || authority.as_str().ends_with(host))
}

/// Removes user and password from each address in a text, such as an error that names one.
pub(super) fn without_userinfo(text: &str) -> String {
    let mut parts = text.split("://");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown.push_str("://");
        let is_end = |character: char| {
            matches!(character, '/' | '?' | '#' | '`' | '"') || character.is_whitespace()
        };
        let authority = part.find(is_end).unwrap_or(part.len());
        let host = part[..authority].rfind('@').map_or(0, |at| at + 1);
        shown.push_str(&part[host..]);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_an_address_and_an_empty_one_is_hugging_face() {
        for (text, url, is_https) in [
            (
                "",
                "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/main/f",
                true,
            ),
            (
                " ",
                "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/main/f",
                true,
            ),
            (
                "HTTPS://mirror/a/",
                "HTTPS://mirror/a/sentence-transformers/all-MiniLM-L6-v2/resolve/main/f",
                true,
            ),
            (
                "http://[::1]:80",
                "http://[::1]:80/sentence-transformers/all-MiniLM-L6-v2/resolve/main/f",
                false,
            ),
        ] {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!(endpoint.file("f").secret(), url, "of {text:?}");
            assert_eq!(endpoint.is_https(), is_https, "of {text:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_password() {
        for text in [
            "huggingface.co",
            "ftp://u:secret@mirror",
            "https://",
            "https:/u:secret@mirror",
            "u:secret@mirror",
            "https://u:sec/secret@mirror",
            "https://u:sec secret@mirror",
        ] {
            let error = Endpoint::parse(text).err();
            let error = error.unwrap_or_else(|| panic!("{text} was taken"));
            let said = error.to_string();
            assert!(said.contains("https:// or http://"), "{said}");
            assert!(!said.contains("sec"), "the password is printed: {said}");
        }
    }

    #[test]
    fn no_user_and_no_password_is_printed() {
        let url = Endpoint::parse("https://me:p@ss@mirror:8443/a")
            .unwrap()
            .file("f");
        assert!(url.secret().contains("me:p@ss@"), "the mirror gets them");
        for said in [url.to_string(), format!("{url:?}")] {
            assert!(said.starts_with("https://mirror:8443/a/"), "{said}");
        }
        for (text, shown) in [
            (
                "https only: http://u:p@h/x@y, then",
                "https only: http://h/x@y, then",
            ),
            ("a@b://c", "a@b://c"),
            ("`https://u@h`", "`https://h`"),
            ("nothing@all", "nothing@all"),
        ] {
            assert_eq!(without_userinfo(text), shown);
        }
    }
}
