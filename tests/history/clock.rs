//! Clocks that show another day, where libfaketime is installed.

use std::path::PathBuf;

use commonplace_testing::Chance;

/// Days by which a clock is wrong.
const DAYS: [i64; 6] = [-400, -30, -1, 1, 30, 400];

/// Where systems keep the library.
const PLACES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
];

fn library() -> Option<PathBuf> {
    PLACES.iter().map(PathBuf::from).find(|path| path.is_file())
}

/// Says whether a process can be given another clock here.
pub(crate) fn can_be_faked() -> bool {
    library().is_some()
}

/// Returns the variables of a process whose clock is wrong by days; none where that is not possible.
pub(crate) fn fake(chance: &mut Chance) -> Vec<(String, String)> {
    let Some(library) = library() else {
        return Vec::new();
    };
    let days = chance.one(&DAYS).expect("there are days");
    let variables = [
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME", format!("{days:+}d")),
        // Waits are measured with the clock that only runs forward.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        // A killed process would leave its shared memory behind.
        ("FAKETIME_DISABLE_SHM", "1".to_owned()),
    ];
    variables
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
}
