//! A login that is made up.

use std::sync::atomic::{AtomicBool, Ordering};

use commonplace_api::Refusal;
use commonplace_api::about::LoginStatus;
use commonplace_http::StartAtLogin;

/// A system that starts the program at login if it was asked to, and refuses to change that any more if it is `locked`.
#[derive(Default)]
pub(crate) struct MadeUpLogin {
    is_on: AtomicBool,
    pub(crate) locked: AtomicBool,
}

impl StartAtLogin for MadeUpLogin {
    fn status(&self) -> Result<LoginStatus, Refusal> {
        Ok(LoginStatus {
            start_at_login: self.is_on.load(Ordering::Relaxed),
            place: "/home/ada/.config/autostart/commonplace.desktop".to_owned(),
        })
    }

    fn set(&self, is_on: bool) -> Result<LoginStatus, Refusal> {
        if self.locked.load(Ordering::Relaxed) {
            return Err(Refusal::failed("permission denied"));
        }
        self.is_on.store(is_on, Ordering::Relaxed);
        self.status()
    }
}
