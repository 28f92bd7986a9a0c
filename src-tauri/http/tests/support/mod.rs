//! Parts for tests of the whole surface: a made-up host, its keys, and requests to it.

#![allow(
    dead_code,
    reason = "each test program uses its own share of these parts"
)]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::response::Response;
use commonplace_engine::{
    Acknowledged, AcquisitionFailures, Applied, BackupFile, BackupFinished, BackupMade,
    BackupRunning, BackupStep, BackupTo, BackupsStatus, Browse, ClientStats, ClientStatus,
    CommitSeq, Contents, DiskStatus, Epoch, Facets, FileStatus, HostStatus, IncidentStatus,
    IndexStatus, InstanceStatus, IntegrityStatus, KindStats, LockParty, LockRow, LockState,
    LockStatus, LocksReport, MeantHolder, MemoryCounts, MemoryId, ModelStatus, OverallState, Page,
    PauseStatus, ProcessState, Query, QueueStatus, Record, RequestError, Sample, SearchAnswer,
    SettleAct, Settled, Stats, Status, TimeSummary, Transport, WaitsReport, WorkerStatus, WriteOp,
    WriteOutcome,
};
use commonplace_http::{
    About, Access, Control, ControlError, Gate, Later, LogLevel, LogLine, LogPage, LogQuery,
    McpService, Memories, SettingStatus, SettingsStatus, Site, SiteLimits, StatusSource,
    Surroundings, Token, Tokens,
};
use http::{Method, Request};
use serde_json::{Map, Value};
use tokio::sync::watch;

pub(crate) const PORT: u16 = 7311;
pub(crate) const AGENT: &str = "agent-token-agent-token-agent-token-agent-t";
pub(crate) const ADMIN: &str = "admin-token-admin-token-admin-token-admin-t";
pub(crate) const NOW_MS: i64 = 1_800_000_000_000;

/// A host whose figures a test sets.
pub(crate) struct MadeUp {
    pub(crate) status: std::sync::Mutex<Status>,
    pub(crate) changes: watch::Sender<u64>,
    reads: AtomicU64,
}

impl MadeUp {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            status: std::sync::Mutex::new(busy_status()),
            changes: watch::Sender::new(0),
            reads: AtomicU64::new(0),
        })
    }

    /// How many times the status was read.
    pub(crate) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.status.lock().unwrap());
        self.changes.send_modify(|count| *count += 1);
    }
}

impl StatusSource for MadeUp {
    fn status(&self) -> Status {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.status.lock().unwrap().clone()
    }

    fn history(&self, seconds: usize) -> Vec<Sample> {
        let all = (0..3600).map(|n| Sample {
            at_ms: NOW_MS + n * 1000,
            writes: 1,
            queue_wait_max_ms: n as f32,
            ..Sample::default()
        });
        all.skip(3600 - seconds).collect()
    }

    fn history_between(&self, from_ms: i64, to_ms: i64, points: usize) -> Vec<Sample> {
        let length_ms = (to_ms - from_ms) / points as i64;
        let at = |n| Sample {
            at_ms: from_ms + n as i64 * length_ms,
            length_ms,
            ..Sample::default()
        };
        (0..points).map(at).collect()
    }

    fn waits_between(&self, _: i64, _: i64, _: usize) -> WaitsReport {
        WaitsReport::default()
    }

    fn incidents(&self, limit: usize) -> Vec<IncidentStatus> {
        (0..1000).take(limit).map(incident).collect()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

pub(crate) fn tokens() -> Tokens {
    Tokens::new(Token::parse(AGENT).unwrap(), Token::parse(ADMIN).unwrap()).unwrap()
}

/// Keys whose codes and sessions are 0101…, 0202… and so on.
pub(crate) fn access() -> Access {
    let made = AtomicU8::new(0);
    Access::new(
        tokens(),
        Surroundings {
            now: Arc::new(Instant::now),
            random: Arc::new(move || [made.fetch_add(1, Ordering::Relaxed) + 1; 32]),
        },
    )
}

/// An MCP service that answers each body with its length.
pub(crate) fn counting_mcp() -> McpService {
    McpService::new(tower::service_fn(|request: Request<Body>| async {
        let body = to_bytes(request.into_body(), usize::MAX).await.unwrap();
        Ok::<_, Infallible>(Response::new(Body::from(body.len().to_string())))
    }))
}

/// A host that keeps one setting, `workers`, from 1 to 32, and a pause.
#[derive(Default)]
pub(crate) struct MadeUpControl {
    workers: std::sync::Mutex<Option<Value>>,
    pause: std::sync::Mutex<Option<PauseStatus>>,
    backup: std::sync::Mutex<Option<BackupRunning>>,
    is_checking: std::sync::atomic::AtomicBool,
}

fn stuck_lock() -> LockRow {
    LockRow {
        name: "write",
        path: "/store/locks/write.lock".to_owned(),
        generation: 0,
        state: LockState::Held,
        holder: None,
        age_ms: 12_000,
        process: ProcessState::Stopped,
        pids: vec![7],
        is_in_transaction: Some(false),
        act: Some(SettleAct::TakeOver),
        words: "its holder's process is stopped".to_owned(),
    }
}

impl Control for MadeUpControl {
    fn pause(&self, by: &str) -> Result<PauseStatus, ControlError> {
        let pause = PauseStatus {
            since_ms: NOW_MS,
            by: by.to_owned(),
        };
        *self.pause.lock().unwrap() = Some(pause.clone());
        Ok(pause)
    }

    fn resume(&self) -> Result<Option<PauseStatus>, ControlError> {
        Ok(self.pause.lock().unwrap().take())
    }

    fn locks(&self) -> Result<LocksReport, ControlError> {
        Ok(LocksReport {
            now_ms: NOW_MS,
            locks: vec![stuck_lock()],
            waiters: Vec::new(),
            instances: Vec::new(),
            leftovers: Vec::new(),
            audit: Vec::new(),
        })
    }

    fn settle(&self, act: SettleAct, meant: Option<&MeantHolder>) -> Result<Settled, ControlError> {
        if meant.is_some_and(|meant| meant.instance == "another") {
            return Err(ControlError::NotSafe("the lock has moved on".to_owned()));
        }
        if act == SettleAct::Terminate {
            return Err(ControlError::NotSafe(
                "it has no transaction open".to_owned(),
            ));
        }
        Ok(Settled {
            found: "it is stopped".to_owned(),
            done: "generation 1".to_owned(),
        })
    }

    fn start_integrity_check(&self) -> Result<(), ControlError> {
        if self.is_checking.swap(true, Ordering::Relaxed) {
            return Err(ControlError::Busy("a check is under way".to_owned()));
        }
        Ok(())
    }

    /// Answers with what was asked.
    fn logs(&self, query: &LogQuery) -> Result<LogPage, ControlError> {
        let line = LogLine {
            at: "2026-11-25T04:03:30.123456Z".to_owned(),
            level: query.level,
            source: "commonplace".to_owned(),
            text: query.contains.clone().unwrap_or_default(),
        };
        if query.level == LogLevel::Error {
            return Err(ControlError::Failed("the disk is gone".to_owned()));
        }
        Ok(LogPage {
            folder: "/store/logs".to_owned(),
            lines: vec![line; query.limit.min(3)],
            before: query.before.as_ref().map(ToString::to_string),
        })
    }

    fn settings(&self) -> SettingsStatus {
        let set = self.workers.lock().unwrap().clone();
        let workers = SettingStatus {
            key: "workers".to_owned(),
            source: if set.is_some() {
                "settings.toml"
            } else {
                "default"
            }
            .to_owned(),
            value: set.unwrap_or_else(|| 4.into()),
            default: 4.into(),
            range: "1 to 32, or \"auto\"".to_owned(),
            unit: Some("threads".to_owned()),
            about: "Threads that run searches.".to_owned(),
            is_fixed: false,
            is_live: true,
            next: None,
        };
        SettingsStatus {
            path: "/store/settings.toml".to_owned(),
            problem: None,
            settings: vec![workers],
        }
    }

    fn change_settings(
        &self,
        changes: &[(String, Option<Value>)],
    ) -> Result<SettingsStatus, ControlError> {
        for (key, value) in changes {
            let number = value.as_ref().map_or(Some(4), Value::as_u64);
            match (key.as_str(), number) {
                ("workers", Some(1..=32)) => *self.workers.lock().unwrap() = value.clone(),
                ("port", _) => return Err(ControlError::Overridden("--port wins".to_owned())),
                ("log", _) => return Err(ControlError::Failed("the disk is full".to_owned())),
                _ => return Err(ControlError::BadSetting("1 to 32".to_owned())),
            }
        }
        Ok(self.settings())
    }

    fn backups(&self) -> BackupsStatus {
        BackupsStatus {
            folder: "/store/backups".into(),
            last_backup_ms: Some(NOW_MS - 5),
            running: self.backup.lock().unwrap().clone(),
            finished: vec![finished_backup()],
            kept: vec![BackupFile {
                path: "/store/backups/commonplace-20270115T080000.000Z.db".into(),
                bytes: 4096,
                made_ms: NOW_MS - 5,
                is_before_restore: false,
            }],
        }
    }

    fn start_backup(&self, to: Option<BackupTo>) -> Result<BackupRunning, ControlError> {
        let mut running = self.backup.lock().unwrap();
        if running.is_some() {
            return Err(ControlError::Busy("a backup is under way".to_owned()));
        }
        let begun = BackupRunning {
            number: 2,
            started_ms: NOW_MS,
            step: BackupStep::Copying {
                bytes: u64::from(to.is_some()),
                bytes_expected: 4096,
            },
        };
        Ok(running.insert(begun).clone())
    }
}

fn finished_backup() -> BackupFinished {
    BackupFinished {
        number: 1,
        ended_ms: NOW_MS - 4,
        made: Some(BackupMade {
            path: "/elsewhere.db".into(),
            bytes: 4096,
            made_ms: NOW_MS - 5,
            contents: Contents {
                memories: 9,
                deleted: 1,
                vectors: 12,
                commits: 30,
            },
            removed: vec!["/store/backups/old.db".into()],
        }),
        error: None,
    }
}

/// A host that is going: it answers no question about memories, and carries out only some more writes.
#[derive(Default)]
pub(crate) struct NoMemories {
    pub(crate) writes_left: AtomicU8,
}

fn going<T: Send + 'static>() -> Later<'static, T> {
    Box::pin(std::future::ready(Err(RequestError::ShuttingDown)))
}

fn acknowledged(outcome: WriteOutcome) -> Acknowledged {
    Acknowledged {
        applied: Applied {
            seq: CommitSeq(1),
            outcome,
            is_repeat: false,
        },
        epoch: Epoch(1),
        queue_wait: Duration::ZERO,
        lock_wait: Duration::ZERO,
        index_backlog: 0,
    }
}

impl Memories for NoMemories {
    fn browse(&self, _: Browse) -> Later<'_, Page> {
        going()
    }

    fn search(&self, _: Query) -> Later<'_, SearchAnswer> {
        going()
    }

    fn facets(&self, _: usize) -> Later<'_, Facets> {
        going()
    }

    fn record(&self, _: MemoryId) -> Later<'_, Option<Record>> {
        going()
    }

    fn write(&self, op: WriteOp) -> Later<'_, Acknowledged> {
        let WriteOp::ByIds(act, ids) = op else {
            return going();
        };
        let is_left = |left: u8| left.checked_sub(1);
        let order = Ordering::Relaxed;
        if self
            .writes_left
            .fetch_update(order, order, is_left)
            .is_err()
        {
            return going();
        }
        let outcome = WriteOutcome::ByIds {
            act,
            done: ids.as_slice().into(),
            missed: [].into(),
        };
        Box::pin(std::future::ready(Ok(acknowledged(outcome))))
    }

    fn paused(&self) -> Option<PauseStatus> {
        None
    }

    fn redact(&self, text: &str) -> (String, Vec<&'static str>) {
        (text.to_owned(), Vec::new())
    }

    fn redact_metadata(&self, _: &mut Map<String, Value>) -> Vec<&'static str> {
        Vec::new()
    }
}

pub(crate) fn site(source: Arc<dyn StatusSource>) -> Site {
    Site {
        control: Arc::new(MadeUpControl::default()),
        memories: Arc::new(NoMemories::default()),
        port: PORT,
        access: access(),
        mcp: counting_mcp(),
        about: About {
            mcp_revisions: vec!["2026-07-28", "2025-11-25"],
            command: "commonplace".to_owned(),
        },
        find_process: Arc::new(|_| None),
        status: source,
        limits: SiteLimits::default(),
    }
}

pub(crate) fn gate() -> Gate {
    Gate::new(site(MadeUp::new()))
}

/// A request as our own page sends it, with the admin token.
pub(crate) fn request(method: Method, path: &str) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", format!("127.0.0.1:{PORT}"))
        .header("authorization", format!("Bearer {ADMIN}"))
        .body(Body::empty())
        .unwrap()
}

pub(crate) fn get(path: &str) -> Request<Body> {
    request(Method::GET, path)
}

/// A post of JSON with its length, as clients send it.
pub(crate) fn post(path: &str, body: impl Into<Vec<u8>>) -> Request<Body> {
    send(Method::POST, path, body)
}

/// A request that carries JSON with its length.
pub(crate) fn send(method: Method, path: &str, body: impl Into<Vec<u8>>) -> Request<Body> {
    let body: Vec<u8> = body.into();
    let mut request = request(method, path);
    let length = body.len().to_string();
    request
        .headers_mut()
        .insert("content-length", length.parse().unwrap());
    request
        .headers_mut()
        .insert("content-type", "application/json".parse().unwrap());
    *request.body_mut() = Body::from(body);
    request
}

pub(crate) fn with(mut request: Request<Body>, name: &'static str, value: &str) -> Request<Body> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

pub(crate) fn without(mut request: Request<Body>, name: &str) -> Request<Body> {
    request.headers_mut().remove(name);
    request
}

pub(crate) async fn text(response: Response) -> String {
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(crate) async fn json(response: Response) -> Value {
    serde_json::from_str(&text(response).await).unwrap()
}

/// Status code and refusal code of an answer, such as `403 wrong_host`; only the number if it is no refusal.
pub(crate) async fn outcome(gate: &Gate, request: Request<Body>) -> String {
    let response = gate.answer(request).await;
    let status = response.status().as_u16();
    let is_json = response
        .headers()
        .get("content-type")
        .is_some_and(|value| value == "application/json");
    if status < 400 || !is_json {
        return status.to_string();
    }
    let body = json(response).await;
    format!(
        "{status} {}",
        body["error"]["code"].as_str().unwrap_or("(no code)")
    )
}

/// Checks that an object has exactly the fields its schema names, and so on downwards.
pub(crate) fn assert_described(value: &Value, schema: &Value, schemas: &Value, place: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return assert_described(value, &schemas[name], schemas, place);
    }
    if let (Some(choices), false) = (schema["oneOf"].as_array(), value.is_null()) {
        return assert_described(value, &choices[0], schemas, place);
    }
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let described = &schema["properties"][name];
                assert!(described.is_object(), "{place}.{name} is not described");
                assert_described(field, described, schemas, &format!("{place}.{name}"));
            }
            for name in schema["required"].as_array().unwrap() {
                assert!(
                    fields.contains_key(name.as_str().unwrap()),
                    "{place}.{name} does not exist"
                );
            }
        }
        Value::Array(items) => {
            for item in items {
                assert_described(item, &schema["items"], schemas, place);
            }
        }
        _ => {}
    }
}

/// Compares a long text with the stored one; leaves the new text in the temporary directory if they differ.
pub(crate) fn assert_stored(name: &str, text: &str, stored: &str) {
    if text != stored {
        let path = std::env::temp_dir().join(format!("commonplace-{name}"));
        std::fs::write(&path, text).unwrap();
        panic!(
            "{name} changed: look at {} and store it if it is right",
            path.display()
        );
    }
}

pub(crate) fn times(count: u64, scale: f64) -> TimeSummary {
    TimeSummary {
        count,
        average_ms: 2.0 * scale,
        p50_ms: 1.5 * scale,
        p95_ms: 6.0 * scale,
        p99_ms: 9.0 * scale,
        max_ms: 20.0 * scale,
        sum_ms: 2.0 * scale * count as f64,
    }
}

/// A host in the middle of its work; every figure is different, so that a mix-up shows.
pub(crate) fn busy_status() -> Status {
    Status {
        now_ms: NOW_MS,
        state: OverallState::Busy,
        diagnosis: "3 writes are under way; none waits long".to_owned(),
        host: host(),
        pause: None,
        settings_problem: None,
        lock: lock(),
        queue: QueueStatus {
            length: 3,
            limit: 1000,
            oldest_ms: 12,
            in_commit: 2,
            share: 32,
            flood: None,
        },
        workers: WorkerStatus {
            count: 4,
            busy: 1,
            waiting: 2,
            wait: times(211, 0.3),
            is_auto: false,
        },
        index: IndexStatus {
            backlog: 17,
            indexed: 4983,
            model: ModelStatus::Ready,
            reason: None,
            vectors_per_s: 56.5,
        },
        memories: MemoryCounts {
            total: 5000,
            deleted: 21,
        },
        files: FileStatus {
            database: "/store/commonplace.db".to_owned(),
            database_bytes: 12_345_678,
            wal_bytes: 98_765,
            disk: Some(DiskStatus {
                free_bytes: 44_000_000_000,
                total_bytes: 250_000_000_000,
                low_below_bytes: 1_000_000_000,
                is_low: false,
            }),
            sqlite_version: "3.54.0".to_owned(),
            vec_version: "0.1.9".to_owned(),
            schema_version: 2,
            integrity: IntegrityStatus::Ok,
            integrity_checked_ms: Some(NOW_MS - 3_599_000),
            last_backup_ms: Some(NOW_MS - 86_400_000),
        },
        stats: stats(),
        clients: vec![client()],
        instances: vec![instance()],
    }
}

pub(crate) fn incident(number: i64) -> IncidentStatus {
    IncidentStatus {
        at_ms: NOW_MS - number,
        what: "slow_wait".to_owned(),
        end: "done".to_owned(),
        instance: "00112233445566778899aabbccddeeff".to_owned(),
        client: "claude-code".to_owned(),
        kind: "store".to_owned(),
        took_ms: 1200.5,
        holder: "it is held by pid 913".to_owned(),
    }
}

fn host() -> HostStatus {
    HostStatus {
        instance: "00112233445566778899aabbccddeeff".to_owned(),
        pid: 812,
        version: "0.1.0".to_owned(),
        role: "serve".to_owned(),
        host_name: "desk".to_owned(),
        started_ms: NOW_MS - 3_600_000,
        data_dir: "/store".to_owned(),
    }
}

fn lock() -> LockStatus {
    LockStatus {
        state: LockState::Held,
        holder: Some(party(812, "claude-code", NOW_MS - 4)),
        waiters: vec![party(913, "commonplace import", NOW_MS - 3)],
        epoch: 42,
    }
}

fn party(pid: u32, client: &str, since_ms: i64) -> LockParty {
    LockParty {
        instance: format!("{pid:032x}"),
        pid,
        role: "serve".to_owned(),
        version: "0.1.0".to_owned(),
        host_name: "desk".to_owned(),
        client: client.to_owned(),
        kind: "store".to_owned(),
        requests: 2,
        since_ms,
    }
}

fn stats() -> Stats {
    Stats {
        acquisitions: 101,
        failed_acquisitions: 26,
        failed_by_reason: AcquisitionFailures {
            timed_out: 2,
            gave_up: 13,
            io: 5,
            fenced: 6,
        },
        contended_acquisitions: 3,
        last_acquisition_ms: Some(NOW_MS - 4),
        active_locks: 1,
        acknowledged: 404,
        refused: 5,
        failed: 14,
        queue_full: 6,
        throttled: 13,
        timed_out: 7,
        cancelled: 8,
        commits: 99,
        retries: 10,
        searches: 211,
        leftovers_cleared: 12,
        queue_wait: times(404, 1.0),
        lock_wait: times(101, 0.1),
        hold: times(101, 2.0),
        commit: times(99, 1.1),
        write_total: times(404, 3.0),
        search_total: times(211, 4.0),
        by_kind: vec![KindStats {
            kind: "store".to_owned(),
            acquisitions: 98,
            done: 404,
            failed: 1,
            queue_wait: times(405, 1.0),
            lock_wait: times(406, 0.1),
            hold: times(98, 2.0),
            total: times(404, 3.0),
        }],
        by_client: vec![ClientStats {
            client: "claude-code".to_owned(),
            acquisitions: 97,
            done: 407,
            failed: 15,
            queue_full: 16,
            throttled: 17,
            timed_out: 18,
            cancelled: 19,
            queue_wait: times(408, 1.0),
            lock_wait: times(409, 0.1),
            hold: times(97, 2.0),
            write_total: times(404, 3.0),
            search_total: times(211, 4.0),
        }],
    }
}

fn client() -> ClientStatus {
    ClientStatus {
        client: "claude-code".to_owned(),
        version: Some("2.1.0".to_owned()),
        session: Some("s-1".to_owned()),
        pid: Some(4711),
        project: Some("/home/ada/notes".to_owned()),
        transport: Transport::Http,
        in_flight: 2,
        waiting: 1,
        throttled: 13,
        requests: 615,
        errors: 1,
        last_seen_ms: NOW_MS - 4,
        queue_wait: times(404, 0.7),
        write_total: times(404, 3.0),
    }
}

fn instance() -> InstanceStatus {
    InstanceStatus {
        instance: "00112233445566778899aabbccddeeff".to_owned(),
        pid: 812,
        role: "serve".to_owned(),
        version: "0.1.0".to_owned(),
        host_name: "desk".to_owned(),
        since_ms: NOW_MS - 3_600_000,
        url: Some("http://127.0.0.1:7311".to_owned()),
    }
}
