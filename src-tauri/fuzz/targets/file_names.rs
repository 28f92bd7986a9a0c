//! Reads any bytes as the name of a file in the lock directory.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| commonplace_lock::fuzzing::file_names(bytes));
