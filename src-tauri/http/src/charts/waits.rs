//! The chart of waits: how long writes waited in the queue and for the write lock.

use commonplace_engine::Sample;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axes::{WaitAxis, span_words, time_label, time_ticks};
use super::series::{Bucket, buckets};
use super::{ChartView, Theme};

/// Plotters counts in whole pixels. Drawing on a canvas four times as large keeps lines smooth.
const SCALE: u32 = 4;
/// Same fonts as the page.
const FONTS: &str =
    "system-ui, -apple-system, Segoe UI, Roboto, Noto Sans, Liberation Sans, sans-serif";
/// Font size in CSS pixels.
const TEXT_SIZE: f64 = 12.0;
/// Plotters divides font sizes by this.
const PLOTTERS_FONT_FACTOR: f64 = 1.24;
/// Width of a character in CSS pixels, near enough to place legends.
const CHAR_WIDTH: f64 = 6.3;
/// Height of a row of the legend in CSS pixels.
const LEGEND_ROW: f64 = 20.0;
/// Room for labels left of the plot, below it, and right of it, in CSS pixels.
const LABELS_LEFT: i32 = 58;
const LABELS_BELOW: i32 = 26;
const MARGIN_RIGHT: i32 = 22;
/// Most points of a line for each CSS pixel of width.
const POINTS_PER_PIXEL: f64 = 0.4;

type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Plane = Cartesian2d<RangedCoordf64, RangedCoordf64>;
type Plot<'a> = DrawingArea<SVGBackend<'a>, Plane>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Plane>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// The colours of one theme. Those of the lines differ in lightness too, for eyes that see few colours.
struct Palette {
    ink: RGBColor,
    strong_ink: RGBColor,
    grid: RGBColor,
    queue_max: RGBColor,
    queue_average: RGBColor,
    lock_max: RGBColor,
}

impl Palette {
    fn of(theme: Theme) -> Self {
        match theme {
            Theme::Light => Self {
                ink: RGBColor(0x5f, 0x66, 0x73),
                strong_ink: RGBColor(0x1b, 0x1f, 0x27),
                grid: RGBColor(0xe6, 0xe8, 0xec),
                queue_max: RGBColor(0x3b, 0x6f, 0xe0),
                queue_average: RGBColor(0x1f, 0x3f, 0x8f),
                lock_max: RGBColor(0xd9, 0x7a, 0x0b),
            },
            Theme::Dark => Self {
                ink: RGBColor(0x98, 0xa1, 0xb0),
                strong_ink: RGBColor(0xe8, 0xea, 0xef),
                grid: RGBColor(0x2a, 0x2f, 0x39),
                queue_max: RGBColor(0x5b, 0x8c, 0xf5),
                queue_average: RGBColor(0xb7, 0xcd, 0xff),
                lock_max: RGBColor(0xf2, 0xa7, 0x3b),
            },
        }
    }
}

/// One line of the chart.
struct Line {
    name: &'static str,
    color: RGBColor,
    value: fn(&Bucket) -> f64,
}

fn lines(palette: &Palette) -> [Line; 3] {
    [
        Line {
            name: "Queue wait, longest",
            color: palette.queue_max,
            value: |bucket| bucket.queue_max_ms,
        },
        Line {
            name: "Queue wait, average",
            color: palette.queue_average,
            value: |bucket| bucket.queue_average_ms,
        },
        Line {
            name: "Lock wait, longest",
            color: palette.lock_max,
            value: |bucket| bucket.lock_max_ms,
        },
    ]
}

/// Draws the waits of the last `view.seconds` seconds as an SVG document with a transparent background.
///
/// Where nothing was written it says so instead. The same samples give the same text, byte by byte.
pub(crate) fn draw_waits(samples: &[Sample], view: &ChartView) -> String {
    let points_max = (f64::from(view.width) * POINTS_PER_PIXEL) as u32;
    let buckets = buckets(samples, view.seconds, points_max);
    let mut svg = String::new();
    {
        let backend = SVGBackend::with_string(&mut svg, (view.width * SCALE, view.height * SCALE));
        let canvas = backend.into_drawing_area();
        let drawn = if has_waits(samples) {
            draw_lines(&canvas, &buckets, view)
        } else {
            draw_nothing(&canvas, view)
        };
        drawn
            .and_then(|()| canvas.present())
            .expect("drawing into a String cannot fail");
    }
    at_css_size(&svg, view)
}

fn has_waits(samples: &[Sample]) -> bool {
    let has = |sample: &Sample| {
        sample.writes > 0 || sample.queue_wait_max_ms > 0.0 || sample.lock_wait_max_ms > 0.0
    };
    samples.iter().any(has)
}

/// Gives the document its size in CSS pixels; the view box keeps the larger canvas.
fn at_css_size(svg: &str, view: &ChartView) -> String {
    let (width, height) = (view.width * SCALE, view.height * SCALE);
    let large = format!("width=\"{width}\" height=\"{height}\"");
    let small = format!("width=\"{}\" height=\"{}\"", view.width, view.height);
    svg.replacen(&large, &small, 1)
}

fn draw_lines(canvas: &Canvas<'_>, buckets: &[Bucket], view: &ChartView) -> Drawn {
    let palette = Palette::of(view.theme);
    let lines = lines(&palette);
    let largest = buckets
        .iter()
        .flat_map(|bucket| lines.iter().map(|line| (line.value)(bucket)));
    let axis = WaitAxis::holding(largest.fold(0.0, f64::max));
    draw_legend(canvas, &lines, &palette, view)?;
    let mut chart = ChartBuilder::on(canvas)
        .margin_top(length(legend_height(&lines, view.width)))
        .margin_right(px(MARGIN_RIGHT))
        .x_label_area_size(px(LABELS_BELOW))
        .y_label_area_size(px(LABELS_LEFT))
        .build_cartesian_2d(-f64::from(view.seconds)..0.0, 0.0..axis.top_ms)?;
    draw_grid(canvas, chart.plotting_area(), &axis, &palette, view)?;
    draw_area(&mut chart, buckets, &lines[0])?;
    for line in &lines {
        let points = buckets
            .iter()
            .map(|bucket| (-bucket.seconds_ago, (line.value)(bucket)));
        let style = line.color.stroke_width(width_of(1.5));
        chart.draw_series(LineSeries::new(points, style))?;
    }
    Ok(())
}

/// A light fill below the longest queue wait: the eye finds the hills first.
fn draw_area(chart: &mut Chart<'_, '_>, buckets: &[Bucket], line: &Line) -> Drawn {
    let points = buckets
        .iter()
        .map(|bucket| (-bucket.seconds_ago, (line.value)(bucket)));
    chart.draw_series(AreaSeries::new(points, 0.0, line.color.mix(0.14)))?;
    Ok(())
}

/// Horizontal lines with their waits, and moments below. Drawn by hand because the mesh of plotters chooses ticks that
/// nobody counts time in.
fn draw_grid(
    canvas: &Canvas<'_>,
    plot: &Plot<'_>,
    axis: &WaitAxis,
    palette: &Palette,
    view: &ChartView,
) -> Drawn {
    let start = -f64::from(view.seconds);
    for tick in &axis.ticks_ms {
        let from = plot.map_coordinate(&(start, *tick));
        let to = plot.map_coordinate(&(0.0, *tick));
        canvas.draw(&PathElement::new(
            [from, to],
            palette.grid.stroke_width(width_of(1.0)),
        ))?;
        let place = (from.0 - length(10.0), from.1);
        canvas.draw(&Text::new(
            axis.label(*tick),
            place,
            text(palette.ink, HPos::Right, VPos::Center),
        ))?;
    }
    let labels_max = (view.width / 90).clamp(2, 8);
    for tick in time_ticks(view.seconds, labels_max) {
        let (x, y) = plot.map_coordinate(&(-f64::from(tick), 0.0));
        let place = (x, y + length(9.0));
        canvas.draw(&Text::new(
            time_label(tick),
            place,
            text(palette.ink, HPos::Center, VPos::Top),
        ))?;
    }
    Ok(())
}

fn draw_legend(canvas: &Canvas<'_>, lines: &[Line], palette: &Palette, view: &ChartView) -> Drawn {
    for (line, (x, y)) in lines.iter().zip(legend_places(lines, view.width)) {
        let mark = [(length(x), length(y)), (length(x + 14.0), length(y))];
        let style = line.color.stroke_width(width_of(3.0));
        canvas.draw(&PathElement::new(mark, style))?;
        let place = (length(x + 20.0), length(y));
        let style = text(palette.ink, HPos::Left, VPos::Center);
        canvas.draw(&Text::new(line.name, place, style))?;
    }
    Ok(())
}

/// Where the entries of the legend begin, in CSS pixels: side by side, and in a new row where one does not fit.
fn legend_places(lines: &[Line], width: u32) -> Vec<(f64, f64)> {
    let start = f64::from(LABELS_LEFT);
    let (mut x, mut y) = (start, LEGEND_ROW / 2.0);
    let mut places = Vec::new();
    for line in lines {
        let length = 20.0 + line.name.len() as f64 * CHAR_WIDTH;
        if x > start && x + length > f64::from(width) {
            (x, y) = (start, y + LEGEND_ROW);
        }
        places.push((x, y));
        x += length + 18.0;
    }
    places
}

fn legend_height(lines: &[Line], width: u32) -> f64 {
    let last_row = legend_places(lines, width).last().map_or(0.0, |(_, y)| *y);
    last_row + LEGEND_ROW
}

fn draw_nothing(canvas: &Canvas<'_>, view: &ChartView) -> Drawn {
    let palette = Palette::of(view.theme);
    let (x, y) = (f64::from(view.width) / 2.0, f64::from(view.height) / 2.0);
    let said = format!("No writes in the last {}", span_words(view.seconds));
    let above = (length(x), length(y - 11.0));
    canvas.draw(&Text::new(
        said,
        above,
        text(palette.strong_ink, HPos::Center, VPos::Center),
    ))?;
    let hint = "Waits appear here with the first write";
    let below = (length(x), length(y + 11.0));
    canvas.draw(&Text::new(
        hint,
        below,
        text(palette.ink, HPos::Center, VPos::Center),
    ))
}

/// CSS pixels to pixels of the canvas.
fn length(css: f64) -> i32 {
    (css * f64::from(SCALE)).round() as i32
}

fn px(css: i32) -> i32 {
    css * SCALE as i32
}

fn width_of(css: f64) -> u32 {
    (css * f64::from(SCALE)).round() as u32
}

fn text(color: RGBColor, h_pos: HPos, v_pos: VPos) -> TextStyle<'static> {
    let size = TEXT_SIZE * f64::from(SCALE) * PLOTTERS_FONT_FACTOR;
    TextStyle {
        font: (FONTS, size).into_font(),
        color: color.to_backend_color(),
        pos: Pos::new(h_pos, v_pos),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: ChartView = ChartView {
        seconds: 300,
        width: 640,
        height: 240,
        theme: Theme::Light,
    };

    fn history(seconds: u32) -> Vec<Sample> {
        (0..seconds).map(busy_second).collect()
    }

    fn busy_second(n: u32) -> Sample {
        let is_burst = (100..130).contains(&(n % 300));
        Sample {
            at_ms: 1_800_000_000_000 + i64::from(n) * 1000,
            writes: 4 + n % 3,
            queue_wait_max_ms: if is_burst { 40.0 } else { 3.0 + (n % 7) as f32 },
            queue_wait_average_ms: if is_burst { 18.0 } else { 1.5 },
            lock_wait_max_ms: if is_burst { 12.0 } else { 0.1 },
            ..Sample::default()
        }
    }

    #[test]
    fn the_chart_of_a_made_up_history_is_the_stored_one() {
        let svg = draw_waits(&history(300), &VIEW);
        let stored = include_str!("../../tests/expected/waits.svg");
        if svg != stored {
            let drawn = std::env::temp_dir().join("commonplace-waits.svg");
            std::fs::write(&drawn, &svg).unwrap();
            panic!(
                "the chart changed: look at {} and store it if it is right",
                drawn.display()
            );
        }
    }

    #[test]
    fn a_quiet_host_says_so_instead_of_drawing_a_flat_line() {
        let quiet: Vec<_> = history(10)
            .iter()
            .map(|s| Sample {
                at_ms: s.at_ms,
                ..Sample::default()
            })
            .collect();
        for samples in [&quiet[..], &[]] {
            let svg = draw_waits(samples, &VIEW);
            assert!(svg.contains("No writes in the last 5 minutes"), "{svg}");
            assert!(!svg.contains("polyline"), "{svg}");
        }
    }

    #[test]
    fn one_sample_is_enough_for_a_chart() {
        let svg = draw_waits(&history(1), &VIEW);
        assert!(
            svg.contains("Queue wait, longest") && svg.ends_with("</svg>\n"),
            "{svg}"
        );
    }

    #[test]
    fn the_legend_takes_another_row_where_it_does_not_fit() {
        let lines = lines(&Palette::of(Theme::Light));
        let rows = |width| {
            legend_places(&lines, width)
                .iter()
                .map(|(_, y)| *y)
                .collect::<Vec<_>>()
        };
        assert_eq!(rows(640), [10.0, 10.0, 10.0]);
        assert_eq!(rows(360), [10.0, 10.0, 30.0]);
        assert_eq!(rows(240), [10.0, 30.0, 50.0]);
    }

    #[test]
    fn both_themes_have_the_same_shape_in_other_colours() {
        let light = draw_waits(&history(300), &VIEW);
        let dark = draw_waits(
            &history(300),
            &ChartView {
                theme: Theme::Dark,
                ..VIEW
            },
        );
        let shape = |svg: &str| svg.matches("points=").count();
        assert_eq!(shape(&light), shape(&dark));
        assert!(light.contains("#1F3F8F") && !dark.contains("#1F3F8F"));
    }

    #[test]
    fn an_hour_stays_small_enough_to_send_every_few_seconds() {
        let svg = draw_waits(
            &history(3600),
            &ChartView {
                seconds: 3600,
                width: 1200,
                ..VIEW
            },
        );
        assert!(svg.len() < 40_000, "{} bytes", svg.len());
    }
}
