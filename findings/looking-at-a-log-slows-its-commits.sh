#!/usr/bin/env bash
# Surprise: stat(2) on the write-ahead log of a SQLite database makes the next commit a third slower. Linux 6.18, ext4, SQLite
# 3.54.1 (PyPI apsw 3.54.1.0). Since Linux 6.13 (multigrain timestamps) a file whose times somebody has asked for gets
# a new fine-grained time at its next write; the inode has changed then, and the sync of the commit writes the journal too.
#
# Guess: to look at a file costs whoever looks, and nobody else.
# Seen: medians of commits with synchronous=FULL into a log that is overwritten in place: nobody looks, somebody calls stat
# before each, somebody calls statx and asks for the inode number only. A program that watches a database by stat, many
# times a second, slows the database down; one that asks for the number (or the size) alone does not.
#
# Needs Linux 6.13 or newer and ext4 under TMPDIR. Exit: 0 as described, 1 changed, 2 cannot be tried here.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
[ "$(stat --file-system --format %T .)" = "ext2/ext3" ] || { echo "needs ext4"; exit 2; }
printf '%s\n' 6.13 "$(uname -r)" | sort --version-sort --check=quiet || { echo "needs Linux 6.13"; exit 2; }
python3 -m venv venv && venv/bin/pip install --quiet apsw==3.54.1.0 || { echo "python3 with venv and pip is needed"; exit 2; }
venv/bin/python - <<'PY'
import ctypes, os, statistics, sys, time
import apsw

AT_FDCWD, STATX_INO = -100, 0x100
LOG = "notes.db-wal"
libc, answer = ctypes.CDLL(None), ctypes.create_string_buffer(512)
looks = {
    "nobody looks": lambda: None,
    "stat": lambda: os.stat(LOG),
    "statx, inode number only": lambda: libc.statx(AT_FDCWD, LOG.encode(), 0, STATX_INO, answer),
}

db = apsw.Connection("notes.db")
for pragma in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 0"):
    db.execute(f"PRAGMA {pragma}").fetchall()
db.execute("CREATE TABLE notes (text)")
commit = lambda: db.execute("INSERT INTO notes VALUES (randomblob(200))")
# The log gets its length once; from then on it is overwritten from its beginning.
for _ in range(3_000):
    commit()
times = {name: [] for name in looks}
for turn in range(120):
    if turn % 12 == 0:
        db.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        commit()
    name = list(looks)[turn % 3]
    for _ in range(20):
        looks[name]()
        started = time.perf_counter()
        commit()
        times[name].append(time.perf_counter() - started)

print("Linux", os.uname().release, "SQLite", apsw.sqlite_lib_version())
medians = {name: statistics.median(values) * 1_000 for name, values in times.items()}
for name, median in medians.items():
    print(f"{name:26} {median:.3f} ms")
nobody, with_stat, with_number = medians.values()
sys.exit(0 if with_stat > 1.15 * nobody and with_number < 1.1 * nobody else 1)
PY
