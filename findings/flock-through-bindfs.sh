#!/usr/bin/env bash
# Surprise: an exclusive flock(2) on a file does not exclude a program that opens the same file through a FUSE mount of
# its directory, and the mount shows a file for up to a second after it was removed. bindfs 1.14.7 (Debian 12), Linux.
#
# Guess: one file has one lock, by whatever path it is opened, as with `mount --bind`.
# Seen: through the FUSE mount both programs have the lock at once. FUSE keeps flock inside each mount unless the file
# system says that it handles locks, and bindfs does so only with --enable-lock-forwarding. Two processes that guard a
# SQLite database with such a lock then write at the same time, each sure to be alone. A file that was removed beneath is
# still found by name through the mount (the kernel keeps names for the entry time-out, 1 s by default in libfuse), while
# a listing of the directory no longer has it: who looks whether a lock file is still there must list the directory.
#
# Needs root and /dev/fuse. Exit: 0 as described, 1 changed, 2 cannot be tried here.
set -euo pipefail
[ "$(id -u)" = 0 ] && [ -e /dev/fuse ] || { echo "needs root and /dev/fuse"; exit 2; }
work=$(mktemp -d)
clean() { umount "$work/fuse" 2>/dev/null || true; umount "$work/bind" 2>/dev/null || true; rm -rf "$work"; }
trap clean EXIT
cd "$work"
mkdir packages real fuse bind
(cd packages && apt-get download -qq bindfs=1.14.7-1 libfuse3-3 >/dev/null 2>&1) || { echo "the package cannot be had"; exit 2; }
for package in packages/*.deb; do dpkg -x "$package" root; done
libraries=$(dirname "$(find root -name 'libfuse3.so.3' | head -n 1)")
bindfs() { LD_LIBRARY_PATH="$work/$libraries" "$work/root/usr/bin/bindfs" "$@"; }
bindfs --version

touch real/lock
mount --bind real bind
bindfs real fuse

exec 9<real/lock
flock --exclusive --nonblock 9
ask() { if flock --exclusive --nonblock "$1" true; then echo "taken"; else echo "refused"; fi; }
by_bind=$(ask bind/lock)
by_fuse=$(ask fuse/lock)
echo "held by its own path; asked by mount --bind: $by_bind; asked by bindfs: $by_fuse"

touch real/gone
stat fuse/gone >/dev/null
rm real/gone
if stat fuse/gone >/dev/null 2>&1; then by_name="still there"; else by_name="not there"; fi
if ls fuse | grep -qx gone; then listed="still there"; else listed="not there"; fi
echo "removed beneath the mount; by its name: $by_name; in a listing: $listed"

[ "$by_bind" = refused ] && [ "$by_fuse" = taken ] && [ "$by_name" = "still there" ] && [ "$listed" = "not there" ]
