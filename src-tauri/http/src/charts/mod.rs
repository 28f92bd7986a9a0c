//! Charts, drawn with plotters as SVG.
//!
//! A `Chart` is what there is to see: points, series, marks, without a size. It is written as CSV, and drawn by [`draw`]
//! as SVG with the places of its points, so that a page can lay a crosshair over it that agrees to the pixel.
//!
//! | file | idea |
//! |---|---|
//! | `range.rs` | the part of the past that is asked for |
//! | `chart.rs` | what there is to see |
//! | `figures.rs` | which figures go into which chart |
//! | `drawing.rs` | size and title; `lines.rs`, `columns.rs`, `rows.rs` draw what is in it |
//! | `frame.rs`, `legend.rs` | where things stand, and what colours and signs stand for |
//! | `axes.rs`, `ink.rs`, `palette.rs` | ticks, strokes and texts, colours |
//! | `csv.rs`, `json.rs`, `utc.rs` | the same as a table, and for our page; moments in words |
//! | `kept.rs` | charts that were just drawn, for the next who asks |

mod axes;
mod chart;
mod columns;
mod csv;
mod drawing;
mod figures;
mod frame;
mod ink;
mod json;
mod kept;
mod legend;
mod lines;
mod palette;
mod range;
mod rows;
mod utc;

pub(crate) use csv::csv_of;
pub(crate) use drawing::{ChartView, draw};
pub(crate) use figures::figures_of;
pub(crate) use json::json_of;
pub(crate) use kept::{Kept, Key};
pub(crate) use range::Range;
