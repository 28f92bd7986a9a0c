//! Start at login as the page, the tray and the command line ask for it.

use std::io;

use commonplace_api::Refusal;
use commonplace_api::about::LoginStatus;
use commonplace_http::StartAtLogin;

use super::Autostart;
use crate::paths::DataDir;

/// The entry of a store, or none where no login can start anything.
#[derive(Debug, Clone)]
pub(crate) struct LoginEntry(Option<Autostart>);

impl LoginEntry {
    /// Finds the entry of a store.
    pub(crate) fn of(data_dir: &DataDir) -> Self {
        Self(Autostart::of(data_dir))
    }

    fn entry(&self) -> Result<&Autostart, Refusal> {
        let reason = "this user has no home directory, so no login starts anything";
        let entry = self.0.as_ref();
        entry.ok_or_else(|| Refusal::failed(reason))
    }
}

impl StartAtLogin for LoginEntry {
    fn status(&self) -> Result<LoginStatus, Refusal> {
        let entry = self.entry()?;
        let start_at_login = entry
            .is_on()
            .map_err(|error| failed("read", entry, &error))?;
        Ok(LoginStatus {
            start_at_login,
            place: entry.place(),
        })
    }

    fn set(&self, is_on: bool) -> Result<LoginStatus, Refusal> {
        let entry = self.entry()?;
        entry
            .set(is_on)
            .map_err(|error| failed("change", entry, &error))?;
        tracing::info!(is_on, place = entry.place(), "start at login was set");
        self.status()
    }
}

fn failed(what: &str, entry: &Autostart, error: &io::Error) -> Refusal {
    let place = entry.place();
    Refusal::failed(format!("could not {what} `{place}`: {error}"))
}

#[cfg(all(test, unix))]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn without_a_home_directory_the_reason_is_told() {
        let none = LoginEntry(None);
        for refused in [none.status(), none.set(true)] {
            let error = refused.unwrap_err().to_string();
            assert!(error.contains("no home directory"), "{error}");
        }
    }

    #[test]
    fn a_system_that_refuses_is_told_with_the_place_and_nothing_is_on() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("autostart");
        std::fs::write(&folder, "a file in the way").unwrap();
        let entry = Autostart::new(folder, Path::new("/opt/commonplace"), None);
        let refused = LoginEntry(Some(entry.clone())).set(true);
        let error = refused.unwrap_err().to_string();
        let expected = format!("could not change `{}`: ", entry.place());
        assert!(error.starts_with(&expected), "{error}");
    }

    #[test]
    fn what_was_set_is_told_with_its_place() {
        let home = tempfile::tempdir().unwrap();
        let entry = Autostart::new(home.path().join("a"), Path::new("/opt/commonplace"), None);
        let login = LoginEntry(Some(entry.clone()));
        for is_on in [true, true, false, false] {
            let told = login.set(is_on).unwrap();
            assert_eq!(told.start_at_login, is_on);
            assert_eq!(told.place, entry.place());
            assert_eq!(login.status().unwrap(), told);
        }
    }
}
