//! A chart as a table that spreadsheets read (RFC 4180).

use super::chart::{Chart, Panel, Series};
use super::utc;
use commonplace_api::charts::{ChartPoint, ChartUnit};

/// Writes one line for each point, with a head line that names the units.
pub(crate) fn csv_of(chart: &Chart) -> String {
    let mut csv = String::new();
    let series: Vec<(&Panel, &Series)> = chart
        .panels
        .iter()
        .flat_map(|panel| panel.series.iter().map(move |series| (panel, series)))
        .collect();
    let heads = series.iter().map(|(panel, series)| head(panel, series));
    push_line(&mut csv, first_heads(chart).into_iter().chain(heads));
    for (n, point) in chart.points.iter().enumerate() {
        let values = series.iter().map(|(_, series)| {
            let value = series.values.get(n).copied().flatten();
            value.map_or_else(String::new, |value| value.to_string())
        });
        push_line(&mut csv, first_cells(point).into_iter().chain(values));
    }
    csv
}

fn head(panel: &Panel, series: &Series) -> String {
    let name = match panel.title {
        "" => series.name.to_owned(),
        title => format!("{title}, {}", series.name.to_lowercase()),
    };
    match series.unit {
        ChartUnit::Milliseconds => format!("{name} (ms)"),
        ChartUnit::PerSecond => format!("{name} (per second)"),
        ChartUnit::Count => name,
    }
}

fn first_heads(chart: &Chart) -> Vec<String> {
    let heads: &[&str] = match chart.points.first() {
        Some(ChartPoint::Bin { .. }) => &["Over (ms)", "Up to (ms)"],
        Some(ChartPoint::Name { .. }) => &["Name"],
        Some(ChartPoint::Time { .. }) | None => &["From (UTC)", "Seconds"],
    };
    heads.iter().map(|head| (*head).to_owned()).collect()
}

fn first_cells(point: &ChartPoint) -> Vec<String> {
    match point {
        ChartPoint::Time { at_ms, length_ms } => {
            vec![utc::iso(*at_ms), (*length_ms as f64 / 1000.0).to_string()]
        }
        ChartPoint::Bin { from_ms, up_to_ms } => vec![
            from_ms.to_string(),
            up_to_ms.map_or_else(String::new, |ms| ms.to_string()),
        ],
        ChartPoint::Name { name } => vec![name.clone()],
    }
}

fn push_line(csv: &mut String, cells: impl Iterator<Item = String>) {
    let cells: Vec<String> = cells.map(|cell| quoted(&cell)).collect();
    csv.push_str(&cells.join(","));
    csv.push_str("\r\n");
}

/// Quotes a cell where it must be. What a spreadsheet would take for a formula becomes a text: names come from clients.
fn quoted(cell: &str) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if is_formula {
        format!("'{cell}")
    } else {
        cell.to_owned()
    };
    if cell.contains([',', '"', '\n', '\r', ';']) {
        return format!("\"{}\"", cell.replace('"', "\"\""));
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_is_one_cell_and_no_formula() {
        assert_eq!(quoted("claude-code"), "claude-code");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("say \"hi\"\nnow"), "\"say \"\"hi\"\"\nnow\"");
        assert_eq!(quoted("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
        assert_eq!(quoted("-1+2"), "'-1+2");
    }
}
