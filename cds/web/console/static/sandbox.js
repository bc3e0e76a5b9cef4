// The sandbox page: one patient, draft orders, and hook calls as an EHR makes them. Each answer is
// that of the last call fired; an older one that comes late is dropped.

import * as calls from "./sandbox_calls.js";
import { board } from "./sandbox_cards.js";
import { forms } from "./sandbox_drafts.js";
import * as orders from "./sandbox_orders.js";
import * as wire from "./sandbox_wire.js";

const at = (id) => document.getElementById(id);
const desk = at("sandbox");

const WAIT = 400; // ms after the last key before order-select is fired
const services = JSON.parse(at("services").textContent);
const page = { base: {}, drafts: [], selections: [], mode: "full", turn: 0, timer: 0, note: "", stop: null, last: {}, opened: 0 };

const drafted = forms(at("drafts"), { drug: at("drug-form"), other: at("other-form") }, {
  order: (index) => page.drafts[index],
  edited(index, resource) {
    const old = orders.reference(page.drafts[index]);
    page.drafts = page.drafts.with(index, resource);
    page.selections = page.selections.map((item) => (item === old ? orders.reference(resource) : item));
    changed();
  },
  removed(index) {
    const gone = orders.reference(page.drafts[index]);
    page.drafts = page.drafts.filter((_, other) => other !== index);
    page.selections = page.selections.filter((item) => item !== gone);
    changed();
    (at("drafts").querySelector('[data-act="remove"]') ?? at("choice")).focus();
  },
  selected(index, yes) {
    const named = orders.reference(page.drafts[index]);
    page.selections = page.selections.filter((item) => item !== named);
    if (yes) page.selections.push(named);
    changed();
  },
});

const cards = board({ place: at("cards"), dialog: at("reasons") }, document.querySelector('meta[name="csrf"]').content, {
  async accepted(card, suggestion) {
    const hook = page.last.hook;
    const result = orders.applied(page.drafts, suggestion.actions ?? []);
    page.drafts = result.drafts;
    const here = new Set(page.drafts.map(orders.reference));
    page.selections = [...page.selections.filter((item) => here.has(item)), ...result.added];
    show();
    const missed = result.missed.length ? ` Not among the draft orders: ${result.missed.join(", ")}.` : "";
    page.note = `Accepted: ${suggestion.label}.${missed} `;
    await report(hook, card.uuid, "accepted", { acceptedSuggestions: [{ id: suggestion.uuid }] });
    await select();
  },
  overridden(card, override) {
    const more = Object.keys(override).length ? { overrideReason: override } : {};
    return report(page.last.hook, card.uuid, "overridden", more);
  },
});

// The clinical moment: that of the server, moved on by what passed since, unless it stands still.
function moment() {
  const passed = page.base.fixed ? 0 : performance.now() - page.opened;
  return new Date(Date.parse(page.base.now) + passed).toISOString();
}

function say(words) {
  at("said").textContent = words;
}

function show() {
  drafted.show(page.drafts, page.selections);
  at("no-drafts").hidden = page.drafts.length > 0;
  for (const button of at("hooks").querySelectorAll("button")) {
    button.disabled = ["order-select", "order-sign"].includes(button.dataset.fire) && !page.drafts.length;
  }
}

// After every edit, once the typing pauses.
function changed() {
  show();
  clearTimeout(page.timer);
  page.timer = setTimeout(select, WAIT);
}

async function select() {
  if (page.selections.length) await fire("order-select");
  else {
    drop();
    cards.say(page.drafts.length ? "No draft order is selected: order-select has nothing to ask." : "There is no draft order: order-select has nothing to ask.");
    say(`${page.note}No call.`);
    page.note = "";
  }
}

// Nothing that is still under way counts any more.
function drop() {
  clearTimeout(page.timer);
  page.turn += 1;
  page.stop?.abort();
  at("advice").setAttribute("aria-busy", "false");
}

function keys() {
  if (page.mode === "none") return [];
  if (page.mode === "full") return Object.keys(page.base.prefetch);
  return [...at("keys").querySelectorAll(":checked")].map((box) => box.value);
}

async function fire(hook) {
  drop();
  if (drafted.faulty()) {
    say("A field cannot be read: nothing is sent.");
    return;
  }
  const turn = page.turn;
  page.stop = new AbortController();
  at("advice").setAttribute("aria-busy", "true");
  const context = calls.contextFor(hook, page.base, page.drafts, page.selections);
  const text = calls.composed(page.base, hook, context, keys());
  const address = `${location.origin}/cds-services/${services[hook]}`;
  try {
    const reply = await calls.posted(address, text, page.stop.signal);
    if (turn !== page.turn) return;
    page.last = { hook, address, request: text, reply };
    wire.show(page.last);
    await answered(hook, reply, () => turn !== page.turn);
  } catch (error) {
    if (turn !== page.turn || error.name === "AbortError") return;
    cards.say("No answer came. Whether the service still runs is told at /health/ready.");
    say(`${hook}: no answer (${error.message}).`);
  }
  at("advice").setAttribute("aria-busy", "false");
}

async function answered(hook, reply, isStale) {
  const found = reply.good ? JSON.parse(reply.text).cards : [];
  const words = reply.good ? counted(found) : calls.refusal(reply);
  wire.noted(hook, reply, words);
  if (reply.good) await shownAs(reply.text, found, isStale);
  else cards.say(words);
  if (isStale()) return;
  say(`${page.note}${hook}: ${words}`);
  page.note = "";
  await wire.trace();
}

async function shownAs(text, found, isStale) {
  try {
    await cards.show(text, found, isStale);
  } catch (error) {
    if (!isStale()) cards.say(`The answer is here, but its cards cannot be shown: ${error.message}. Load the page anew.`);
  }
}

function counted(found) {
  if (!found.length) return "no card.";
  const count = (name) => found.filter((card) => card.indicator === name).length;
  const said = [["critical", "critical"], ["warning", "warning"], ["info", "information"]]
    .map(([name, word]) => [count(name), word])
    .filter(([number]) => number)
    .map(([number, word]) => `${number} ${word}`);
  return `${found.length} ${found.length === 1 ? "card" : "cards"}, ${said.join(", ")}.`;
}

async function report(hook, card, outcome, more) {
  const text = calls.feedback(card, outcome, moment(), more);
  const address = `${location.origin}/cds-services/${services[hook]}/feedback`;
  try {
    const reply = await calls.posted(address, text);
    wire.noted(`feedback, ${outcome}`, reply, reply.good ? "taken." : calls.refusal(reply));
    return reply.good;
  } catch (error) {
    say(`The feedback found no answer (${error.message}).`);
    return false;
  }
}

async function load(mode) {
  const wanted = mode === "none" ? "none" : "full";
  const reply = await fetch(`/console/sandbox/${desk.dataset.name}/call.json?mode=${wanted}`);
  if (!reply.ok) throw new Error(`the call of this patient was refused with ${reply.status}`);
  return reply.json();
}

// Resources have other ids on the FHIR server than in a prefetch; draft orders that name them follow.
async function turnTo(mode) {
  at("advice").setAttribute("aria-busy", "true");
  const base = await load(mode);
  const back = Object.fromEntries(Object.entries(page.base.names).map(([here, there]) => [there, here]));
  const moved = (tree) => orders.renamed(orders.renamed(tree, back), base.names);
  page.drafts = moved(page.drafts);
  page.selections = moved(page.selections);
  page.opened = performance.now();
  page.base = base;
  page.mode = mode;
  at("keys").hidden = mode !== "partial";
  show();
  await again();
}

// The last hook once more: the data comes in another way.
async function again() {
  const hook = page.last.hook ?? "patient-view";
  await (hook === "order-select" ? select() : fire(hook));
}

async function choices() {
  const found = await (await fetch("/console/sandbox/orders.json")).json();
  const offered = [];
  for (const [origin, label] of [["rulebook", "Order templates of the rule book"], ["patients", "Orders of the synthetic patients"]]) {
    const group = document.createElement("optgroup");
    group.label = label;
    for (const order of found[origin] ?? []) group.append(new Option(order.name, String(offered.push(order) - 1)));
    at("choice").append(group);
  }
  at("choice").disabled = at("add").disabled = false;
  at("add").addEventListener("click", () => {
    const chosen = offered[Number(at("choice").value || NaN)];
    if (!chosen) return;
    const made = orders.forPatient(chosen.resource, page.base.context, page.drafts, moment());
    page.drafts = [...page.drafts, made];
    page.selections.push(orders.reference(made));
    changed();
  });
}

at("hooks").addEventListener("click", (event) => {
  const button = event.target.closest("[data-fire]");
  if (button) (button.dataset.fire === "order-select" ? select() : fire(button.dataset.fire));
});
at("mode").addEventListener("change", (event) => {
  if (event.target.name === "mode") turnTo(event.target.value).catch((error) => say(error.message));
  else again();
});
wire.begin();

try {
  page.base = await load("full");
  page.opened = performance.now();
  page.drafts = (page.base.context.draftOrders?.entry ?? []).map((entry) => entry.resource).filter(Boolean);
  page.selections = page.base.context.selections ?? page.drafts.map(orders.reference);
  show();
  await Promise.all([fire("patient-view"), choices()]);
} catch (error) {
  say(`The page cannot work: ${error.message}.`);
}
