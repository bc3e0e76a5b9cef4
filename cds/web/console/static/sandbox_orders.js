// Draft orders as FHIR resources: what a form shows of one, what an edit makes of it, and what
// accepting a suggestion does to all of them. Nothing here touches the page, and nothing is changed
// in place.

const UCUM = "http://unitsofmeasure.org";
const SNOMED = "http://snomed.info/sct";
const ROUTES = {
  "26643006": ["Oral route", "by mouth"],
  "47625008": ["Intravenous route", "IV"],
  "34206005": ["Subcutaneous route", "subcutaneously"],
};
const OFTEN = {
  once: "once", "1/1/d": "once a day", "2/1/d": "twice a day", "3/1/d": "three times a day",
  "4/1/d": "four times a day", "1/4/h": "every 4 h", "1/6/h": "every 6 h", "1/8/h": "every 8 h",
  "1/12/h": "every 12 h",
};
const UNITS = { ug: "mcg", meq: "mEq", "{tbl}": "tablet", "{bag}": "bag", "meq/h": "mEq/h" };
const MINUTES = { h: 60, min: 1 };

export const reference = (resource) => `${resource.resourceType}/${resource.id}`;

export function nameOf(resource) {
  const concept = resource.medicationCodeableConcept ?? resource.code;
  const named = concept?.text ?? concept?.coding?.[0]?.display ?? resource.medicationReference?.display;
  return String(named ?? reference(resource));
}

export function textOf(resource) {
  const lines = Array.isArray(resource.dosageInstruction) ? resource.dosageInstruction : [];
  return lines.map((line) => line?.text ?? "").filter(Boolean).join("; ");
}

// The fields of a drug order. One that is said in another way than the form knows is `""`, and what
// it says stays in the resource.
export function fieldsOf(resource) {
  const line = resource.dosageInstruction?.[0] ?? {};
  const amounts = line.doseAndRate?.[0] ?? {};
  const repeat = line.timing?.repeat ?? {};
  return {
    dose: number(amounts.doseQuantity?.value),
    unit: amounts.doseQuantity?.code ?? amounts.doseQuantity?.unit ?? "",
    route: line.route?.coding?.[0]?.code ?? "",
    often: oftenOf(repeat),
    duration: number(repeat.duration),
    durationUnit: repeat.durationUnit ?? "h",
    rate: number(amounts.rateQuantity?.value),
    rateUnit: amounts.rateQuantity?.code ?? amounts.rateQuantity?.unit ?? "",
  };
}

export const routeName = (resource) => resource.dosageInstruction?.[0]?.route?.text;

// The field that cannot be used and why, or null.
export function faultOf(fields) {
  for (const [name, label] of [["dose", "Dose"], ["duration", "Over"], ["rate", "Rate"]]) {
    if (fields[name] !== "" && !(Number(fields[name]) > 0)) {
      return { name, words: `${label}: a number above 0, such as 2 or 0.5.` };
    }
  }
  return null;
}

// The order with one field changed. What hangs together follows: the rate is the dose over its
// time, the quantity to dispense goes with the dose, the text says what the fields say.
export function edited(resource, name, value) {
  const before = fieldsOf(resource);
  const after = settled({ ...before, [name]: value }, before, name);
  const made = structuredClone(resource);
  const line = (made.dosageInstruction = listed(made.dosageInstruction))[0];
  const changed = Object.keys(after).filter((key) => after[key] !== before[key]);
  for (const key of changed) WRITERS[key]?.(line, after);
  if (changed.includes("dose")) dispense(made, before, after);
  if (changed.length) line.text = reworded(line.text ?? "", before, after);
  return made;
}

// The orders after the actions of a suggestion, the references that are new, and what could not be
// done. All actions of one suggestion belong together; deletions come first (CDS Hooks 2.0.1).
export function applied(drafts, actions) {
  const order = { delete: 0, create: 1, update: 2 };
  const added = [];
  const missed = [];
  let kept = [...drafts];
  for (const action of [...actions].sort((a, b) => order[a.type] - order[b.type])) {
    if (action.type === "create") {
      const made = { ...structuredClone(action.resource), id: freeId(kept) };
      kept.push(made);
      added.push(reference(made));
      continue;
    }
    const target = action.type === "delete" ? action.resourceId : reference(action.resource);
    if (!kept.some((item) => reference(item) === target)) missed.push(target);
    else if (action.type === "delete") kept = kept.filter((item) => reference(item) !== target);
    else kept = kept.map((item) => (reference(item) === target ? structuredClone(action.resource) : item));
  }
  return { drafts: kept, added, missed };
}

// An order of the list, as one of this patient. `when` is an ISO moment.
export function forPatient(resource, context, drafts, when) {
  const made = { ...structuredClone(resource), id: freeId(drafts), status: "draft" };
  made.subject = { reference: `Patient/${context.patientId}` };
  if (context.encounterId) made.encounter = { reference: `Encounter/${context.encounterId}` };
  made.authoredOn = when;
  return made;
}

// A tree in which resources and what refers to them have other ids. `names`: Type/id -> Type/id.
export function renamed(node, names) {
  if (Array.isArray(node)) return node.map((item) => renamed(item, names));
  if (typeof node === "string") return names[node] ?? node;
  if (node === null || typeof node !== "object") return node;
  const made = {};
  for (const [key, value] of Object.entries(node)) {
    made[key] = key === "contained" ? value : renamed(value, names);
  }
  const name = node.resourceType ? names[reference(node)] : undefined;
  if (name) made.id = name.slice(name.indexOf("/") + 1);
  return made;
}

function freeId(drafts) {
  const taken = new Set(drafts.map((item) => item.id));
  let count = 1;
  while (taken.has(`draft-${count}`)) count += 1;
  return `draft-${count}`;
}

// A list with an object at its head, whatever was typed.
function listed(value) {
  const list = Array.isArray(value) ? value : [];
  return [list[0] && typeof list[0] === "object" ? list[0] : {}, ...list.slice(1)];
}

const number = (value) => (typeof value === "number" ? String(value) : "");
const tidy = (value) => Number(value.toPrecision(6));
const unitName = (code) => UNITS[code] ?? code;

function oftenOf(repeat) {
  if (repeat.count === 1 && !repeat.period) return "once";
  const found = `${repeat.frequency ?? ""}/${repeat.period ?? ""}/${repeat.periodUnit ?? ""}`;
  return found in OFTEN ? found : "";
}

const quantity = (value, code) => ({ value: Number(value), unit: unitName(code), system: UCUM, code });

function amountsOf(line) {
  return (line.doseAndRate = listed(line.doseAndRate))[0];
}

function repeatOf(line) {
  line.timing ??= {};
  line.timing.repeat ??= {};
  return line.timing.repeat;
}

function writeDose(line, fields) {
  if (fields.dose === "") delete amountsOf(line).doseQuantity;
  else amountsOf(line).doseQuantity = quantity(fields.dose, fields.unit);
}

function writeRate(line, fields) {
  if (fields.rate === "" || fields.rateUnit === "") delete amountsOf(line).rateQuantity;
  else amountsOf(line).rateQuantity = quantity(fields.rate, fields.rateUnit);
}

function writeRoute(line, fields) {
  const [display] = ROUTES[fields.route] ?? [];
  if (!display) delete line.route;
  else line.route = { coding: [{ system: SNOMED, code: fields.route, display }], text: display };
}

function writeOften(line, fields) {
  const repeat = repeatOf(line);
  for (const member of ["count", "frequency", "period", "periodUnit"]) delete repeat[member];
  if (fields.often === "once") repeat.count = 1;
  else if (fields.often) {
    const [frequency, period, periodUnit] = fields.often.split("/");
    Object.assign(repeat, { frequency: Number(frequency), period: Number(period), periodUnit });
  }
  delete line.timing.code;
  if (!Object.keys(repeat).length) delete line.timing;
}

function writeDuration(line, fields) {
  const repeat = repeatOf(line);
  if (fields.duration === "") {
    delete repeat.duration;
    delete repeat.durationUnit;
    if (!Object.keys(repeat).length) delete line.timing.repeat;
  } else Object.assign(repeat, { duration: Number(fields.duration), durationUnit: fields.durationUnit });
}

const WRITERS = {
  dose: writeDose, unit: writeDose, route: writeRoute, often: writeOften,
  duration: writeDuration, durationUnit: writeDuration, rate: writeRate, rateUnit: writeRate,
};

// Dose, time and rate say one thing where all three are there and in fitting units.
function settled(fields, before, changed) {
  if (changed === "rateUnit" && fields.rateUnit === "") return { ...fields, rate: "" };
  const [dose, minutes] = [Number(fields.dose), Number(fields.duration) * MINUTES[fields.durationUnit]];
  const fits = fields.rateUnit === `${fields.unit}/h` && dose > 0;
  if (!fits) return fields;
  if (changed === "rate" && Number(fields.rate) > 0 && before.duration !== "") {
    const needed = (dose / Number(fields.rate)) * 60;
    return { ...fields, duration: String(tidy(needed / MINUTES[fields.durationUnit])) };
  }
  const moved = ["dose", "duration", "durationUnit"].includes(changed);
  const said = fields.rate !== "" || changed === "rateUnit";
  if ((moved || changed === "rateUnit") && said && minutes > 0) {
    return { ...fields, rate: String(tidy((dose * 60) / minutes)) };
  }
  return fields;
}

function dispense(made, before, after) {
  const sent = made.dispenseRequest?.quantity;
  const factor = Number(after.dose) / Number(before.dose);
  if (sent && Number.isFinite(factor)) sent.value = tidy(sent.value * factor);
}

function parts(fields) {
  return {
    dose: fields.dose && `${fields.dose} ${unitName(fields.unit)}`,
    route: ROUTES[fields.route]?.[1] ?? "",
    often: OFTEN[fields.often] ?? "",
    duration: fields.duration && `over ${fields.duration} ${fields.durationUnit}`,
    rate: fields.rate && `at ${fields.rate} ${unitName(fields.rateUnit)}`,
  };
}

const wording = (said) => Object.values(said).filter(Boolean).join(" ");

// The old text with the new words in it, as long as it says every part and no number besides;
// otherwise a text of the fields alone, so that text and fields never contradict each other.
function reworded(text, before, after) {
  const [old, now] = [parts(before), parts(after)];
  let rest = text;
  let made = text;
  for (const key of Object.keys(old)) {
    if (old[key]) rest = rest.replace(old[key], "");
    if (old[key] === now[key]) continue;
    if (key === "rate" && !text.includes(old[key] || " at ")) continue; // a text need not say it
    if (!old[key] || !now[key] || !text.includes(old[key])) return wording(now);
    made = made.replace(old[key], now[key]);
  }
  return /\d/.test(rest) ? wording(now) : made;
}
