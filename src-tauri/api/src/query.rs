//! What may stand behind the question mark of an address.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::logs::LogLevel;
use crate::memories::SearchMode;

/// Which part of the past is asked for: `GET /api/history`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
pub struct HistoryQuery {
    /// Length of the past, one sample for each second; 300 if nothing is given.
    #[schemars(range(min = 1, max = HistoryQuery::SECONDS_MAX))]
    pub seconds: Option<u32>,
    /// Start in milliseconds since 1970, instead of `seconds`. What is older than the history that is kept, seven days at
    /// most, is empty.
    pub from: Option<i64>,
    /// End in milliseconds since 1970, after `from`; now if not given.
    pub to: Option<i64>,
    /// About how many samples of equal length the time between is divided into; 300 if nothing is given.
    #[schemars(range(min = 1, max = HistoryQuery::POINTS_MAX))]
    pub points: Option<u32>,
}

impl HistoryQuery {
    /// Longest part that can be asked for by the second: as much is kept of them.
    pub const SECONDS_MAX: u32 = 3600;
    /// Most samples of any part.
    pub const POINTS_MAX: u32 = 5000;
    /// Seconds and samples, if nobody says.
    pub const DEFAULT: u32 = 300;
}

/// How many slow holds, slow waits and failures are asked for: `GET /api/slow`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
pub struct IncidentsQuery {
    /// Most of them; 100 if nothing is given.
    #[schemars(range(min = 1, max = IncidentsQuery::LIMIT_MAX))]
    pub limit: Option<u32>,
}

impl IncidentsQuery {
    /// Most incidents of an answer; as many are kept.
    pub const LIMIT_MAX: u32 = 1000;
    /// Incidents, if nobody says.
    pub const LIMIT_DEFAULT: u32 = 100;
}

/// How a chart is asked for: `GET /api/charts/{chart}`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
pub struct ChartQuery {
    /// Length of the past up to now, in seconds; 300 if nothing is given.
    #[schemars(range(min = 1, max = ChartQuery::SECONDS_MAX))]
    pub seconds: Option<u32>,
    /// Start in milliseconds since 1970, instead of `seconds`. Older than seven days is cut.
    pub from: Option<i64>,
    /// End in milliseconds since 1970, after `from`; now if not given.
    pub to: Option<i64>,
    /// Width in CSS pixels; 800 if nothing is given.
    #[schemars(range(min = ChartQuery::WIDTH.0, max = ChartQuery::WIDTH.1))]
    pub width: Option<u32>,
    /// Height in CSS pixels; 260 if nothing is given.
    #[schemars(range(min = ChartQuery::HEIGHT.0, max = ChartQuery::HEIGHT.1))]
    pub height: Option<u32>,
    /// Background that the chart is made for; light if nothing is given.
    pub theme: Option<Theme>,
}

impl ChartQuery {
    /// Longest part of the past: seven days.
    pub const SECONDS_MAX: u32 = 7 * 24 * 3600;
    /// Least and greatest width, in CSS pixels.
    pub const WIDTH: (u32, u32) = (240, 3840);
    /// Least and greatest height, in CSS pixels.
    pub const HEIGHT: (u32, u32) = (120, 1200);
}

/// Background that a chart is made for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// Dark ink.
    #[default]
    Light,
    /// Light ink.
    Dark,
}

/// Which lines of the log are asked for: `GET /api/logs`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct LogQuery {
    /// Lines that matter at least this much; all if nothing is given.
    pub level: Option<LogLevel>,
    /// Lines with this text in them, whatever its case.
    #[schemars(length(max = LogQuery::CONTAINS_LEN_MAX))]
    pub contains: Option<String>,
    /// Most lines; 200 if nothing is given.
    #[schemars(range(min = 1, max = LogQuery::LIMIT_MAX))]
    pub limit: Option<u32>,
    /// Older lines than these: what an earlier answer gave as `before`.
    #[schemars(regex(pattern = r"^[0-9-]{10}\.[0-9]{1,15}$"))]
    pub before: Option<String>,
}

impl LogQuery {
    /// Longest text that is looked for, in characters.
    pub const CONTAINS_LEN_MAX: usize = 200;
    /// Most lines of an answer.
    pub const LIMIT_MAX: u32 = 1000;
    /// Lines, if nobody says.
    pub const LIMIT_DEFAULT: u32 = 200;
}

/// Restricts which memories are meant, for lists and searches. All parts hold together.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct MemoryFilter {
    /// Only memories with this tag; may be given several times. At most 100 different ones of 200 characters; commas
    /// separate, empty ones do not count.
    #[serde(default)]
    pub tag: Vec<String>,
    /// Whether one of the tags is enough or all are needed; `any` if nothing is given.
    pub tag_match: Option<TagMatch>,
    /// Only memories of this project; empty means those without one.
    #[schemars(length(max = 200))]
    pub project: Option<String>,
    /// Only memories of this type; empty means those without one.
    #[serde(rename = "type")]
    #[schemars(length(max = 200))]
    pub memory_type: Option<String>,
    /// Only memories that this client stored.
    #[schemars(length(max = 200))]
    pub client: Option<String>,
    /// Only memories created then or later, in milliseconds since 1970.
    pub after: Option<i64>,
    /// Only memories created before then, in milliseconds since 1970.
    pub before: Option<i64>,
}

/// How several tags combine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TagMatch {
    /// One is enough.
    Any,
    /// All are needed.
    All,
}

/// Which part of the list of memories is asked for: `GET /api/memories`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct ListQuery {
    /// Which memories.
    #[serde(flatten)]
    pub filter: MemoryFilter,
    /// Only memories whose text contains each of these words, letter by letter and also inside of others; the case of ASCII
    /// letters does not count. The first 16 words are looked for. No index helps: it is the way to search the bin.
    pub contains: Option<String>,
    /// Lists what was deleted and can be restored, the one deleted last first.
    #[serde(default)]
    pub deleted: bool,
    /// Goes on where the part before ended: its `next`.
    pub cursor: Option<String>,
    /// Most memories in this part; 50 if nothing is given.
    #[schemars(range(min = 1, max = 200))]
    pub limit: Option<u32>,
}

/// What is searched for: `GET /api/memories/search`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct SearchQuery {
    /// What to look for.
    pub q: String,
    /// How to compare; `hybrid` if nothing is given.
    pub mode: Option<SearchMode>,
    /// Most hits; 50 if nothing is given.
    #[schemars(range(min = 1, max = 100))]
    pub limit: Option<u32>,
    /// Which memories.
    #[serde(flatten)]
    pub filter: MemoryFilter,
}

/// Which names are counted: `GET /api/memories/facets`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
pub struct FacetsQuery {
    /// Counts what was deleted and can be restored.
    #[serde(default)]
    pub deleted: bool,
    /// Most names of each kind; 30 if nothing is given.
    #[schemars(range(min = 1, max = 500))]
    pub limit: Option<u32>,
}
