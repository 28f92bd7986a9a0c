//! Reads any bytes as the record of an instance, of a waiter, of a holder.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| commonplace_lock::fuzzing::records(bytes));
