# Runs in a clean root as /try.sh DISPLAY: installs /commonplace.deb, starts what is in it as an ordinary user, removes it,
# and looks for what is left.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
display=$1
home=/home/person
store=$home/.local/share/commonplace

say() { printf '      %s\n' "$*" >&2; }
fail() { say "FAILED: $*"; exit 1; }

# Makes this shell a program of the person; of a shell in the background, so that its number is the program's.
become_person() {
    exec setpriv --reuid=person --regid=person --init-groups \
        env -i HOME=$home USER=person PATH=/usr/bin:/bin LANG=C.UTF-8 DISPLAY="$display" "$@"
}

as_person() { (become_person "$@"); }

# Asks the host on port $1 for its health, with nothing but the shell.
is_well() {
    exec 3<>"/dev/tcp/127.0.0.1/$1"
    printf 'GET /api/health HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n' \
        "$1" "$(<$store/admin.token)" >&3
    local answer
    answer=$(cat <&3)
    exec 3>&-
    say "/api/health: ${answer##*$'\n'}"
    [[ $answer == 'HTTP/1.1 200 '* ]]
}

# Takes the port out of an address.
port_of() {
    [[ $1 =~ http://127\.0\.0\.1:([0-9]+)/ ]] || fail "no address of a host in: $1"
    echo "${BASH_REMATCH[1]}"
}

# Waits until a command succeeds, for at most a minute: only a fault takes that long.
until_it_is_so() {
    local tries=0
    until "$@" > /dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 300 ] || return 1
        sleep 0.2
    done
}

shows_a_page() { grep -q WebKitWebProces /proc/[0-9]*/comm; }

# Ends process $1 as a person's session does, and wants it to end well.
end() {
    kill -TERM "$1"
    wait "$1" || fail "$2 ended with exit code $?"
}

install() {
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends /commonplace.deb > /apt.log 2>&1 || { cat /apt.log >&2; fail 'apt-get install'; }
    dpkg --listfiles commonplace > /files
    useradd --create-home person
    say "installed: $(dpkg-query -W -f '${Package} ${Version}, ${Installed-Size} kB' commonplace)"
    as_person commonplace --version >&2
    local missing
    missing=$(ldd /usr/bin/commonplace | grep 'not found' || true)
    [ -z "$missing" ] || fail "libraries that the package does not depend on: $missing"
}

try_host() {
    mkfifo /ready
    become_person commonplace serve --port 0 > /ready &
    local host=$! ready
    exec 4< /ready
    read -r ready <&4
    is_well "$(port_of "$ready")" || fail 'the host is not well'
    as_person commonplace store 'kept in a clean root' >&2
    end $host 'commonplace serve'
    say 'commonplace serve: served, stored a memory, ended with 0'
}

try_application() {
    become_person commonplace app --port 0 > /app.log 2>&1 &
    local application=$!
    until_it_is_so as_person commonplace status || { cat /app.log >&2; fail 'the application hosts no store'; }
    is_well "$(port_of "$(as_person commonplace open --print --json)")" || fail 'the host in the application is not well'
    until_it_is_so shows_a_page || { cat /app.log >&2; fail 'the window shows no page'; }
    end $application 'commonplace app'
    say 'commonplace app: hosted, showed its window, ended with 0'
}

remove() {
    apt-get purge -y -qq commonplace > /apt.log 2>&1 || { cat /apt.log >&2; fail 'apt-get purge'; }
    local left='' file
    while read -r file; do
        # A directory may be another package's as well.
        [ -d "$file" ] || [ ! -e "$file" ] || left+=" $file"
    done < /files
    [ -z "$left" ] || fail "left by the package:$left"
    left=$(find / -xdev -iname '*commonplace*' -not -path '/proc/*' -not -path "$home/*" -not -name commonplace.deb)
    [ -z "$left" ] || fail "left outside the home directory: $left"
    [ -s $store/commonplace.db ] || fail 'the memories are gone'
    say "removed; left is the user's own:"
    find $home -mindepth 1 -maxdepth 4 -iname '*commonplace*' | while read -r file; do say "  $file"; done
}

install
try_host
try_application
remove
