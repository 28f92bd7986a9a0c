//! Random numbers from the operating system.

/// Returns 32 random bytes.
pub(crate) fn random_bytes() -> [u8; 32] {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).expect("the system has a random source");
    bytes
}

/// Returns 32 random bytes in hexadecimal digits.
pub(crate) fn random_hex() -> String {
    hex::encode(random_bytes())
}
