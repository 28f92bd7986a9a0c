// A client of the tools, as an agent is one.

import { HANG_MS } from "./wait.mjs";

const PROTOCOL = "2026-07-28";

/** A client with a name, a version and a project, which speaks MCP over HTTP. */
export class Client {
  #next = 0;

  constructor(host, { name = "test", version = "1", project = null } = {}) {
    Object.assign(this, { host, name, version, project });
  }

  /** Calls a tool and returns its text; throws what the tool answered if it refused. */
  async call(tool, args) {
    const headers = {
      Authorization: `Bearer ${this.host.agent}`,
      "Content-Type": "application/json",
      Accept: "application/json, text/event-stream",
      "MCP-Protocol-Version": PROTOCOL,
      "Mcp-Method": "tools/call",
      "Mcp-Name": tool,
    };
    if (this.project !== null) headers["X-Commonplace-Project"] = encodeURIComponent(this.project);
    const response = await fetch(`${this.host.url}/mcp`, { method: "POST", headers, body: JSON.stringify(this.#message(tool, args)), signal: AbortSignal.timeout(HANG_MS) });
    const { result, error } = await response.json();
    if (result === undefined) throw new Error(`${tool} was not answered: ${JSON.stringify(error)}`);
    const text = result.content[0].text;
    if (result.isError) throw new Error(text);
    return text;
  }

  /** Stores a text; `more` may have tags, memory_type, project. */
  store(content, more = {}) {
    return this.call("memory_store", { content, ...more });
  }

  #message(tool, args) {
    this.#next += 1;
    const meta = {
      "io.modelcontextprotocol/protocolVersion": PROTOCOL,
      "io.modelcontextprotocol/clientCapabilities": {},
      "io.modelcontextprotocol/clientInfo": { name: this.name, version: this.version },
    };
    return { jsonrpc: "2.0", id: this.#next, method: "tools/call", params: { name: tool, arguments: args, _meta: meta } };
  }
}
