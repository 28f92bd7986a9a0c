//! Colours. The same thing has the same colour in every chart.

use commonplace_api::query::Theme;
use plotters::style::RGBColor;
use serde::Serialize;

/// What a colour stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    QueueLongest,
    QueueMost,
    QueueHalf,
    LockLongest,
    LockMost,
    LockHalf,
    HoldLongest,
    HoldMost,
    HoldHalf,
    Writes,
    Searches,
    Commits,
    Limit,
    Failure,
    Slow,
    /// Texts of axes and legends.
    Ink,
    /// Titles.
    StrongInk,
    Grid,
    /// What the chart stands on, if it is drawn.
    Surface,
}

impl Role {
    /// Its name, as the page finds its colour by.
    pub(crate) fn key(self) -> String {
        let name = serde_json::to_value(self).unwrap_or_default();
        name.as_str().unwrap_or_default().to_owned()
    }

    /// Its colour. Those of one family differ in lightness, for eyes that see few colours.
    pub(crate) fn color(self, theme: Theme) -> RGBColor {
        let [light, dark] = self.rgb();
        let [_, red, green, blue] = match theme {
            Theme::Light => light,
            Theme::Dark => dark,
        }
        .to_be_bytes();
        RGBColor(red, green, blue)
    }

    fn rgb(self) -> [u32; 2] {
        match self {
            Self::QueueLongest => [0x6a94ec, 0x4a74cc],
            Self::QueueMost => [0x2c5fd6, 0x6f9bff],
            Self::QueueHalf => [0x142f78, 0xcfdcff],
            Self::LockLongest => [0xd99a3a, 0xa8741f],
            Self::LockMost => [0xb86200, 0xf2a73b],
            Self::LockHalf => [0x693800, 0xffe2b4],
            Self::HoldLongest => [0x45a68e, 0x2f8a74],
            Self::HoldMost => [0x128066, 0x41c3a3],
            Self::HoldHalf => [0x07463a, 0xc4f2e5],
            Self::Writes => [0x7a4fd0, 0xb094f7],
            Self::Searches => [0x1583a0, 0x4fc3dc],
            Self::Commits => [0x8a2f6b, 0xf08cc5],
            Self::Limit | Self::Failure => [0xc02b33, 0xff7b81],
            Self::Slow => [0xd07c06, 0xf2a73b],
            Self::Ink => [0x5a6270, 0x9aa3b2],
            Self::StrongInk => [0x1b1f27, 0xe8eaef],
            Self::Grid => [0xe6e8ec, 0x2a2f39],
            Self::Surface => [0xffffff, 0x151920],
        }
    }

    /// Its colour as it is written in a style sheet.
    pub(crate) fn css(self, theme: Theme) -> String {
        let RGBColor(red, green, blue) = self.color(theme);
        format!("#{red:02x}{green:02x}{blue:02x}")
    }
}
