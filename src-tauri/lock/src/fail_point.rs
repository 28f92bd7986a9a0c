//! Named points at which a test may kill, freeze or sabotage the program.
//!
//! Without the feature `failpoints`, which no released program has, a point is nothing at all.

/// What a test wants at a point; true leaves the step out.
#[cfg(feature = "failpoints")]
type Hook = Box<dyn Fn(&str) -> bool + Send + Sync>;

#[cfg(feature = "failpoints")]
static HOOK: std::sync::OnceLock<Hook> = std::sync::OnceLock::new();

/// Marks a step by name; true means that a test wants it left out.
///
/// Always false, and no code, without the feature `failpoints`.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
#[must_use]
pub fn is_left_out(_point: &'static str) -> bool {
    false
}

/// Marks a step by name; true means that a test wants it left out. The hook may also end or stop the process here.
#[cfg(feature = "failpoints")]
#[must_use]
pub fn is_left_out(point: &'static str) -> bool {
    HOOK.get().is_some_and(|hook| hook(point))
}

/// Marks a moment by name, at which a test may end or stop the process.
#[inline(always)]
pub fn reached(point: &'static str) {
    // A moment has nothing to leave out.
    let _ = is_left_out(point);
}

/// Sets what happens at every point of this process; the first call counts. One for each process, because what is
/// tested is the death of the whole process.
#[cfg(feature = "failpoints")]
pub fn set_hook(hook: impl Fn(&str) -> bool + Send + Sync + 'static) {
    // A second hook is a mistake of the test; the first stays.
    drop(HOOK.set(Box::new(hook)));
}
