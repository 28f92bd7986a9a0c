//! Entries of a tar, as it is or compressed by gzip.

use std::fs::File;
use std::io::{self, BufReader, Read};

use flate2::read::MultiGzDecoder;
use tar::{EntryType, PaxExtensions};

use super::{Entry, IsWanted, Visit};
use crate::words;

/// How much of a file says whether it is a tar.
pub(super) const HEADER_BYTES: u64 = 512;
/// Most bytes that are unpacked on the way through an archive. One of everything that Hugging Face has of the model has about
/// 1 GB; a small file can be made that unpacks to any number.
const UNPACKED_BYTES_MAX: u64 = 8 << 30;
/// Most bytes of what gives an entry a longer name than its header has room for.
const EXTENSION_BYTES_MAX: u64 = 64 * 1024;

/// Says whether a file that begins like this is a tar.
pub(super) fn begins(start: &[u8]) -> bool {
    start.get(257..262) == Some(b"ustar")
}

/// Says whether a file that begins like this is compressed by gzip.
pub(super) fn begins_compressed(start: &[u8]) -> bool {
    start.starts_with(&[0x1f, 0x8b])
}

/// Says whether there is a tar in a file that is compressed by gzip.
pub(super) fn is_in(file: File) -> io::Result<bool> {
    let mut start = Vec::new();
    let mut from = decompressed(file).take(HEADER_BYTES);
    from.read_to_end(&mut start)?;
    Ok(begins(&start))
}

/// Reads what gzip compressed.
pub(super) fn decompressed(file: File) -> impl Read {
    Bounded {
        from: MultiGzDecoder::new(BufReader::new(file)),
        left: UNPACKED_BYTES_MAX,
    }
}

/// Visits the wanted entries in their order, until `visit` stops.
pub(super) fn each(
    from: impl Read,
    is_wanted: &IsWanted<'_>,
    visit: &mut Visit<'_>,
) -> io::Result<()> {
    let mut archive = tar::Archive::new(from);
    let mut long_name = None;
    // Raw: else the library reads what extends a name into memory, however long it is.
    for (place, entry) in archive.entries()?.raw(true).enumerate() {
        let mut entry = entry?;
        match entry.header().entry_type() {
            EntryType::GNULongName => long_name = Some(gnu_name(&mut entry)?),
            EntryType::XHeader => long_name = pax_name(&mut entry)?.or(long_name),
            EntryType::XGlobalHeader | EntryType::GNULongLink => {}
            kind => {
                let name = long_name
                    .take()
                    .unwrap_or_else(|| text(&entry.path_bytes()));
                if !kind.is_file() || !is_wanted(place, &name) {
                    continue;
                }
                let visited = visit(Entry {
                    place,
                    name: &name,
                    bytes: entry.size(),
                    content: Ok(&mut entry),
                });
                if visited.is_break() {
                    break;
                }
            }
        }
    }
    Ok(())
}

fn gnu_name(entry: &mut impl Read) -> io::Result<String> {
    let name = extension(entry)?;
    Ok(text(&name).trim_end_matches('\0').to_owned())
}

fn pax_name(entry: &mut impl Read) -> io::Result<Option<String>> {
    let content = extension(entry)?;
    let mut pairs = PaxExtensions::new(&content).flatten();
    let path = pairs.find(|pair| pair.key_bytes() == b"path");
    Ok(path.map(|pair| text(pair.value_bytes())))
}

fn extension(entry: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    entry.take(EXTENSION_BYTES_MAX).read_to_end(&mut content)?;
    Ok(content)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Fails beyond a limit, where `Take` would look like the end.
struct Bounded<R> {
    from: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(block)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            let limit = words::bytes(UNPACKED_BYTES_MAX);
            io::Error::other(format!("it unpacks to more than {limit}"))
        })?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_unpacks_to_more_than_the_limit_is_an_error_and_not_an_end() {
        let read = |left| {
            let from = io::repeat(0).take(6);
            let mut all = Vec::new();
            Bounded { from, left }.read_to_end(&mut all)
        };
        assert_eq!(read(6).unwrap(), 6);
        let error = read(5).unwrap_err().to_string();
        assert!(error.contains("unpacks to more than"), "{error}");
    }
}
