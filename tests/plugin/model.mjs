// Stands in for the API of the model, on loopback. It understands nothing: it answers with the notes that it was given, so that
// what it says shows what reached it, and it keeps every request.

import { createServer } from "node:http";

/** Starts the stand-in; `requests` are the bodies of the conversations that came, as text. */
export async function startModel() {
  const requests = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    if (request.method !== "POST") return send(response, {});
    // Claude Code estimates then.
    if (request.url.includes("count_tokens")) return response.writeHead(404).end();
    requests.push(body);
    const asked = JSON.parse(body || "{}");
    const answer = message(asked.model, answerTo(asked));
    if (asked.stream) stream(response, answer);
    else send(response, answer);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { url: `http://127.0.0.1:${server.address().port}`, requests, stop: () => server.close() };
}

/** What stands between `SAY[` and `]` in a prompt, with `|` for the end of a line; else the notes of the conversation, else that there are none. */
function answerTo(asked) {
  const text = (asked.messages ?? []).map((message) => textOf(message.content)).join("\n");
  const said = text.match(/SAY\[([^\]]+)\]/);
  if (said) return said[1].replaceAll("|", "\n");
  const notes = text.split("\n").filter((line) => line.startsWith("> ["));
  return notes.length ? `My notes say:\n${notes.map((note) => note.slice(2)).join("\n")}` : "I do not know.";
}

function textOf(content) {
  if (typeof content === "string") return content;
  return (content ?? []).map((block) => (block.type === "text" ? block.text : textOf(block.content))).join("\n");
}

function message(model, text) {
  return {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model,
    content: [{ type: "text", text }],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 1 },
  };
}

function send(response, value) {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

function stream(response, answer) {
  const [block] = answer.content;
  const empty = { ...answer, content: [], stop_reason: null };
  const events = [
    { type: "message_start", message: empty },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: block.text } },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: answer.stop_reason, stop_sequence: null }, usage: answer.usage },
    { type: "message_stop" },
  ];
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const event of events) response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  response.end();
}
