#!/usr/bin/env bash
# Surprise: with FTS5's option secure-delete, removing the newest rows first costs many times as much as removing the
# oldest first, and the gap grows with their number. SQLite 3.54.1 (PyPI apsw 3.54.1.0).
#
# Guess: the order in which rows are deleted does not matter, or the newest first is the cheaper one, as for a log. A
# program that deletes "the newest first" in one transaction seems to hang: 51,000 rows took us five minutes.
# Seen: processor time for deleting all of 3,000 rows that share their words, ascending and descending by rowid. An entry of
# a word is looked for from the beginning of the word's list of rows, so each delete reads over all rows before it.
#
# Exit: 0 as described, 1 changed, 2 cannot be tried here.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv && venv/bin/pip install --quiet apsw==3.54.1.0 || { echo "python3 with venv and pip is needed"; exit 2; }
venv/bin/python - <<'PY'
import sys, time
import apsw

def seconds(is_ascending, count):
    db = apsw.Connection(":memory:")
    db.execute("CREATE VIRTUAL TABLE words USING fts5 (text)")
    db.execute("INSERT INTO words (words, rank) VALUES ('secure-delete', 1)")
    with db:
        for n in range(1, count + 1):
            db.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (n, f"a note about the build and the tests {n}"))
    db.execute("INSERT INTO words (words) VALUES ('optimize')")
    started = time.process_time()
    with db:
        for n in sorted(range(1, count + 1), reverse=not is_ascending):
            db.execute("DELETE FROM words WHERE rowid = ?", (n,))
    return time.process_time() - started

print("SQLite", apsw.sqlite_lib_version())
for count in (1_500, 3_000):
    up, down = seconds(True, count), seconds(False, count)
    print(f"{count} rows: oldest first {up:.2f} s, newest first {down:.2f} s")
sys.exit(0 if down > 4 * up else 1)
PY
