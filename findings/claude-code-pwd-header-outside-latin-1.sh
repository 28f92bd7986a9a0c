#!/usr/bin/env bash
# Surprise: a header of an HTTP MCP server that holds ${PWD} connects in one folder and not in another: where the name of the
# folder has a letter outside Latin-1, Claude Code does not connect to the server at all. Claude Code 2.1.332, Node 22.
#
# Guess: the header tells a server over HTTP which project the client works in; the worst that can happen is a value that the
# server cannot read.
# Seen: ${PWD} is replaced by the folder of the shell as it is, and the value is handed to the library that sends it, which takes
# Latin-1 only. In `plain` the server gets the folder with each request; in `日本` no request is sent, and the server is listed
# as failed: "Header 'X-Project' has invalid value". So one header that was to help with projects takes all tools away, in
# some folders. A server on the same machine can ask the system for the folder of the process instead.
#
# Needs node, npm and python3. Exit: 0 as described, 1 changed, 2 cannot be tried here.
set -euo pipefail
work=$(mktemp -d)
server=
clean() { [ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"; }
trap clean EXIT
cd "$work"
mkdir home plain 日本
npm install --silent --no-audit --no-fund --prefix npm @anthropic-ai/claude-code@2.1.332 node@22 >/dev/null 2>&1 \
    || { echo "the packages cannot be installed"; exit 2; }

# The least MCP server that a client accepts; it writes down the header of each request.
cat > server.py <<'PYTHON'
import http.server, json

class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *arguments): pass
    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self): self.answer(405)
    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        print("got", self.headers.get("X-Project"), flush=True)
        if "id" not in message: return self.answer(202)
        answer = {"jsonrpc": "2.0", "id": message["id"]}
        if message["method"] == "initialize":
            answer["result"] = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "s", "version": "1"}}
        elif message["method"] == "tools/list": answer["result"] = {"tools": []}
        else: answer["error"] = {"code": -32601, "message": "no such method"}
        self.answer(200, json.dumps(answer).encode())

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
print("port", server.server_port, flush=True)
server.serve_forever()
PYTHON
python3 server.py > got &
server=$!
until port=$(sed -n 's/^port //p' got) && [ -n "$port" ]; do :; done

export HOME="$work/home" PATH="$work/npm/node_modules/.bin:$PATH" ANTHROPIC_API_KEY=none
export CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 DISABLE_AUTOUPDATER=1
claude --version
claude mcp add-json --scope user notes "{\"type\":\"http\",\"url\":\"http://127.0.0.1:$port/mcp\",\"headers\":{\"X-Project\":\"\${PWD}\"}}" >/dev/null
listed() { (cd "$work/$1" && timeout 60 claude mcp list 2>&1 | grep '^notes') || true; }
plain=$(listed plain)
requests_before=$(grep -c '^got' got)
beyond=$(listed 日本)
requests_after=$(grep -c '^got' got)
echo "in plain: $plain; the server got $(grep '^got' got | sort -u | sed "s|$work|FOLDER|")"
echo "in 日本:  $beyond; requests sent: $((requests_after - requests_before))"

grep -qx "got $work/plain" got && [ "$requests_after" = "$requests_before" ] \
    && case "$plain" in *Connected*) true;; *) false;; esac && case "$beyond" in *"invalid value"*) true;; *) false;; esac
