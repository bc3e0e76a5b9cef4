// What went over the wire: the last call, why it was answered so, and all calls of the page.

import { curl, size } from "./sandbox_calls.js";

const at = (id) => document.getElementById(id);
let last = null; // {address, request, reply}

export function show(call) {
  last = call;
  const { address, request, reply } = call;
  const took = `${Math.round(reply.ms)} ms`;
  at("figures").textContent = `POST ${address}: status ${reply.status}, ${took}, request ${size(request)}, response ${size(reply.text)}.`;
  at("request").textContent = request;
  at("response").textContent = pretty(reply.text);
  at("curl").textContent = curl(address, request).line;
  at("copied").textContent = "";
}

// A line of the history, the newest first.
export function noted(name, reply, words) {
  const row = at("calls").insertRow(0);
  for (const text of [name, String(reply.status), `${Math.round(reply.ms)} ms`, words]) row.insertCell().textContent = text;
  const cell = row.insertCell();
  if (!reply.decision) return;
  const link = document.createElement("a");
  link.href = `/console/decisions/${encodeURIComponent(reply.decision)}`;
  link.textContent = reply.decision;
  cell.append(link);
}

// The trace of the last call, once somebody looks at it.
export async function trace() {
  const decision = last?.reply.decision;
  if (!at("trace").open || !last) return;
  const body = at("trace-body");
  if (!decision) {
    body.textContent = "A call that was refused has no trace.";
    return;
  }
  const reply = await fetch(`/console/decisions/${encodeURIComponent(decision)}/trace`);
  const html = await reply.text();
  if (decision !== last.reply.decision) return;
  if (reply.ok) body.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
  else body.textContent = `The trace of this decision cannot be shown here (${reply.status}).`;
}

export function begin() {
  at("trace").addEventListener("toggle", trace);
  at("to-trace").addEventListener("click", () => { at("trace").open = true; });
  at("wire").addEventListener("click", (event) => {
    if (event.target.dataset.copy) copy(event.target.dataset.copy);
  });
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function copy(what) {
  if (!last) return;
  const { address, request, reply } = last;
  const texts = { request, response: pretty(reply.text), curl: curl(address, request).whole };
  try {
    await navigator.clipboard.writeText(texts[what]);
    at("copied").textContent = "Copied.";
  } catch {
    getSelection().selectAllChildren(at(what));
    at("copied").textContent = "This browser does not let a page copy. The text is marked: copy it with the keyboard.";
  }
}
