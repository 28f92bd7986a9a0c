//! The page that opens the dashboard in a browser.
//!
//! The address of the dashboard carries a one-time code, and what stands among the arguments of a program can be read by
//! every user of the machine. So the browser is given the path of a file that only this user can read, which sends it on
//! to the address.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::paths::DataDir;
use crate::system::files;
use crate::system::private_file::{self, PrivateFileError};
use crate::system::random::random_hex;
use crate::words::html_escaped;

/// A code is valid for a minute; the page of an older one is of no use to anybody.
const LIFE: Duration = Duration::from_secs(60);

/// Writes a page that leads to `url`, and returns its path. A running host removes it a minute later, when the code in it
/// is used or too old.
pub(crate) fn write_page(data_dir: &DataDir, url: &str) -> Result<PathBuf, PrivateFileError> {
    let dir = data_dir.opening();
    private_file::make_dir(&dir)?;
    let path = dir.join(format!("{}.html", &random_hex()[..16]));
    private_file::create(&path, &page(url))?;
    Ok(path)
}

/// Removes pages whose codes are too old at `now`.
pub(crate) fn remove_old(data_dir: &DataDir, now: SystemTime) {
    // Without the directory nobody has opened anything.
    let _ = files::remove_older(&data_dir.opening(), LIFE, now);
}

/// The page. It needs no script, names itself nowhere, and has a link for a browser that does not go on by itself.
fn page(url: &str) -> String {
    let url = html_escaped(url);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta http-equiv=\"refresh\" content=\"0; url={url}\">\n<title>Commonplace</title>\n\
         <p><a href=\"{url}\" rel=\"noreferrer\">Open the dashboard</a></p>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn data_dir(dir: &tempfile::TempDir) -> DataDir {
        DataDir::find(Some(dir.path().to_owned())).unwrap()
    }

    #[test]
    fn the_page_leads_to_the_address_and_only_this_user_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let url = "http://127.0.0.1:7311/#code=abc";
        let path = write_page(&data_dir(&dir), url).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(&format!("0; url={url}\"")), "{text}");
        assert!(!path.display().to_string().contains("abc"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode =
                |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o600);
            assert_eq!(mode(path.parent().unwrap()), 0o700);
        }
    }

    #[test]
    fn nothing_in_an_address_ends_the_attribute_it_stands_in() {
        let text = page("http://x/\"><script>&");
        assert!(
            text.contains("url=http://x/&quot;&gt;&lt;script&gt;&amp;\""),
            "{text}"
        );
    }

    #[test]
    fn a_page_goes_when_its_code_is_too_old() {
        let dir = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        remove_old(&data_dir(&dir), now);
        let path = write_page(&data_dir(&dir), "http://127.0.0.1:1/").unwrap();
        remove_old(&data_dir(&dir), now + LIFE / 2);
        assert!(path.exists());
        remove_old(&data_dir(&dir), now + LIFE + Duration::from_secs(5));
        assert!(!path.exists());
    }
}
