//! A vector that is known to have the right length and to be a unit vector.

use crate::DIM;

/// How far the squared length of a [`Vector`] may be from 1. Wide enough for vectors that were
/// stored with two decimals, far too narrow for one that was not normalised.
const LENGTH_TOLERANCE: f32 = 1e-2;

/// The meaning of one text: [`DIM`] finite numbers, length 1.
///
/// Vectors of different models must not be compared; the type does not know which model made it.
#[derive(Clone, Debug, PartialEq)]
pub struct Vector(Box<[f32]>);

/// Why numbers or bytes are not a [`Vector`].
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum VectorError {
    /// The number of entries is not [`DIM`].
    #[error("a vector has {DIM} entries, but got {found}; it was made by another model")]
    WrongLength {
        /// Entries that were given.
        found: usize,
    },
    /// The number of bytes is not four times [`DIM`].
    #[error("a stored vector has {} bytes, but got {found}; it is damaged or from another model", DIM * 4)]
    WrongBytes {
        /// Bytes that were given.
        found: usize,
    },
    /// An entry is infinite or not a number.
    #[error("entry {index} of the vector is not a finite number")]
    NotFinite {
        /// The first such entry.
        index: usize,
    },
    /// The length is not 1.
    #[error("the vector has the squared length {squared_length}, not 1")]
    NotUnit {
        /// Sum of the squares of all entries.
        squared_length: f32,
    },
}

impl Vector {
    /// Checks that `entries` is a unit vector of this model and takes it.
    ///
    /// # Errors
    /// [`VectorError`] if it has not [`DIM`] entries, one is not finite, or the length is not 1.
    pub fn from_unit(entries: impl Into<Box<[f32]>>) -> Result<Self, VectorError> {
        let entries = entries.into();
        if entries.len() != DIM {
            return Err(VectorError::WrongLength {
                found: entries.len(),
            });
        }
        if let Some(index) = entries.iter().position(|entry| !entry.is_finite()) {
            return Err(VectorError::NotFinite { index });
        }
        let squared_length = dot(&entries, &entries);
        if (squared_length - 1.0).abs() > LENGTH_TOLERANCE {
            return Err(VectorError::NotUnit { squared_length });
        }
        Ok(Self(entries))
    }

    /// The [`DIM`] entries.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }

    /// Computes the cosine of the angle between two vectors: 1 same meaning, about 0 unrelated.
    #[must_use]
    pub fn dot(&self, other: &Self) -> f32 {
        dot(&self.0, &other.0)
    }

    /// Writes the entries as 4 bytes each, little-endian: the form in which vectors are stored.
    #[must_use]
    pub fn to_le_bytes(&self) -> Vec<u8> {
        self.0
            .iter()
            .flat_map(|entry| entry.to_le_bytes())
            .collect()
    }

    /// Reads what [`Vector::to_le_bytes`] wrote.
    ///
    /// # Errors
    /// [`VectorError::WrongBytes`], or as [`Vector::from_unit`].
    pub fn from_le_bytes(bytes: &[u8]) -> Result<Self, VectorError> {
        let (entries, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() || entries.len() != DIM {
            return Err(VectorError::WrongBytes { found: bytes.len() });
        }
        Self::from_unit(
            entries
                .iter()
                .map(|four| f32::from_le_bytes(*four))
                .collect::<Box<[f32]>>(),
        )
    }
}

/// Eight sums side by side, which the compiler turns into vector instructions.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum()
}

const _: () = assert!(DIM.is_multiple_of(8), "dot() reads eight entries at a time");

/// The meaning of a text, and how much of the text it stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedded {
    /// Unit vector of [`DIM`](crate::DIM) entries.
    pub vector: Vector,
    /// Tokens that the model read, at least 2 (start and end) and at most
    /// [`TOKENS_MAX`](crate::TOKENS_MAX).
    pub tokens: usize,
    /// True if the end of the text did not fit and has no part in the vector.
    pub was_cut: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(index: usize) -> Vec<f32> {
        let mut entries = vec![0.0; DIM];
        entries[index] = 1.0;
        entries
    }

    #[test]
    fn bytes_and_back_give_the_same_vector() {
        let mut entries = vec![0.0; DIM];
        entries[0] = 0.6;
        entries[383] = -0.8;
        let vector = Vector::from_unit(entries).unwrap();
        assert_eq!(vector.to_le_bytes().len(), 4 * DIM);
        assert_eq!(
            Vector::from_le_bytes(&vector.to_le_bytes()).unwrap(),
            vector
        );
    }

    #[test]
    fn dot_is_one_for_itself_and_zero_across_axes() {
        let (a, b) = (
            Vector::from_unit(axis(0)).unwrap(),
            Vector::from_unit(axis(383)).unwrap(),
        );
        assert_eq!(a.dot(&a), 1.0);
        assert_eq!(b.dot(&b), 1.0, "the last entry counts too");
        assert_eq!(a.dot(&b), 0.0);
    }

    #[test]
    fn what_is_not_a_unit_vector_is_refused() {
        assert_eq!(
            Vector::from_unit(vec![1.0]),
            Err(VectorError::WrongLength { found: 1 })
        );
        let mut entries = axis(0);
        entries[7] = f32::NAN;
        assert_eq!(
            Vector::from_unit(entries),
            Err(VectorError::NotFinite { index: 7 })
        );
        assert_eq!(
            Vector::from_unit(vec![0.0; DIM]),
            Err(VectorError::NotUnit {
                squared_length: 0.0
            })
        );
    }

    #[test]
    fn bytes_of_another_length_are_refused() {
        assert_eq!(
            Vector::from_le_bytes(&[0; 1535]),
            Err(VectorError::WrongBytes { found: 1535 })
        );
        assert_eq!(
            Vector::from_le_bytes(&[]),
            Err(VectorError::WrongBytes { found: 0 })
        );
    }
}
