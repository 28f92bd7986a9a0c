//! Reads the log of the store's hosts from its end: some lines, of a bounded part of the files.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use commonplace_api::logs::{LogLevel, LogLine, LogPage, LogPlace};
use commonplace_api::query::LogQuery;
use commonplace_engine::clean::clean;
use commonplace_mcp::redact::redact;

use crate::tokens::TokenTexts;

/// Most bytes that one look reads.
const BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Bytes that are read at once, from the end.
const WINDOW_BYTES: u64 = 128 * 1024;
/// Longest text of a line, in bytes; the rest is cut.
const TEXT_BYTES_MAX: usize = 4_000;

/// Reads the newest lines that were asked for. `tokens` are those of the store: they are not logged, and if they were,
/// they would not be shown.
///
/// # Errors
/// The directory or a file could not be read. No directory is an empty log.
pub(crate) fn read(
    dir: &Path,
    query: &LogQuery,
    tokens: Option<&TokenTexts>,
) -> io::Result<LogPage> {
    let mut found = Found {
        query,
        tokens,
        page: LogPage {
            folder: dir.display().to_string(),
            ..LogPage::default()
        },
        bytes_left: BYTES_MAX,
    };
    let before: Option<LogPlace> = query.before.as_deref().and_then(|text| text.parse().ok());
    let days = days(dir)?;
    for (index, day) in days.iter().enumerate() {
        let end = match &before {
            Some(before) if *day > before.day => continue,
            Some(before) if *day == before.day => Some(before.offset),
            _ => None,
        };
        let mut file = File::open(dir.join(file_name(day)))?;
        let length = file.metadata()?.len();
        if let Some(next) = found.read_file(&mut file, end.unwrap_or(length).min(length))? {
            let is_all = next == 0 && index + 1 == days.len();
            let place = LogPlace {
                day: day.clone(),
                offset: next,
            };
            found.page.before = (!is_all).then(|| place.to_string());
            return Ok(found.page);
        }
    }
    Ok(found.page)
}

fn file_name(day: &str) -> String {
    format!("commonplace.{day}.log")
}

/// Returns the days that have a file, the newest first.
fn days(dir: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let day = |entry: fs::DirEntry| {
        let name = entry.file_name();
        let day = name
            .to_str()?
            .strip_prefix("commonplace.")?
            .strip_suffix(".log")?;
        (day.len() == 10).then(|| day.to_owned())
    };
    let mut days: Vec<String> = entries.flatten().filter_map(day).collect();
    days.sort_unstable_by(|a, b| b.cmp(a));
    Ok(days)
}

struct Found<'a> {
    query: &'a LogQuery,
    tokens: Option<&'a TokenTexts>,
    page: LogPage,
    bytes_left: u64,
}

impl Found<'_> {
    /// Reads a file from `end` towards its beginning. Returns where to go on if there is enough, or enough was read.
    fn read_file(&mut self, file: &mut File, mut end: u64) -> io::Result<Option<u64>> {
        let mut below = Vec::new();
        while end > 0 {
            if self.bytes_left == 0 {
                return Ok(Some(end));
            }
            let start = end.saturating_sub(WINDOW_BYTES.min(self.bytes_left));
            self.bytes_left -= end - start;
            let text = window(file, start, end)?;
            // What stands before the first line's end belongs to the window before, unless there is none.
            let whole = if start == 0 {
                0
            } else {
                text.iter()
                    .position(|b| *b == b'\n')
                    .map_or(text.len(), |at| at + 1)
            };
            if let Some(at) = self.take_lines(&text[whole..], start + whole as u64, &mut below) {
                return Ok(Some(at));
            }
            // A line that is longer than the window is given up.
            end = if whole < text.len() {
                start + whole as u64
            } else {
                start
            };
        }
        Ok(None)
    }

    /// Takes the lines of `text`, which begins at `offset`, from the last to the first. `below` are the lines that belong
    /// to the next one with a head. Returns where the last one taken begins if there is enough.
    fn take_lines(&mut self, text: &[u8], offset: u64, below: &mut Vec<String>) -> Option<u64> {
        let mut end = text.len();
        while end > 0 {
            let line_end = end - usize::from(text[end - 1] == b'\n');
            let start = text[..line_end]
                .iter()
                .rposition(|b| *b == b'\n')
                .map_or(0, |at| at + 1);
            let line = String::from_utf8_lossy(&text[start..line_end]);
            match head(&line) {
                Some(mut head) => {
                    for line in below.drain(..).rev() {
                        head.text.push('\n');
                        head.text.push_str(&line);
                    }
                    if self.take(head) {
                        return Some(offset + start as u64);
                    }
                }
                None if !line.is_empty() => below.push(line.into_owned()),
                None => {}
            }
            end = start;
        }
        None
    }

    /// Takes a line if it was asked for. Returns whether there is enough.
    fn take(&mut self, mut line: LogLine) -> bool {
        if self.query.level.is_some_and(|level| line.level > level) {
            return false;
        }
        line.text = self.shown(&line.text);
        let is_wanted = self.query.contains.as_deref().is_none_or(|wanted| {
            let wanted = wanted.to_lowercase();
            let has = |text: &str| text.to_lowercase().contains(&wanted);
            has(&line.text) || has(&line.source)
        });
        if is_wanted {
            self.page.lines.push(line);
        }
        self.page.lines.len() >= self.query.limit.unwrap_or(LogQuery::LIMIT_DEFAULT) as usize
    }

    /// Makes a text fit to be shown: no secrets, no control characters, not too long.
    fn shown(&self, text: &str) -> String {
        let mut text = redact(&clean(text)).text;
        for token in self
            .tokens
            .iter()
            .flat_map(|tokens| [&tokens.agent, &tokens.admin])
            .filter(|token| !token.is_empty())
        {
            text = text.replace(token.as_str(), "[token]");
        }
        if text.len() > TEXT_BYTES_MAX {
            text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
            text.push('…');
        }
        text
    }
}

fn window(file: &mut File, start: u64, end: u64) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.take(end - start).read_to_end(&mut text)?;
    Ok(text)
}

/// Reads a line that begins with a time, a level and a source; None for one that goes on with what stands above it.
fn head(line: &str) -> Option<LogLine> {
    let (at, rest) = line.split_once(' ')?;
    let is_time = at.len() >= 20 && at.as_bytes()[10] == b'T' && at.ends_with('Z');
    let (level, rest) = rest.trim_start().split_once(' ')?;
    let level = match level {
        "ERROR" => LogLevel::Error,
        "WARN" => LogLevel::Warn,
        "INFO" => LogLevel::Info,
        "DEBUG" => LogLevel::Debug,
        "TRACE" => LogLevel::Trace,
        _ => return None,
    };
    let (source, text) = rest.split_once(": ").unwrap_or(("", rest));
    is_time.then(|| LogLine {
        at: clean(at),
        level,
        source: clean(source),
        text: text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: &str = "2026-11-25";

    fn line(second: usize, level: &str, text: &str) -> String {
        format!("{DAY}T04:00:{second:02}.000000Z {level:>5} commonplace::host: {text}\n")
    }

    fn query(limit: u32) -> LogQuery {
        LogQuery {
            limit: Some(limit),
            ..LogQuery::default()
        }
    }

    fn texts(page: &LogPage) -> Vec<&str> {
        page.lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn the_newest_lines_come_first_and_the_rest_page_by_page_over_the_days() {
        let dir = tempfile::tempdir().unwrap();
        let day = |day: &str, lines: &[&str]| {
            let text: String = lines.iter().map(|text| line(0, "INFO", text)).collect();
            fs::write(dir.path().join(file_name(day)), text).unwrap();
        };
        day("2026-11-24", &["a", "b"]);
        day(DAY, &["c", "d", "e"]);
        fs::write(dir.path().join("last-start.log"), "not ours\n").unwrap();
        let mut seen = Vec::new();
        let mut asked = query(2);
        loop {
            let page = read(dir.path(), &asked, None).unwrap();
            assert!(page.lines.len() <= 2);
            seen.extend(page.lines.into_iter().map(|line| line.text));
            let Some(before) = page.before else { break };
            asked.before = Some(before);
        }
        assert_eq!(seen, ["e", "d", "c", "b", "a"]);
        let all = read(dir.path(), &query(5), None).unwrap();
        assert_eq!(
            all.before, None,
            "as many lines as there are, and none behind them"
        );
    }

    #[test]
    fn lines_are_chosen_by_level_and_text_and_one_in_many_lines_stays_whole() {
        let dir = tempfile::tempdir().unwrap();
        let text = [
            line(1, "INFO", "serving url=\"http://x\""),
            line(2, "ERROR", "the worker panicked"),
            "  at src/x.rs\n  and below\n".to_owned(),
            line(3, "DEBUG", "small"),
            line(4, "WARN", "Slow HOLD"),
        ];
        fs::write(dir.path().join(file_name(DAY)), text.concat()).unwrap();
        let level = LogQuery {
            level: Some(LogLevel::Warn),
            ..query(9)
        };
        let page = read(dir.path(), &level, None).unwrap();
        assert_eq!(
            texts(&page),
            [
                "Slow HOLD",
                "the worker panicked\n  at src/x.rs\n  and below"
            ]
        );
        assert_eq!(page.lines[0].source, "commonplace::host");
        assert_eq!(page.lines[0].at, "2026-11-25T04:00:04.000000Z");
        let contains = LogQuery {
            contains: Some("slow hold".to_owned()),
            ..query(9)
        };
        assert_eq!(
            texts(&read(dir.path(), &contains, None).unwrap()),
            ["Slow HOLD"]
        );
        let inside = LogQuery {
            contains: Some("AND BELOW".to_owned()),
            ..query(9)
        };
        assert_eq!(read(dir.path(), &inside, None).unwrap().lines.len(), 1);
    }

    #[test]
    fn secrets_and_control_characters_are_not_shown() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = TokenTexts {
            agent: "agent-agent".to_owned(),
            admin: "admin-admin".to_owned(),
        };
        let key = format!("ghp_{}", "16C7e42F292c6912E7710c838347Ae178B4a");
        let text = line(
            1,
            "INFO",
            &format!("sent agent-agent, admin-admin, {key} \u{1b}[31mred"),
        );
        fs::write(dir.path().join(file_name(DAY)), text).unwrap();
        let page = read(dir.path(), &query(9), Some(&tokens)).unwrap();
        let shown = &page.lines[0].text;
        assert!(
            shown.starts_with("sent [token], [token], ") && shown.ends_with(" red"),
            "{shown}"
        );
        assert!(!shown.contains(&key), "{shown}");
    }

    /// The text of an empty token file stands between any two characters.
    #[test]
    fn an_empty_token_file_leaves_the_log_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(
            dir.path().join(file_name(DAY)),
            line(1, "INFO", "all is well"),
        )
        .unwrap();
        let tokens = TokenTexts {
            agent: String::new(),
            admin: String::new(),
        };
        let page = read(dir.path(), &query(9), Some(&tokens)).unwrap();
        assert_eq!(texts(&page), ["all is well"]);
    }

    #[test]
    fn a_long_log_is_read_in_bounded_looks_and_each_line_once() {
        let dir = tempfile::tempdir().unwrap();
        let count = 80_000;
        let text: String = (0..count)
            .map(|n| line(n % 60, "INFO", &format!("line {n} of many")))
            .collect();
        assert!(text.len() as u64 > BYTES_MAX, "longer than one look");
        let longest = "x".repeat(3 * WINDOW_BYTES as usize);
        fs::write(
            dir.path().join(file_name(DAY)),
            format!("{text}{longest}\n{text}"),
        )
        .unwrap();
        let rare = LogQuery {
            contains: Some("line 7 of".to_owned()),
            ..query(9)
        };
        let first = read(dir.path(), &rare, None).unwrap();
        assert_eq!(first.lines.len(), 0, "it stands further back");
        assert!(first.before.is_some(), "it says where to go on");
        let (mut asked, mut seen, mut looks) = (query(u32::MAX), 0, 0);
        loop {
            let page = read(dir.path(), &asked, None).unwrap();
            (seen, looks) = (seen + page.lines.len(), looks + 1);
            let Some(before) = page.before else { break };
            asked.before = Some(before);
        }
        assert_eq!(seen, 2 * count);
        assert!(looks >= 3, "{looks}");
    }

    #[test]
    fn no_log_is_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        let page = read(&dir.path().join("logs"), &query(9), None).unwrap();
        assert_eq!((page.lines.len(), page.before), (0, None));
    }
}
