//! Reads any bytes as a holder's block.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| commonplace_lock::fuzzing::holder_block(bytes));
