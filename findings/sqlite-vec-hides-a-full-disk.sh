#!/usr/bin/env bash
# Surprise: when there is no room left, a vec0 table says "SQL logic error" (SQLITE_ERROR, 1) where every other table says
# "database or disk is full" (SQLITE_FULL, 13). sqlite-vec 0.1.9 with SQLite 3.54.1 (PyPI sqlite-vec 0.1.9, apsw 3.54.1.0).
#
# Guess: the code of the failure underneath reaches the caller, so that a program can tell a full disk from a wrong statement,
# wait, and try again.
# Seen: the same rows into a plain table and into a vec0 table of a database that may not grow. The plain one fails with 13,
# vec0 with 1 and the words "Could not insert a new vector chunk". Whoever sorts failures by their code takes a full disk
# for a fault of the program.
#
# Exit: 0 as described, 1 changed, 2 cannot be tried here.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv && venv/bin/pip install --quiet apsw==3.54.1.0 sqlite-vec==0.1.9 || { echo "python3 with venv and pip is needed"; exit 2; }
venv/bin/python - <<'PY'
import struct, sys
import apsw, sqlite_vec

PAGES_LEFT = 40
VECTOR = struct.pack("384f", *[0.1] * 384)

def failure(insert):
    db = apsw.Connection(":memory:")
    db.enable_load_extension(True)
    db.load_extension(sqlite_vec.loadable_path())
    db.execute("CREATE TABLE plain (id INTEGER PRIMARY KEY, vector BLOB)")
    db.execute("CREATE VIRTUAL TABLE vectors USING vec0 (vector float[384])")
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages + PAGES_LEFT}")
    for n in range(1, 10_000):
        try:
            db.execute(insert, (n, VECTOR))
        except apsw.Error as error:
            return error.result, str(error)
    return 0, "no failure"

print("SQLite", apsw.sqlite_lib_version(), "sqlite-vec", sqlite_vec.__version__)
plain = failure("INSERT INTO plain (id, vector) VALUES (?, ?)")
vec0 = failure("INSERT INTO vectors (rowid, vector) VALUES (?, ?)")
print("plain table:", *plain)
print("vec0 table: ", *vec0)
sys.exit(0 if (plain[0], vec0[0]) == (apsw.SQLITE_FULL, apsw.SQLITE_ERROR) else 1)
PY
