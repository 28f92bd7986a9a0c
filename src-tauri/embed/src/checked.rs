//! A file of the model whose contents are known to be right.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::LoadError;

/// A configuration beyond this size is not one.
const SMALL_FILE_BYTES_MAX: u64 = 1 << 20;

/// An open model file whose size was found right.
#[derive(Debug)]
pub(crate) struct CheckedFile {
    pub(crate) file: File,
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
}

impl CheckedFile {
    /// Reads a small file whole.
    pub(crate) fn read_all(&self) -> Result<Vec<u8>, LoadError> {
        read_small(&self.path, self.bytes, &self.file)
    }

    pub(crate) fn compare_size(&self, expected: u64) -> Result<(), LoadError> {
        compare_size(&self.path, self.bytes, expected)
    }

    /// Reads the file once (91 MB: 0.1 to 0.2 s) through an own handle, so that the position of
    /// `self.file` stays at the start.
    pub(crate) fn compare_sum(&self, expected: &str) -> Result<(), LoadError> {
        let file = File::open(&self.path).map_err(|error| LoadError::from_io(&self.path, error))?;
        compare_sum(&self.path, file, expected)
    }
}

/// Reads what must be small; `bytes` says how much it is.
pub(crate) fn read_small(
    path: &Path,
    bytes: u64,
    content: impl Read,
) -> Result<Vec<u8>, LoadError> {
    if bytes > SMALL_FILE_BYTES_MAX {
        return Err(LoadError::damaged(
            path,
            format!("it has {bytes} bytes, far too many"),
        ));
    }
    let mut all = Vec::new();
    content
        .take(SMALL_FILE_BYTES_MAX)
        .read_to_end(&mut all)
        .map_err(|error| LoadError::from_io(path, error))?;
    Ok(all)
}

pub(crate) fn compare_size(path: &Path, bytes: u64, expected: u64) -> Result<(), LoadError> {
    if bytes == expected {
        return Ok(());
    }
    let hint = if bytes < expected {
        ", perhaps half downloaded"
    } else {
        ""
    };
    Err(LoadError::damaged(
        path,
        format!("it has {bytes} bytes instead of {expected}{hint}"),
    ))
}

/// Reads all of `content`.
pub(crate) fn compare_sum(
    path: &Path,
    content: impl Read,
    expected: &str,
) -> Result<(), LoadError> {
    let found = sum(content).map_err(|error| LoadError::from_io(path, error))?;
    if found == expected {
        return Ok(());
    }
    Err(LoadError::damaged(
        path,
        format!("its SHA-256 sum is {found} instead of {expected}"),
    ))
}

fn sum(mut content: impl Read) -> io::Result<String> {
    let (mut sum, mut block) = (Sha256::new(), vec![0; 1 << 18]);
    loop {
        match content.read(&mut block)? {
            0 => return Ok(hex::encode(sum.finalize())),
            bytes => sum.update(&block[..bytes]),
        }
    }
}
