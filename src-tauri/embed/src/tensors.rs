//! Reading single tensors out of a safetensors file without holding the file in memory.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use crate::checked::CheckedFile;
use crate::error::LoadError;

/// The file begins with the length of its header in this many bytes.
const PREFIX_BYTES: u64 = 8;

/// The header of this model has 11 kB; a larger one than this is not read.
const HEADER_BYTES_MAX: u64 = 1 << 20;

/// Read at a time while bytes are turned into numbers. Small, since it comes on top of the weights.
const BLOCK_BYTES: usize = 1 << 18;

/// A safetensors file whose header was read and found consistent with the file's size.
pub(crate) struct Tensors {
    file: File,
    path: PathBuf,
    metadata: Metadata,
    data_start: u64,
}

impl Tensors {
    pub(crate) fn open(checked: CheckedFile) -> Result<Self, LoadError> {
        let CheckedFile {
            mut file,
            path,
            bytes,
        } = checked;
        let header = read_header(&mut file, &path)?;
        let metadata: Metadata = serde_json::from_slice(&header).map_err(|error| {
            LoadError::damaged(&path, format!("its header does not fit: {error}"))
        })?;
        let data_start = PREFIX_BYTES + header.len() as u64;
        if data_start + metadata.data_len() as u64 != bytes {
            return Err(LoadError::damaged(
                &path,
                "its header describes a file of another size",
            ));
        }
        Ok(Self {
            file,
            path,
            metadata,
            data_start,
        })
    }

    /// Reads the tensor `name`, which must hold 32-bit numbers in exactly this shape.
    pub(crate) fn read(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, LoadError> {
        self.read_rows(name, shape, shape[0])
    }

    /// Reads the first `rows` rows of the tensor `name`.
    pub(crate) fn read_rows(
        &mut self,
        name: &str,
        shape: &[usize],
        rows: usize,
    ) -> Result<Vec<f32>, LoadError> {
        let start = self.data_start + self.find(name, shape)?.data_offsets.0 as u64;
        let count = shape.iter().product::<usize>() / shape[0] * rows.min(shape[0]);
        self.numbers_at(start, count)
            .map_err(|error| LoadError::from_io(&self.path, error))
    }

    fn find(&self, name: &str, shape: &[usize]) -> Result<&TensorInfo, LoadError> {
        let Some(info) = self.metadata.info(name) else {
            return Err(LoadError::damaged(
                &self.path,
                format!("it has no tensor `{name}`"),
            ));
        };
        if info.shape != shape || info.dtype != Dtype::F32 {
            let found = format!("{:?} {:?}", info.dtype, info.shape);
            return Err(LoadError::damaged(
                &self.path,
                format!("tensor `{name}` is {found} instead of F32 {shape:?}"),
            ));
        }
        Ok(info)
    }

    fn numbers_at(&mut self, start: u64, count: usize) -> std::io::Result<Vec<f32>> {
        self.file.seek(SeekFrom::Start(start))?;
        let mut numbers = Vec::with_capacity(count);
        let mut block = vec![0; BLOCK_BYTES.min(count * 4)];
        while numbers.len() < count {
            let bytes = block.len().min((count - numbers.len()) * 4);
            self.file.read_exact(&mut block[..bytes])?;
            numbers.extend(
                block[..bytes]
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|four| f32::from_le_bytes(*four)),
            );
        }
        Ok(numbers)
    }
}

fn read_header(file: &mut File, path: &Path) -> Result<Vec<u8>, LoadError> {
    let io_error = |error| LoadError::from_io(path, error);
    let mut reader = BufReader::new(file);
    let mut prefix = [0; PREFIX_BYTES as usize];
    reader.read_exact(&mut prefix).map_err(io_error)?;
    let bytes = u64::from_le_bytes(prefix);
    if bytes > HEADER_BYTES_MAX {
        return Err(LoadError::damaged(
            path,
            format!("its header claims {bytes} bytes"),
        ));
    }
    let mut header = vec![0; bytes as usize];
    reader.read_exact(&mut header).map_err(io_error)?;
    Ok(header)
}
