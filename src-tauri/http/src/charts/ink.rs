//! Strokes and texts on the canvas, in CSS pixels.

use commonplace_api::query::Theme;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::palette::Role;

/// Plotters counts in whole pixels. Drawing on a canvas four times as large keeps lines smooth.
pub(crate) const SCALE: u32 = 4;
/// Width of a character in CSS pixels, near enough to place legends and to cut names.
pub(crate) const CHAR_WIDTH: f64 = 6.7;
/// Same fonts as the page.
const FONTS: &str =
    "system-ui, -apple-system, Segoe UI, Roboto, Noto Sans, Liberation Sans, sans-serif";
/// Font size in CSS pixels.
const TEXT_SIZE: f64 = 12.0;
/// Plotters divides font sizes by this.
const PLOTTERS_FONT_FACTOR: f64 = 1.24;

pub(crate) type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// A canvas in the colours of one theme. Lengths and places are CSS pixels, from the left and the top.
pub(crate) struct Ink<'a, 'b> {
    pub(crate) canvas: &'a DrawingArea<SVGBackend<'b>, Shift>,
    pub(crate) theme: Theme,
}

impl Ink<'_, '_> {
    /// Draws a line through some places.
    pub(crate) fn line(&self, places: &[(f64, f64)], role: Role, width: f64) -> Drawn {
        let places: Vec<_> = places.iter().map(|place| pixel(*place)).collect();
        let style = role.color(self.theme).stroke_width(stroke(width));
        self.canvas.draw(&PathElement::new(places, style))
    }

    /// Draws a horizontal hairline that fills whole pixels.
    pub(crate) fn hairline(&self, (left, right): (f64, f64), y: f64, role: Role) -> Drawn {
        let y = y.round() + 0.5;
        self.line(&[(left, y), (right, y)], role, 1.0)
    }

    /// Draws a line of dashes from left to right.
    pub(crate) fn dashes(&self, (left, right): (f64, f64), y: f64, role: Role) -> Drawn {
        let mut x = left;
        while x < right {
            self.line(&[(x, y), ((x + 6.0).min(right), y)], role, 1.5)?;
            x += 10.0;
        }
        Ok(())
    }

    /// Fills what is inside some corners, `share` of it covering what is below.
    pub(crate) fn fill(&self, corners: &[(f64, f64)], role: Role, share: f64) -> Drawn {
        let corners: Vec<_> = corners.iter().map(|corner| pixel(*corner)).collect();
        let style = role.color(self.theme).mix(share).filled();
        self.canvas.draw(&Polygon::new(corners, style))
    }

    pub(crate) fn dot(&self, place: (f64, f64), radius: f64, role: Role) -> Drawn {
        let style = role.color(self.theme).filled();
        self.canvas
            .draw(&Circle::new(pixel(place), length(radius), style))
    }

    /// Writes a text whose middle line is at the height of `place`. Markup in it stays text.
    pub(crate) fn text(&self, text: &str, place: (f64, f64), align: HPos, role: Role) -> Drawn {
        let size = TEXT_SIZE * f64::from(SCALE) * PLOTTERS_FONT_FACTOR;
        let style = TextStyle {
            font: (FONTS, size).into_font(),
            color: role.color(self.theme).to_backend_color(),
            pos: Pos::new(align, VPos::Center),
        };
        self.canvas
            .draw(&Text::new(text.to_owned(), pixel(place), style))
    }
}

/// Cuts a text to a width in CSS pixels.
pub(crate) fn cut(text: &str, width: f64) -> String {
    let letters_max = (width / CHAR_WIDTH) as usize;
    if text.chars().count() <= letters_max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(letters_max.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Width of a text in CSS pixels, nearly.
pub(crate) fn text_width(text: &str) -> f64 {
    text.chars().count() as f64 * CHAR_WIDTH
}

fn pixel((x, y): (f64, f64)) -> (i32, i32) {
    (length(x), length(y))
}

fn length(css: f64) -> i32 {
    (css * f64::from(SCALE)).round() as i32
}

fn stroke(css: f64) -> u32 {
    (css * f64::from(SCALE)).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_between_characters() {
        assert_eq!(cut("claude-code", 100.0), "claude-code");
        assert_eq!(cut("ääääää", 4.0 * CHAR_WIDTH), "äää…");
        assert_eq!(cut("abc", 0.0), "…");
    }
}
