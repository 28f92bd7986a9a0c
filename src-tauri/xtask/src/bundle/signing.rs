//! Signatures for updates: what is laid over the configuration when both halves of the key are there.
//!
//! The private half is a secret of whoever releases and comes by the environment. The public half is part of the source,
//! so that it changes by a reviewed commit only: a program checks updates with the key it was built with.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::machine::Machine;
use crate::report;

/// The public half, as `tauri signer generate` writes it. Not there until somebody releases.
const PUBLIC_KEY: &str = "src-tauri/app/bundle/update.pub";

/// The halves of the key do not fit.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SigningError {
    /// Signatures that nobody could check.
    #[error(
        "TAURI_SIGNING_PRIVATE_KEY is set and `{}` is not there; put the public half of the key into it and commit it, or \
         unset the variable to make packages without signatures: {source}", .path.display()
    )]
    NoPublicKey {
        path: PathBuf,
        source: std::io::Error,
    },
}

/// Returns what makes the Tauri CLI sign; None to make packages without signatures.
///
/// # Errors
/// `NoPublicKey` if there is a private half only.
pub(crate) fn config(machine: &Machine, root: &Path) -> Result<Option<String>, SigningError> {
    if !machine.has_update_key {
        report::note("TAURI_SIGNING_PRIVATE_KEY is not set: without signatures for updates");
        return Ok(None);
    }
    let path = root.join(PUBLIC_KEY);
    match fs::read_to_string(&path) {
        Ok(key) => Ok(Some(overlay(&key))),
        Err(source) => Err(SigningError::NoPublicKey { path, source }),
    }
}

fn overlay(public_key: &str) -> String {
    let config = json!({
        "bundle": { "createUpdaterArtifacts": true },
        "plugins": { "updater": { "pubkey": public_key.trim() } },
    });
    config.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_half_goes_into_the_configuration_without_its_line_end() {
        let overlay: serde_json::Value = serde_json::from_str(&overlay("abc=\n")).unwrap();
        assert_eq!(overlay["plugins"]["updater"]["pubkey"], "abc=");
        assert_eq!(overlay["bundle"]["createUpdaterArtifacts"], true);
    }
}
