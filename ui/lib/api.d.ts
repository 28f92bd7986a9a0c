// What a host answers. Generated from the types of src-tauri/api; a test there keeps both equal.

/** Why the write lock could not be taken. */
export type AcquisitionFailures = {
  /** Another instance had taken it over. */
  fenced: number;
  /** Every request that waited for it had given up or run out of time. */
  gave_up: number;
  /** Its file could not be used. */
  io: number;
  /** The time was up. */
  timed_out: number;
};

/** What was done to a lock or with the store as a whole. */
export type AuditAct = "clear_leftovers" | "take_over" | "terminate" | "restore" | "compact" | "rebuild" | "repair" | "accept_loss";

/** One entry of the audit log. */
export type AuditEntry = {
  /** What. */
  act: AuditAct;
  /** When, by the clock of who acted. */
  at_ms: number;
  /** Who. */
  by: AuditParty;
  /** What was done, or why it was refused, in words. */
  done: string;
  /** What was found, in words: holder, since when, evidence. */
  found: string;
  /** Before or after. */
  stage: AuditStage;
};

/** Who asked for an act. */
export type AuditParty = {
  /** Name of its machine. */
  host_name: string;
  /** The process that acted. */
  pid: number;
  /** What it was started as, such as `cli unlock` or `serve`. */
  role: string;
  /** Name or number of the user, as the system knows it; empty if it does not. */
  user: string;
};

/** Whether an entry was written before the act or after it. */
export type AuditStage = "begun" | "done" | "refused";

/** A backup in the directory of backups, told by its name only. */
export type BackupFile = {
  /** Its size. */
  bytes: number;
  /** Why it was made. */
  kind: BackupKind;
  /** When it was made, in milliseconds since 1970. */
  made_ms: number;
  /** The file. */
  path: string;
};

/** A backup that has ended. */
export type BackupFinished = {
  /** When it ended, in milliseconds since 1970. */
  ended_ms: number;
  /** Why it was not made, if it was not. */
  error: string | null;
  /** The backup, if it was made. */
  made: BackupMade | null;
  /** The number it was begun with. */
  number: number;
};

/** Why a backup was made. A newer backup removes only those that were `BackupKind::Made`. */
export type BackupKind = "made" | "before_restore" | "before_migration" | "set_aside" | "rescued";

/** A finished backup. */
export type BackupMade = {
  /** Its size. */
  bytes: number;
  /** What it holds: every write up to number `commits`, and nothing of a later one. */
  contents: Contents;
  /** When it was made, in milliseconds since 1970. */
  made_ms: number;
  /** The file. */
  path: string;
  /** Older backups that were removed for it. */
  removed: Array<string>;
};

/** Asks for a backup. */
export type BackupRequest = {
  /** Absolute path of the file; only for who has the admin token, not for the session of a page. null: the directory of backups, where the newest stay, as many as the setting `backups_kept` says. */
  path?: string | null;
  /** Whether an earlier backup at `path` is replaced. Other files never are. */
  replace?: boolean;
};

/** A backup under way. */
export type BackupRunning = ({
  /** Bytes of the copy so far. */
  bytes: number;
  /** Bytes of the database; the copy may become smaller. */
  bytes_expected: number;
  step: "copying";
} | {
  /** Bytes of the copy. */
  bytes: number;
  step: "checking";
} | {
  step: "finishing";
}) & ({
  /** Counts the backups of this host from 1. */
  number: number;
  /** When it was begun, in milliseconds since 1970. */
  started_ms: number;
});

/** The backups of one store, as one host knows them. */
export type Backups = {
  /** How the latest backups of this host ended, the newest first; at most 8. */
  finished: Array<BackupFinished>;
  /** Where backups go unless it is said otherwise. */
  folder: string;
  /** What is in the folder, the newest first. */
  kept: Array<BackupFile>;
  /** When the last backup was made, by any instance and to any place where it still is; milliseconds since 1970. */
  last_backup_ms: number | null;
  /** The backup under way in this host. */
  running: BackupRunning | null;
};

/** A chart with its drawing; both agree. */
export type Chart = {
  /** The colour of each role in this theme, as it is written in a style sheet. */
  colors: { [key: string]: string };
  /** Why there is nothing to see; null if there is something. */
  empty: ChartEmpty | null;
  /** How long it stays what it is; null if it ended before now. */
  fresh_ms: number | null;
  /** Where it begins, in milliseconds since 1970. */
  from_ms: number;
  /** Failures and what took long, the oldest first. */
  marks: Array<ChartMark>;
  /** Which one. */
  name: ChartName;
  /** One below the other. */
  panels: Array<ChartPanel>;
  /** Where each point stands, in CSS pixels from the left, of rows from the top. Rows that found no room have none. */
  places: Array<number>;
  /** Where each panel is; none if there is nothing to see. */
  plots: Array<ChartPlot>;
  /** What the series were measured at; the same for all of them. */
  points: Array<ChartPoint>;
  /** How it looks. */
  shape: ChartShape;
  /** Length of one of its steps. */
  step_ms: number;
  /** The drawing, with a transparent background. */
  svg: string;
  /** Its title. */
  title: string;
  /** Where it ends. */
  to_ms: number;
};

/** What a chart says instead of an empty plot. */
export type ChartEmpty = {
  /** What would make something appear. */
  hint: string;
  /** Why there is nothing to see. */
  said: string;
};

/** Moments of one step at which something failed or took long. */
export type ChartMark = {
  /** The first of them, in milliseconds since 1970. */
  at_ms: number;
  /** How many there were. */
  count: number;
  /** Whether something failed. */
  is_failure: boolean;
};

/** Every chart there is. */
export type ChartName = "waits" | "holds" | "throughput" | "queue" | "histogram" | "clients" | "kinds";

/** Series with one axis of values. */
export type ChartPanel = {
  /** A value that is a limit. */
  limit: number | null;
  /** What was measured. */
  series: Array<ChartSeries>;
  /** Empty if the chart has only this one. */
  title: string;
};

/** A rectangle in which values stand, in CSS pixels. */
export type ChartPlot = {
  /** Value at its upper edge; the lower edge is 0. Not for rows, whose axis is logarithmic. */
  end: number;
  /** Its height. */
  height: number;
  /** Its left edge. */
  left: number;
  /** Its upper edge. */
  top: number;
  /** Its width. */
  width: number;
};

/** What was measured at one place of the axis. */
export type ChartPoint = {
  /** Its start, in milliseconds since 1970. */
  at_ms: number;
  /** Its length. */
  length_ms: number;
} | {
  /** They were longer than this. */
  from_ms: number;
  /** They were at most this long; null: all that are longer. */
  up_to_ms: number | null;
} | {
  /** The name. */
  name: string;
};

/** What was measured, one value for each point. */
export type ChartSeries = {
  /** Its name in the legend. */
  name: string;
  /** Key of its colour. */
  role: string;
  /** Unit of its values. */
  unit: ChartUnit;
  /** null where nothing was measured. */
  values: Array<number | null>;
};

/** How a chart looks. */
export type ChartShape = "lines" | "columns" | "rows";

/** Unit of values. */
export type ChartUnit = "ms" | "/s" | "";

/** A check of the store that has begun; the status tells how it ended. */
export type CheckBegun = {
  /** Always `checking`. */
  integrity: IntegrityStatus;
};

/** Figures of one client, by the name it told. */
export type ClientStats = {
  /** Times the write lock was taken for a batch that began with a request of it. */
  acquisitions: number;
  /** Write requests that it gave up. */
  cancelled: number;
  /** The name; `other` for those that are not told apart. */
  client: string;
  /** Requests answered well. */
  done: number;
  /** Requests that were not carried out, for whatever reason. */
  failed: number;
  /** Time the write lock was held, per acquisition. */
  hold: TimeSummary;
  /** The part of it in which its batch waited for the write lock, per write request. */
  lock_wait: TimeSummary;
  /** Of these, turned away because the queue was full. */
  queue_full: number;
  /** Time from asking to the start of the commit, per write request. */
  queue_wait: TimeSummary;
  /** Time from asking to the answer, per search or list. */
  search_total: TimeSummary;
  /** Write requests that had to let others go first, or were turned away, because it had more than its share. */
  throttled: number;
  /** Write requests that ran out of time. */
  timed_out: number;
  /** Time from asking to the answer, per write request that was carried out. */
  write_total: TimeSummary;
};

/** One client of this host. */
export type ClientStatus = {
  /** Name it told, `unknown` if none. */
  client: string;
  /** Of these, failed. */
  errors: number;
  /** Requests under way. */
  in_flight: number;
  /** When it asked last. */
  last_seen_ms: number;
  /** Its process on this machine, where that can be known. */
  pid: number | null;
  /** Project it told. */
  project: string | null;
  /** How long its writes waited: from asking to the start of the commit. */
  queue_wait: TimeSummary;
  /** Requests answered. */
  requests: number;
  /** Session it told. */
  session: string | null;
  /** Its writes that had to let others go first, or were turned away, because it had more than its share. */
  throttled: number;
  /** How it is connected. */
  transport: Transport;
  /** Version it told. */
  version: string | null;
  /** Its writes that wait in the queue. */
  waiting: number;
  /** Time from asking to the answer of its writes. */
  write_total: TimeSummary;
};

/** One client that can be connected. */
export type Connection = {
  /** What connects it by hand: the lines to add to that file, or a command if there is a `memory` of somebody else. */
  by_hand: string;
  /** Its name on the command line, such as `claude`. */
  client: string;
  /** Whether its program or its configuration was found. */
  is_installed: boolean;
  /** When a client of that name last asked this host, in milliseconds since 1970; null if none has since its start. */
  last_call_ms: number | null;
  /** The state in one sentence, with what can be done. */
  message: string;
  /** The file that says so, or would. */
  place: string;
  /** What its configuration says of the store. */
  state: ConnectionState;
  /** Its name as people know it. */
  title: string;
};

/** What can be done about a client. */
export type ConnectionAct = "connect" | "disconnect" | "verify";

/** What was done about a client. */
export type ConnectionDone = {
  /** The file as it was before, if one was changed. */
  backup: string | null;
  /** The client as it is now. */
  connection: Connection;
  /** What was done, in one sentence. */
  message: string;
  /** How a check went; null if none was asked for. */
  verified: Verified | null;
};

/** Asks for a client to be connected, disconnected or checked. */
export type ConnectionRequest = {
  /** What is to be done. */
  act: ConnectionAct;
  /** Its name on the command line, as the list of clients has it. */
  client: string;
};

/** What the configuration of a client says of the store. */
export type ConnectionState = "none" | "connected" | "switched_off" | "other_store" | "other_program" | "foreign" | "unreadable";

/** The clients that can be connected. */
export type Connections = {
  /** The clients, those that are installed first. */
  clients: Array<Connection>;
};

/** Connections that were closed without an answer, by reason. */
export type ConnectionsClosed = {
  /** They asked for nothing, and others needed their places. */
  made_room: number;
  /** They were another user's. */
  other_user: number;
  /** The system did not say whose they were. */
  unknown_user: number;
};

/** What a store holds, counted in one transaction. */
export type Contents = {
  /** Acknowledged writes since the store was made; the number of the last one. */
  commits: number;
  /** Deleted ones that can be restored. */
  deleted: number;
  /** Living memories. */
  memories: number;
  /** Vectors. */
  vectors: number;
};

/** Room on the disk of the store. */
export type DiskStatus = {
  /** What can still be filled. */
  free_bytes: number;
  /** Whether it is that little. */
  is_low: boolean;
  /** Less than this is worth a warning. */
  low_below_bytes: number;
  /** Everything, full or free. */
  total_bytes: number;
};

/** What a memory was before a change. */
export type EarlierState = {
  /** When that was, in milliseconds since 1970. */
  at_ms: number;
  /** The change that ended it: `update`, `delete` or `undelete`. */
  change: string;
  /** Program that asked for it. */
  client: string;
  /** True if the row does not match its checksum. Left out if it matches. */
  is_damaged?: boolean;
  /** The metadata before. */
  metadata: { [key: string]: unknown };
  /** The project before; null if the change was made by a program that did not record it. */
  project: string | null;
  /** That write's place in the order of commits. */
  seq: number;
  /** The tags before. */
  tags: Array<string>;
  /** The text before. */
  text: string;
  /** The type before. */
  type: string | null;
};

/** The most frequent names of one kind. */
export type Facet = {
  /** How many other names there are. */
  more: number;
  /** The names, the most frequent first. */
  top: Array<FacetName>;
};

/** A name and how many of the memories have it. */
export type FacetName = {
  /** How many. */
  count: number;
  /** The name. */
  name: string;
};

/** What living memories, or deleted ones, can be filtered by. */
export type Facets = {
  /** Clients that stored them. */
  clients: Facet;
  /** Projects; the empty name stands for memories without one. */
  projects: Facet;
  /** Tags. */
  tags: Facet;
  /** Types; the empty name stands for memories without one. */
  types: Facet;
};

/** The files of the store. */
export type FileStatus = {
  /** Path of the database. */
  database: string;
  /** Its size. */
  database_bytes: number;
  /** Room on the disk of the store; null if the system does not tell. */
  disk: DiskStatus | null;
  /** How the files that this host has open are not those of the store any more, and what to do; null if they are. */
  displaced: string | null;
  /** Kind of its file system, if it is not known whether locks hold there; null if they do. */
  doubtful_file_system: string | null;
  /** Result of the last check, or that one is under way. */
  integrity: IntegrityStatus;
  /** When the last check of this host ended; null before the first. */
  integrity_checked_ms: number | null;
  /** When the last backup was made, by any instance and to any place where it still is; null if there is none. */
  last_backup_ms: number | null;
  /** Acknowledged writes that are missing from the store, in words with what to do; null if there are none, or a person has accepted it. */
  lost_writes: string | null;
  /** Why the last commit is not noted outside the database, so that missing writes would not be noticed; null if it is. */
  note_trouble: string | null;
  /** Version of the schema. */
  schema_version: number;
  /** SQLite's version. */
  sqlite_version: string;
  /** Version of its extension for vectors. */
  vec_version: string;
  /** Size of its write-ahead log. */
  wal_bytes: number;
};

/** A client that floods the queue. */
export type FloodStatus = {
  /** Its name. */
  client: string;
  /** Its waiting requests. */
  own: number;
  /** Everybody's waiting requests. */
  waiting: number;
};

/** The shortest answer to: are you well, and are you who I think you are? */
export type Health = {
  /** How commands for this store begin. */
  command: string;
  /** Connections that were closed without an answer since the start of the host. */
  connections_closed: ConnectionsClosed;
  /** The store directory. */
  data_dir: string;
  /** The same in one sentence. */
  diagnosis: string;
  /** Instance id. */
  instance: string;
  /** Revisions of MCP that are served, the newest first. */
  mcp_revisions: Array<string>;
  /** Process id. */
  pid: number;
  /** When the host opened the store, in milliseconds since 1970. */
  started_ms: number;
  /** Whether anything is waiting, in one word. */
  state: OverallState;
  /** Program version. */
  version: string;
};

/** Samples of the past, the oldest first, without gaps. */
export type History = {
  /** One for each stretch of time. */
  samples: Array<Sample>;
};

/** A found memory, and how its score came about. */
export type Hit = {
  /** Cosine between query and its best chunk, from -1 to 1; null if meaning was not compared. */
  cosine: number | null;
  /** Its rank among the hits by words, from 1; null if its words did not match. */
  keyword_rank: number | null;
  /** The memory. */
  memory: MemoryRow;
  /** How well it fits, from 0 to 1; comparable within one search only. */
  score: number;
  /** Its rank among the hits by meaning, from 1. */
  semantic_rank: number | null;
};

/** This host. */
export type HostStatus = {
  /** The store directory. */
  data_dir: string;
  /** Machine name. */
  host_name: string;
  /** Instance id, 32 hexadecimal digits. */
  instance: string;
  /** Process id. */
  pid: number;
  /** `app`, `serve`, or the command. */
  role: string;
  /** When it opened the store. */
  started_ms: number;
  /** Program version. */
  version: string;
};

/** Requests of one client and kind that wait one after the other in the queue. */
export type InLineStatus = {
  /** Name of the client. */
  client: string;
  /** Kind of the requests. */
  kind: string;
  /** Project of the client, if it told one. */
  project: string | null;
  /** How many they are. */
  requests: number;
  /** Since when the first of them waits: milliseconds since 1970. */
  since_ms: number;
};

/** A slow hold, a slow wait or a failure, with who was in the way. */
export type Incident = {
  /** When it ended. */
  at_ms: number;
  /** Client whose request it was; of a batch, the first. */
  client: string;
  /** How it ended, such as `committed`, `done` or `timed_out`. */
  end: string;
  /** Who held the write lock at that moment, in words; empty if not known. */
  holder: string;
  /** Instance in which it happened. */
  instance: string;
  /** Kind of that request. */
  kind: string;
  /** How long the lock was held, or the request waited. */
  took_ms: number;
  /** What it was. */
  what: IncidentKind;
};

/** What was slow or failed. */
export type IncidentKind = "slow_hold" | "slow_wait" | "failed_acquisition" | "failed_write";

/** Slow holds, slow waits and failures of all instances, the newest first. */
export type Incidents = {
  /** One for each; the last 1,000 are kept. */
  incidents: Array<Incident>;
};

/** The background indexer and its model. */
export type IndexStatus = {
  /** Memories whose meaning is not searchable yet. */
  backlog: number;
  /** Memories with vectors. */
  indexed: number;
  /** State of the model. */
  model: ModelStatus;
  /** Why the model is not usable, in words with what to do; null if it is, or will be soon. */
  reason: string | null;
  /** Vectors per second over the last minute of work; 0 when idle. */
  vectors_per_s: number;
};

/** One living instance. */
export type InstanceRow = {
  /** Machine. */
  host_name: string;
  /** Instance id. */
  instance: string;
  /** Process id. */
  pid: number;
  /** What the system says of its process. One that is stopped answers nobody, whether it holds a lock or not. */
  process: ProcessState;
  /** What may be done about it; null if nothing needs to be. */
  remedy: string | null;
  /** Role, such as `serve`. */
  role: string;
  /** When it opened the store. */
  since_ms: number;
  /** Where it listens, if it serves. */
  url: string | null;
  /** Program version. */
  version: string;
};

/** One live instance that has the store open. */
export type InstanceStatus = {
  /** Machine. */
  host_name: string;
  /** Instance id. */
  instance: string;
  /** Process id. */
  pid: number;
  /** Role, such as `serve`. */
  role: string;
  /** When it opened the store. */
  since_ms: number;
  /** Where it listens, if it serves. */
  url: string | null;
  /** Program version. */
  version: string;
};

/** Result of the last integrity check. */
export type IntegrityStatus = {
  state: "checking";
} | {
  state: "ok";
} | {
  detail: string;
  state: "damaged";
} | {
  detail: string;
  state: "not_made";
};

/** A message of JSON-RPC 2.0. */
export type JsonRpc = {
  error?: {
    code: number;
    message: string;
  };
  id?: string | number | null;
  jsonrpc: "2.0";
  method?: string;
  params?: { [key: string]: unknown };
  result?: { [key: string]: unknown };
};

/** Figures of one kind of request. */
export type KindStats = {
  /** Times the write lock was taken for a batch that began with such a request. */
  acquisitions: number;
  /** Requests answered well. */
  done: number;
  /** Requests that were not carried out, for whatever reason. */
  failed: number;
  /** Time the write lock was held, per acquisition. */
  hold: TimeSummary;
  /** The kind, such as `store` or `search`. */
  kind: string;
  /** The part of it in which its batch waited for the write lock, per write request. */
  lock_wait: TimeSummary;
  /** Time from asking to the start of the commit, per write request. */
  queue_wait: TimeSummary;
  /** Time from asking to the answer. */
  total: TimeSummary;
};

/** A record of a dead instance. */
export type Leftover = {
  /** Id of the dead instance. */
  instance: string;
  /** Its process, if its record can be read. */
  pid: number | null;
  /** Its role, such as `serve`. */
  role: string | null;
  /** Since when the record says so. */
  since_ms: number | null;
  /** What it is a record of: `holder of the write lock`, `instance`, `waiter`. */
  what: string;
};

/** Names a lock of a store. */
export type LockName = "write" | "store" | "gate" | "take_over";

/** A holder of the write lock, or somebody who waits for it. */
export type LockParty = {
  /** Client whose request is first in the batch. */
  client: string;
  /** Its machine. */
  host_name: string;
  /** Instance id. */
  instance: string;
  /** Kind of that request. */
  kind: string;
  /** Process id on `host_name`. */
  pid: number;
  /** How far a task of many parts has come; null if it has no parts. */
  progress?: Progress | null;
  /** Requests in the batch. */
  requests: number;
  /** Role of that instance, such as `serve`. */
  role: string;
  /** Since when it holds or waits. */
  since_ms: number;
  /** Its program version. */
  version: string;
};

/** One lock. */
export type LockRow = {
  /** What may be done about it; null if nothing needs to be, or if a newer host names an act that is not known here. */
  act: SettleAct | null;
  /** For how long, by the wall clock; 0 if it is free. */
  age_ms: number;
  /** How often the write lock has moved to a new file. */
  generation: number;
  /** Who holds it, or died with it. */
  holder: LockParty | null;
  /** Whether somebody has a transaction open that changes the store; null if that was not asked. */
  is_in_transaction: boolean | null;
  /** Which lock. */
  name: LockName;
  /** The lock file. */
  path: string;
  /** Processes that hold it, as the system lists them. */
  pids: Array<number>;
  /** What the system says of the holder's process. */
  process: ProcessState;
  /** Whether it is held. */
  state: LockState;
  /** The evidence and the advice, in a sentence. */
  words: string;
};

/** Whether the write lock is held. */
export type LockState = "free" | "held" | "held_by_unknown" | "leftover";

/** The write lock. */
export type LockStatus = {
  /** Fencing number of the last commit of this host; 0 before its first. */
  epoch: number;
  /** Who holds it, if somebody does and left a readable record. */
  holder: LockParty | null;
  /** Whether anybody holds it. */
  state: LockState;
  /** Who waits for it, the longest first, over all instances. */
  waiters: Array<LockParty>;
};

/** Everything about the locks of one store at one moment. */
export type LocksReport = {
  /** The latest entries of the audit log, the newest first. */
  audit: Array<AuditEntry>;
  /** Living instances. */
  instances: Array<InstanceRow>;
  /** What dead instances left; cleared by itself at the next write or start. */
  leftovers: Array<Leftover>;
  /** The locks: the write lock in force, older ones that are still held, the store lock, its gate, a take-over under way. */
  locks: Array<LockRow>;
  /** When this was read. */
  now_ms: number;
  /** Who waits for the write lock, in the order in which they are served. */
  waiters: Array<WaiterRow>;
};

/** How much a line matters, the worst first. */
export type LogLevel = "error" | "warn" | "info" | "debug" | "trace";

/** One line of the log, with what belongs to it. Text only: control characters and secrets are taken out. */
export type LogLine = {
  /** When, as in the file: `2026-11-25T04:03:30.123456Z`. */
  at: string;
  /** How much it matters. */
  level: LogLevel;
  /** Part of the program. */
  source: string;
  /** What it says. */
  text: string;
};

/** Some lines of the log. */
export type LogPage = {
  /** Where to go on with older lines; null if there are none. A page may have few lines, or none, and still say where to go on: one request reads a bounded part of the files. */
  before: string | null;
  /** The directory with the files. */
  folder: string;
  /** The lines, the newest first. */
  lines: Array<LogLine>;
};

/** Asks for a login to start the program, or not. */
export type LoginRequest = {
  /** Whether it shall. */
  start_at_login: boolean;
};

/** Whether a login starts the program. */
export type LoginStatus = {
  /** The file or the value in the registry that says so, or would. */
  place: string;
  /** Whether it does. */
  start_at_login: boolean;
};

/** The holder that a person was shown when they chose to settle a lock. Another one, and the same one in a later turn, is left alone. */
export type MeantHolder = {
  /** Its instance. */
  instance: string;
  /** Since when it has the lock. */
  since_ms: number;
};

/** A memory. */
export type Memory = {
  /** Its name for the tools and the command line: 64 hexadecimal digits. */
  content_hash: string;
  /** When it was stored, in milliseconds since 1970. */
  created_ms: number;
  /** When it was deleted, in milliseconds since 1970; null for a living memory. */
  deleted_ms: number | null;
  /** Its name inside this store; never used twice. */
  id: number;
  /** True if the row does not match its checksum: something of it is not what was stored. Left out if it matches. */
  is_damaged?: boolean;
  /** What else the client kept. */
  metadata: { [key: string]: unknown };
  /** Project it belongs to; empty means none. */
  project: string;
  /** Who stored it. */
  provenance: Provenance;
  /** Tags, lower case, without repetitions. */
  tags: Array<string>;
  /** The text. */
  text: string;
  /** Kind of memory, as the client gave it. */
  type: string | null;
  /** When it was changed last, in milliseconds since 1970; grows with every change. */
  updated_ms: number;
};

/** A memory after a change. */
export type MemoryChanged = {
  /** Its earlier states, the latest first; the last 100. */
  history: Array<EarlierState>;
  /** Whether it can be found by its meaning. */
  is_indexed: boolean;
  /** The memory as it is. */
  memory: Memory;
  /** Each kind once. */
  redacted: Array<string>;
  /** Each with its place. */
  replaced: Array<Replaced>;
};

/** What the store holds. */
export type MemoryCounts = {
  /** Deleted ones that can be restored. */
  deleted: number;
  /** Living memories. */
  total: number;
};

/** A memory that is to be stored. */
export type MemoryDraft = {
  /** What else is to be kept; at most 16,384 bytes of JSON. */
  metadata?: { [key: string]: unknown } | null;
  /** Project it belongs to; empty means none. */
  project?: string | null;
  /** At most 100 different ones; empty ones do not count. */
  tags?: Array<string> | null;
  /** The text, at most 65,536 bytes. */
  text: string;
  /** Kind of memory, free text. */
  type?: string | null;
};

/** Names several memories. */
export type MemoryIds = {
  /** Their ids. */
  ids: Array<number>;
};

/** A part of the list of memories. */
export type MemoryList = {
  /** The memories, the newest first; deleted ones the one deleted last first. */
  memories: Array<MemoryRow>;
  /** Where the next part begins; null if this was the last. */
  next: string | null;
  /** How many pass the filter in all; counted for the first part only. */
  total: number | null;
};

/** Whether one of several memories was changed, or why not. */
export type MemoryOutcome = "done" | "not_found" | "already_deleted" | "not_deleted" | "text_taken" | "not_tried";

/** What changes of a memory. What is left out stays. */
export type MemoryPatch = {
  /** Merged into what is there; a key with null is removed. */
  metadata?: { [key: string]: unknown } | null;
  /** Project it belongs to; empty means none. */
  project?: string | null;
  /** At most 100 different ones; empty ones do not count. */
  tags?: Array<string> | null;
  /** The text, at most 65,536 bytes. */
  text?: string | null;
  /** Kind of memory, free text. */
  type?: string | null;
  /** `updated_ms` of the memory as it was read; if it has changed since, nothing is written. */
  updated_ms: number;
};

/** All that is known of one memory. */
export type MemoryRecord = {
  /** Its earlier states, the latest first; the last 100. */
  history: Array<EarlierState>;
  /** Whether it can be found by its meaning. */
  is_indexed: boolean;
  /** The memory as it is. */
  memory: Memory;
};

/** What became of one of several memories. */
export type MemoryResult = {
  /** Its id. */
  id: number;
  /** `done`, or why not. */
  result: MemoryOutcome;
};

/** What became of several memories. */
export type MemoryResults = {
  /** How many were done. */
  done: number;
  /** Why the last ones were not tried, if they were not; those before are done. */
  problem: string | null;
  /** One for each id, in the order they were asked for. */
  results: Array<MemoryResult>;
};

/** A memory in a list. */
export type MemoryRow = {
  /** Its name for the tools and the command line: 64 hexadecimal digits. */
  content_hash: string;
  /** When it was stored, in milliseconds since 1970. */
  created_ms: number;
  /** When it was deleted, in milliseconds since 1970; null for a living memory. */
  deleted_ms: number | null;
  /** Its name inside this store; never used twice. */
  id: number;
  /** Whether the text is only a part. */
  is_cut: boolean;
  /** True if the row does not match its checksum: something of it is not what was stored. Left out if it matches. */
  is_damaged?: boolean;
  /** What else the client kept. */
  metadata: { [key: string]: unknown };
  /** Project it belongs to; empty means none. */
  project: string;
  /** Who stored it. */
  provenance: Provenance;
  /** Tags, lower case, without repetitions. */
  tags: Array<string>;
  /** The text. */
  text: string;
  /** Kind of memory, as the client gave it. */
  type: string | null;
  /** When it was changed last, in milliseconds since 1970; grows with every change. */
  updated_ms: number;
};

/** Where a memory is kept. */
export type MemoryStored = {
  /** Its name for the tools and the command line. */
  content_hash: string;
  /** Its name inside this store. */
  id: number;
  /** False if the same text was there already. */
  is_new: boolean;
  /** Each kind once. */
  redacted: Array<string>;
  /** Each with its place. */
  replaced: Array<Replaced>;
};

/** State of the model. */
export type ModelStatus = "loading" | "ready" | "missing" | "failed";

/** One word for a whole host, from calm to trouble. */
export type OverallState = "ok" | "busy" | "waiting" | "paused" | "error";

/** An address that opens the page once. */
export type PageAddress = {
  /** How long the code is valid. */
  expires_in_s: number;
  /** The address; its fragment holds a one-time code. */
  url: string;
};

/** Since when the writes of a store are paused, and who asked for it. */
export type Pause = {
  /** Who asked, as they said. */
  by: string;
  /** Since when, in milliseconds since 1970. */
  since_ms: number;
};

/** The pause in force, or the one that ended; null if writes were not paused. */
export type PauseAnswer = {
  /** The pause. */
  pause: Pause | null;
};

/** Asks for a pause. */
export type PauseRequest = {
  /** Who asks; shown to everybody whose write waits. */
  by?: string | null;
};

/** What is known about the process that a record names. */
export type ProcessState = "running" | "stopped" | "gone" | "reused" | "other_container" | "other_machine" | "unknown";

/** How far a task of many parts has come. */
export type Progress = {
  /** What is done, counted in what the task is about: memories, pages, steps. */
  done: number;
  /** All there is to do; null if that is not known. */
  of: number | null;
};

/** The proof that a host knows a session. */
export type Proof = {
  /** SHA-256 of the SHA-256 of the session's token followed by the nonce, in hexadecimal digits. */
  proof: string;
};

/** Asks a host to prove that it knows a session. */
export type ProofRequest = {
  /** 32 bytes made up for this question, in hexadecimal digits. */
  nonce: string;
  /** SHA-256 of the SHA-256 of the session's token, in hexadecimal digits. */
  session: string;
};

/** Who stored a memory, as far as it is known. */
export type Provenance = {
  /** Program that asked for it, such as `claude-code`. */
  client: string;
  /** Version of that program. */
  client_version?: string | null;
  /** Machine it ran on. */
  host_name?: string | null;
  /** Session of that program. */
  session?: string | null;
};

/** The write queue. */
export type QueueStatus = {
  /** The client that others are let past because it has more than its share waiting; null most of the time. */
  flood: FloodStatus | null;
  /** Requests in the commit under way. */
  in_commit: number;
  /** Requests accepted and not yet answered. */
  length: number;
  /** The most it takes before it refuses; a quarter more is kept for clients that hold less than their part. */
  limit: number;
  /** What is begun next, in this order: its first 8 entries. The commit under way is not in it. */
  line: Array<InLineStatus>;
  /** How long the oldest one has waited; 0 if there is none. */
  oldest_ms: number;
  /** Requests of one client that are served in the order they came; what it sends beyond them yields to others. */
  share: number;
};

/** Parts of a memory as they were before secrets in them were replaced. Those without secrets are left out. */
export type RedactedParts = {
  /** The keys of the metadata in which something was replaced. */
  metadata?: { [key: string]: unknown } | null;
  /** The project. */
  project?: string | null;
  /** All tags. */
  tags?: Array<string> | null;
  /** The text. */
  text?: string | null;
  /** The type. */
  type?: string | null;
};

/** A write in which secrets were replaced; never a part of them. */
export type Redaction = {
  /** When it was written, in milliseconds since 1970. */
  at_ms: number;
  /** Program that asked for the write, such as `claude-code`. */
  client: string;
  /** The memory. */
  memory: number;
  /** Its name at this host. Another host that serves the same port later has other numbers. */
  number: number;
  /** What was replaced, and where. */
  replaced: Array<Replaced>;
  /** The first words of the memory as it was stored, on one line; empty if they are not known. */
  start: string;
  /** Until when it can be taken back, in milliseconds since 1970, if the host runs as long. */
  until_ms: number;
};

/** The redactions that can still be taken back. */
export type RedactionList = {
  /** One for each write in which something was replaced, the latest first; at most 200. */
  redactions: Array<Redaction>;
};

/** A redaction with what it replaced. For the eyes of the person only. */
export type RedactionShown = {
  /** When it was written, in milliseconds since 1970. */
  at_ms: number;
  /** Program that asked for the write, such as `claude-code`. */
  client: string;
  /** The memory. */
  memory: number;
  /** Its name at this host. Another host that serves the same port later has other numbers. */
  number: number;
  /** The parts of the memory as they were meant. */
  parts: RedactedParts;
  /** What was replaced, and where. */
  replaced: Array<Replaced>;
  /** The first words of the memory as it was stored, on one line; empty if they are not known. */
  start: string;
  /** Until when it can be taken back, in milliseconds since 1970, if the host runs as long. */
  until_ms: number;
};

/** What a status says of the redactions of its host. */
export type RedactionStatus = {
  /** How many can still be taken back. */
  count: number;
  /** Grows whenever one is added or goes. */
  revision: number;
};

/** The body of an answer that refuses. */
export type RefusalBody = {
  /** The refusal. */
  error: SaidRefusal;
};

/** A secret that was replaced before storing. */
export type Replaced = {
  /** What it was, such as `github token`; never a part of it. */
  kind: string;
  /** Where it stood, such as `text`, `tags` or `metadata.db.url`. */
  place: string;
};

/** A refusal with its sentence. */
export type SaidRefusal = ({
  code: "wrong_host";
  /** The port of the host. */
  port: number;
} | {
  code: "foreign_origin";
} | {
  code: "cross_site";
} | {
  code: "no_token";
} | {
  code: "unknown_token";
} | {
  code: "agent_token";
} | {
  code: "session_token";
} | {
  code: "wrong_code";
} | {
  code: "too_many_codes";
  /** When the next one is looked at. */
  retry_after_s: number;
} | {
  code: "not_json";
} | {
  code: "body_too_large";
  /** The limit. */
  limit_bytes: number;
} | {
  code: "body_broken";
} | {
  code: "bad_request";
  /** What is wrong, and what it must be. */
  problem: string;
} | {
  code: "bad_setting";
  /** What it may be, if there is such a setting. */
  domain?: SettingDomain | null;
  /** The setting. */
  key: string;
  /** The nearest key, if there is no such setting. */
  nearest?: string | null;
  /** What was asked for, if there is such a setting. */
  value?: unknown;
} | {
  /** The flag or variable. */
  by: string;
  code: "overridden";
  /** The setting. */
  key: string;
} | {
  code: "busy";
  /** What is being done, and where its end can be seen. */
  reason: string;
} | {
  code: "not_safe";
  /** What was found. */
  found: string;
  /** Why it was refused, and what to do instead. */
  reason: string;
} | {
  code: "by_hand";
  /** Lines to add or a command to run; empty if there are none. */
  lines: string;
  /** Why it was not done, and what to do. */
  reason: string;
} | {
  code: "failed";
  /** What was tried, on what, and what to do. */
  reason: string;
} | {
  code: "no_memory";
  /** Its id. */
  id: number;
} | {
  code: "changed";
  /** Its id. */
  id: number;
  /** When it was changed, in milliseconds since 1970. */
  updated_ms: number;
} | {
  code: "text_taken";
  /** Hash of that memory. */
  content_hash: string;
} | {
  code: "no_redaction";
  /** Its number. */
  number: number;
} | {
  code: "changed_since";
  /** Its id. */
  id: number;
} | {
  code: "paused";
  /** Since when, and by whom. */
  pause: Pause;
  /** How long this one waited; null if it did not. */
  waited_ms?: number | null;
} | {
  code: "queue_full";
  /** Requests in the queue. */
  length: number;
  /** The most it takes. */
  limit: number;
  /** Of these, the client's own. */
  own: number;
  /** When a place is likely to be free. */
  retry_after_s: number;
} | {
  code: "timed_out";
  /** Who holds it, in words: pid, program, machine, how long. */
  holder: string;
  /** The lock. */
  path: string;
  /** Requests in the queue. */
  queue_length: number;
  /** Name of the request in the log of the host. */
  request: string;
  /** How long the request waited. */
  waited_ms: number;
} | {
  code: "taken_over";
  /** What happened, and what to do. */
  reason: string;
} | {
  code: "shutting_down";
} | {
  code: "not_written";
  /** What was tried, on what, and what to do. */
  reason: string;
} | {
  code: "unknown_outcome";
  /** What happened. */
  reason: string;
} | {
  code: "not_found";
} | {
  code: "wrong_method";
} | {
  code: "too_many_requests";
  /** The most there may be. */
  limit: number;
} | {
  code: "too_many_streams";
  /** The most there may be. */
  limit: number;
} | {
  code: "too_slow";
  /** How long it could take. */
  limit_s: number;
}) & ({
  /** The sentence, for people. */
  message: string;
});

/** What happened in one stretch of time over all instances, for the charts. Times are in milliseconds. */
export type Sample = {
  /** Times the write lock was taken. */
  acquisitions: number;
  /** When it began. */
  at_ms: number;
  /** Commits: turns with the lock that wrote something. */
  commits: number;
  /** Requests that failed. */
  failures: number;
  /** Longest hold of the write lock. */
  hold_max_ms: number;
  /** Median hold. */
  hold_p50_ms: number;
  /** 95th percentile of the same. */
  hold_p95_ms: number;
  /** How long it was. */
  length_ms: number;
  /** Longest wait for the write lock. */
  lock_wait_max_ms: number;
  /** Median wait for the write lock. */
  lock_wait_p50_ms: number;
  /** 95th percentile of the same. */
  lock_wait_p95_ms: number;
  /** Most requests in the queue of one instance. */
  queue_length_max: number;
  /** Average queue wait. */
  queue_wait_average_ms: number;
  /** Longest queue wait. */
  queue_wait_max_ms: number;
  /** Median queue wait. */
  queue_wait_p50_ms: number;
  /** 95th percentile of the queue waits. */
  queue_wait_p95_ms: number;
  /** Searches answered. */
  searches: number;
  /** Writes acknowledged. */
  writes: number;
};

/** How a search compares its text with memories. */
export type SearchMode = "hybrid" | "semantic" | "keyword" | "exact";

/** What a search found. */
export type SearchResults = {
  /** The hits, best first. */
  hits: Array<Hit>;
  /** Memories whose meaning is not searchable yet. */
  index_backlog: number;
  /** How it compared. */
  mode: SearchMode;
  /** Why meaning was not used although the mode asks for it; null if it was used or not asked for. */
  words_only: string | null;
};

/** A session of a page. */
export type Session = {
  /** How long the session may rest before it ends. */
  idle_max_s: number;
  /** Bearer token with the rights of the admin token. */
  token: string;
};

/** Asks for a session. */
export type SessionRequest = {
  /** The one-time code. */
  code: string;
};

/** What a setting may be. */
export type SettingDomain = {
  kind: "integer";
  /** The most. */
  max: number;
  /** The least. */
  min: number;
} | {
  kind: "integer_or_auto";
  /** The most. */
  max: number;
  /** The least. */
  min: number;
} | {
  /** The words. */
  choices: Array<string>;
  kind: "choice";
} | {
  kind: "boolean";
} | {
  kind: "directory";
};

/** One setting of a store. */
export type SettingStatus = {
  /** What it does, in a sentence or two. */
  about: string;
  /** The value without file, environment and flags. */
  default: unknown;
  /** What it may be. */
  domain: SettingDomain;
  /** Whether a flag or a variable wins over the file, so that it cannot be changed here. */
  is_fixed: boolean;
  /** Whether a change takes effect at once, or when the host starts the next time. */
  is_live: boolean;
  /** Its name in the file. */
  key: string;
  /** The value after the next start, if it is another than the one in force. */
  next: unknown;
  /** The same in words. */
  range: string;
  /** Where the value in force comes from: `default`, `settings.toml`, or the flag or variable that wins over the file. */
  source: string;
  /** What people call it; empty from an older host. */
  title: string;
  /** What a number counts, such as `s`; null for words. */
  unit: string | null;
  /** The value in force. */
  value: unknown;
};

/** Changes of settings, all or none: each key with its new value, or with null for the default. */
export type SettingsChange = {
  /** Backups that stay in the directory of backups, the newest ones. Those from before a restore or before a change of the schema are not counted and stay. */
  backups_kept?: number | null;
  /** How much of the past is kept for the charts, in days of minutes in which something happened. */
  history_days?: number | null;
  /** What is logged: messages of this level and of more serious ones. */
  log?: "error" | "warn" | "info" | "debug" | "trace" | null;
  /** Where the files of the model are; empty means models/all-MiniLM-L6-v2 in the store directory. */
  model_dir?: string | null;
  /** Port on 127.0.0.1; 0 means any free one. */
  port?: number | null;
  /** Most writes that wait at once. */
  queue_length?: number | null;
  /** Replace secrets such as keys and passwords in texts before they are stored. */
  redact_secrets?: boolean | null;
  /** A hold of the write lock this long is recorded and logged as slow. */
  slow_hold_ms?: number | null;
  /** A write that waits this long is recorded and logged as slow. */
  slow_wait_ms?: number | null;
  /** Threads that run searches; auto follows the measured wait, with at most 4 for each core. */
  workers?: number | null | "auto";
  /** How long a write waits for its commit if the client names no time. */
  write_deadline_s?: number | null;
};

/** Every setting of a store, as a host or a command sees them. */
export type SettingsReport = {
  /** The file that keeps them. */
  path: string;
  /** Why the file is not in use as it stands, if it is not; the values from before stay in force. */
  problem: string | null;
  /** The settings, in the order of the file. */
  settings: Array<SettingStatus>;
};

/** Asks for a lock to be settled. */
export type Settle = {
  /** What is to be done. */
  act: SettleAct;
  /** The holder that is meant, as the table of locks shows it; null for whoever holds the lock. If another one holds it by then, nothing is done. */
  holder?: MeantHolder | null;
};

/** What a person can do about a lock. */
export type SettleAct = "clear_leftovers" | "take_over" | "terminate";

/** What was found and done when a lock was settled. */
export type Settled = {
  /** What was done, in words. */
  done: string;
  /** What was found, in words. */
  found: string;
};

/** Counters and wait times over all instances that ever had the store open. */
export type Stats = {
  /** Write requests acknowledged. */
  acknowledged: number;
  /** Times the write lock was taken. */
  acquisitions: number;
  /** Whether this host holds it now: 0 or 1. */
  active_locks: number;
  /** The same by client; at most 64, and `other` for the rest. */
  by_client: Array<ClientStats>;
  /** The same by kind of request. */
  by_kind: Array<KindStats>;
  /** Write requests given up by their client. */
  cancelled: number;
  /** Time of the COMMIT itself, per commit. */
  commit: TimeSummary;
  /** Commits. */
  commits: number;
  /** Times it was not free at once. */
  contended_acquisitions: number;
  /** Write requests that failed for another reason, such as a full disk. */
  failed: number;
  /** Times it could not be taken. */
  failed_acquisitions: number;
  /** The same by reason. */
  failed_by_reason: AcquisitionFailures;
  /** Time the write lock was held, per acquisition. */
  hold: TimeSummary;
  /** When it was taken last. */
  last_acquisition_ms: number | null;
  /** Leftover records of dead instances that were cleared. */
  leftovers_cleared: number;
  /** Time to get the write lock, per acquisition. */
  lock_wait: TimeSummary;
  /** Write requests turned away because the queue was full. */
  queue_full: number;
  /** Time from asking to the start of the commit, per request. */
  queue_wait: TimeSummary;
  /** Write requests refused for what they asked. */
  refused: number;
  /** Attempts made again after a passing failure. */
  retries: number;
  /** Time from asking to the answer, per search. */
  search_total: TimeSummary;
  /** Searches and lists answered. */
  searches: number;
  /** Write requests that had to let others go first, or were turned away, because their client had more than its share. */
  throttled: number;
  /** Write requests that ran out of time. */
  timed_out: number;
  /** Time from asking to the answer, per write request. */
  write_total: TimeSummary;
};

/** The state of one host at one moment. */
export type Status = {
  /** Clients seen by this host, the last seen first; at most 64. */
  clients: Array<ClientStatus>;
  /** The same in one sentence. */
  diagnosis: string;
  /** The files of the store. */
  files: FileStatus;
  /** This host. */
  host: HostStatus;
  /** The background indexer. */
  index: IndexStatus;
  /** Every live instance that has this store open, this one included. */
  instances: Array<InstanceStatus>;
  /** The write lock, as seen from here. */
  lock: LockStatus;
  /** What the store holds. */
  memories: MemoryCounts;
  /** When this was read. */
  now_ms: number;
  /** Since when the writes of this store are paused, and by whom; null while they go on. */
  pause: Pause | null;
  /** The write queue of this host. */
  queue: QueueStatus;
  /** Secrets that this host replaced and that can still be put back. */
  redactions: RedactionStatus;
  /** Why the settings file is not in use as it stands; null if it is. The values from before stay in force. */
  settings_problem: string | null;
  /** Grows with every change of a setting, or of the settings file, that this host has noticed. */
  settings_revision: number;
  /** Whether anything is waiting, in one word. */
  state: OverallState;
  /** Counters and wait times over all instances that ever had the store open. */
  stats: Stats;
  /** The workers of this host. */
  workers: WorkerStatus;
};

/** A distribution of times, in milliseconds with fractions. */
export type TimeSummary = {
  /** Their average. */
  average_ms: number;
  /** How many were measured. */
  count: number;
  /** The largest. */
  max_ms: number;
  /** Median: half were at most this. */
  p50_ms: number;
  /** 95th percentile. */
  p95_ms: number;
  /** 99th percentile. */
  p99_ms: number;
  /** Their sum. */
  sum_ms: number;
};

/** Way on which a request came in. */
export type Transport = "http" | "stdio" | "cli" | "page" | "internal";

/** A text went through the entry of a client and came back. */
export type Verified = {
  /** When it was found, in milliseconds since 1970. */
  at_ms: number;
  /** From starting the entry to finding the text. */
  stored_and_found_ms: number;
};

/** One waiting call. */
export type WaiterRow = {
  /** For how long. */
  age_ms: number;
  /** Client whose request is first in the batch. */
  client: string;
  /** Its machine. */
  host_name: string;
  /** Instance id. */
  instance: string;
  /** Kind of that request. */
  kind: string;
  /** Process id on `host_name`. */
  pid: number;
  /** Place in line, from 1. */
  place: number;
  /** What the system says of its process. */
  process: ProcessState;
  /** How far a task of many parts has come; null if it has no parts. */
  progress?: Progress | null;
  /** Requests in the batch. */
  requests: number;
  /** Role of that instance, such as `serve`. */
  role: string;
  /** Since when it holds or waits. */
  since_ms: number;
  /** Its program version. */
  version: string;
};

/** The workers. */
export type WorkerStatus = {
  /** How many are at work. */
  busy: number;
  /** How many there are. */
  count: number;
  /** Whether their number follows the measured wait. */
  is_auto: boolean;
  /** How long searches waited for one. */
  wait: TimeSummary;
  /** Searches that wait for one. */
  waiting: number;
};
