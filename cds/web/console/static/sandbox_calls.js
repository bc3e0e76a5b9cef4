// Hook calls and feedback as any client sends them: over HTTP, to the public addresses.

// `crypto.randomUUID` is missing where the page came over plain HTTP from another machine.
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

const deeper = (text, by) => text.replaceAll("\n", `\n${by}`);

// The body of a call as text. The values of the prefetch are put in as the texts they came as:
// read and written again, 1.0 would become 1.
export function composed(base, hook, context, keys) {
  const members = { hook, hookInstance: uuid(), ...base.more, context };
  const lines = Object.entries(members).map(
    ([name, value]) => `  ${JSON.stringify(name)}: ${deeper(JSON.stringify(value, null, 2), "  ")}`,
  );
  const values = keys.filter((key) => key in base.prefetch).map(
    (key) => `    ${JSON.stringify(key)}: ${deeper(base.prefetch[key], "    ")}`,
  );
  if (values.length) lines.push(`  "prefetch": {\n${values.join(",\n")}\n  }`);
  return `{\n${lines.join(",\n")}\n}`;
}

// What a hook is told beside the patient: its own table of the CDS Hooks Library.
export function contextFor(hook, base, drafts, selections) {
  const { userId, patientId, encounterId } = base.context;
  const context = { userId, patientId };
  if (encounterId) context.encounterId = encounterId;
  if (hook === "order-select") context.selections = selections;
  if (hook === "order-select" || hook === "order-sign") {
    const entry = drafts.map((resource) => ({ resource }));
    context.draftOrders = { resourceType: "Bundle", type: "collection", entry };
  }
  return context;
}

// The reply of an address: status, headers that matter, text, and how long it took.
export async function posted(address, text, signal) {
  const began = performance.now();
  const reply = await fetch(address, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: text,
    credentials: "omit", // as any client; cookies of this console are no business of the hooks
    signal,
  });
  const answer = await reply.text();
  return {
    status: reply.status,
    good: reply.ok,
    text: answer,
    decision: reply.headers.get("cds-decision") ?? "",
    ms: performance.now() - began,
  };
}

export function feedback(card, outcome, when, more) {
  return JSON.stringify({ feedback: [{ card, outcome, outcomeTimestamp: when, ...more }] }, null, 2);
}

// A refusal in words: what the OperationOutcome says.
export function refusal(reply) {
  let said = "";
  try {
    said = JSON.parse(reply.text).issue.map((item) => item.diagnostics ?? item.code).join("; ");
  } catch {
    said = "the reply is no OperationOutcome";
  }
  return `Refused with ${reply.status}: ${said}.`;
}

export function curl(address, text) {
  const head = `curl -sS -H 'Content-Type: application/json' ${address}`;
  return { line: `${head} --data @request.json`, whole: `${head} --data-binary @- <<'JSON'\n${text}\nJSON` };
}

export function size(text) {
  const bytes = new Blob([text]).size;
  return bytes < 1024 ? `${bytes} bytes` : `${(bytes / 1024).toFixed(1)} KiB`;
}
