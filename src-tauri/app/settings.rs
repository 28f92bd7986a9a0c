//! Settings: built-in defaults, then the settings file, then environment and flags; later wins. What there is to set is the
//! table of the api layer; here is where the values come from, and the file that keeps them.

mod broken;
mod changes;
mod edit;
mod file;
mod live;
mod reading;
mod rows;
mod set_aside;

pub(crate) use commonplace_api::settings::{Settings, template};

pub(crate) use self::file::SettingsFile;
pub(crate) use self::live::LiveSettings;
pub(crate) use self::reading::Reading;
pub(crate) use self::rows::Fixed;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use commonplace_api::settings::{SETTINGS, WorkerCount};

    use super::*;

    fn read(text: &str) -> Reading {
        Reading::of(text, &Settings::default())
    }

    /// What a good text says.
    fn parse(text: &str) -> Settings {
        let reading = read(text);
        assert_eq!(reading.problems, []);
        reading.settings
    }

    #[test]
    fn the_template_changes_nothing_and_names_every_key() {
        let template = template();
        assert_eq!(parse(&template), Settings::default());
        let is_key = |line: &&str| {
            line.split_once(" = ")
                .is_some_and(|(key, _)| !key.contains(' '))
        };
        let lines = template
            .lines()
            .filter_map(|line| line.strip_prefix("# "))
            .filter(is_key);
        let uncommented = lines.collect::<Vec<_>>().join("\n");
        let table: toml::Table = uncommented.parse().unwrap();
        assert_eq!(
            table
                .keys()
                .map(String::as_str)
                .collect::<std::collections::BTreeSet<_>>(),
            SETTINGS.iter().map(|setting| setting.key).collect()
        );
    }

    #[test]
    fn the_file_wins_over_the_defaults() {
        let settings = parse("port = 1\nworkers = \"auto\"\nwrite_deadline_s = 5");
        assert_eq!(
            (settings.port, settings.limits.workers),
            (1, WorkerCount::Auto)
        );
        assert_eq!(settings.limits.write_deadline, Duration::from_secs(5));
        let settings = parse("slow_hold_ms = 20\nslow_wait_ms = 30");
        assert_eq!(settings.limits.slow_hold, Duration::from_millis(20));
        assert_eq!(settings.limits.slow_wait, Duration::from_millis(30));
    }

    /// What is in force is inside its range, whatever the text is; one key can be set and taken out.
    fn check_any_text(text: &str) {
        edit::check_any_text(text);
        read(text).settings.limits.check().expect(text);
    }

    #[test]
    fn no_noise_in_the_settings_is_fatal() {
        const ALL: &str = "port = 7311\nlog = \"info\"\nmodel_dir = \"/m\"\nwrite_deadline_s = 30\n\
            queue_length = 1000\nworkers = \"auto\"\nredact_secrets = true\n";
        const NOISE: &[&str] = &[
            "=",
            "\"",
            "[",
            "]",
            "{",
            "}",
            "#",
            ".",
            "-",
            "'",
            "\n",
            "999999999999",
            "\u{e9}",
            "workers = 33\n",
            "port",
            "1e9",
            "true",
            "\\",
            "\0",
        ];
        let mut state = 1_u64;
        // A linear congruential generator is enough to choose places.
        let mut below = |end: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % end
        };
        for _ in 0..3_000 {
            let mut letters: Vec<String> = ALL.chars().map(String::from).collect();
            for _ in 0..=below(4) {
                let at = below(letters.len());
                match below(3) {
                    0 => drop(letters.remove(at)),
                    1 => letters.insert(at, NOISE[below(NOISE.len())].to_owned()),
                    _ => letters[at] = NOISE[below(NOISE.len())].to_owned(),
                }
            }
            check_any_text(&letters.concat());
        }
    }
}
