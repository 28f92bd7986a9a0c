//! Charts that were just drawn: several open pages ask for the same ones within the same seconds.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use commonplace_api::charts::ChartName;

use super::drawing::ChartView;
use super::range::Range;

/// Most answers that are kept: about ten pages of different sizes, some megabytes.
const KEPT_MAX: usize = 64;

/// What an answer was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) name: ChartName,
    /// A range that ends now moves on in strides, so an answer is used for one stride.
    pub(crate) range: Range,
    pub(crate) view: ChartView,
}

/// The last answers.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Answers with what they were made for, the newest at the end.
    answers: Mutex<VecDeque<(Key, Bytes)>>,
}

impl Kept {
    /// Returns the answer for `key`, making it if there is none. One is made at a time: who asks for the same meanwhile
    /// waits for it instead of making it too. So it blocks for some milliseconds. Only what `make` returns with true is
    /// kept.
    pub(crate) fn get(&self, key: Key, make: impl FnOnce() -> (Bytes, bool)) -> Bytes {
        // A panic while one is made leaves the others whole.
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, answer)) = answers.iter().find(|(known, _)| *known == key) {
            return answer.clone();
        }
        let (answer, is_kept) = make();
        if !is_kept {
            return answer;
        }
        if answers.len() == KEPT_MAX {
            answers.pop_front();
        }
        answers.push_back((key, answer.clone()));
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use commonplace_api::query::Theme;

    fn key(n: i64) -> Key {
        Key {
            name: ChartName::Waits,
            range: Range::last(300, n * 2_000),
            view: ChartView {
                width: 640,
                height: 240,
                theme: Theme::Light,
                is_standalone: false,
            },
        }
    }

    #[test]
    fn an_answer_is_made_once_and_the_oldest_is_forgotten() {
        let kept = Kept::default();
        let mut made = 0;
        let mut get = |n| {
            kept.get(key(n), || {
                made += 1;
                (Bytes::from(n.to_string()), true)
            })
        };
        assert_eq!([get(1), get(1), get(2)], ["1", "1", "2"]);
        for n in 3..=KEPT_MAX as i64 + 1 {
            get(n);
        }
        get(2);
        get(1);
        assert_eq!(made, KEPT_MAX + 2, "only the first one was made again");
    }
}
