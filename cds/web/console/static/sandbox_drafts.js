// The forms of the draft orders. The page owns the orders; a form shows one and says what it became.

import * as orders from "./sandbox_orders.js";

export function forms(place, templates, on) {
  // `on.edited(index, resource)`, `on.removed(index)`, `on.selected(index, yes)`

  function shown(form, name, text) {
    const element = form.querySelector(`[data-shown="${name}"]`);
    if (element) element.textContent = text;
  }

  function option(select, value, words) {
    if (![...select.options].some((item) => item.value === value)) {
      select.append(new Option(words || value, value));
    }
    select.value = value;
  }

  function clear(form) {
    for (const name of ["fault", "json-fault"]) shown(form, name, "");
    for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  }

  function fill(form, resource, selected) {
    if (!form.contains(document.activeElement) || !document.activeElement.hasAttribute("aria-invalid")) clear(form);
    form.dataset.order = orders.reference(resource);
    shown(form, "name", orders.nameOf(resource));
    shown(form, "text", orders.textOf(resource) || orders.reference(resource));
    form.querySelector('[data-field="selected"]').checked = selected;
    const json = form.querySelector('[data-field="json"]');
    if (document.activeElement !== json) json.value = JSON.stringify(resource, null, 2);
    if (form.dataset.kind !== "drug") return;
    const line = resource.dosageInstruction;
    const several = Array.isArray(line) && (line.length > 1 || line[0]?.doseAndRate?.length > 1);
    for (const [name, value] of Object.entries(orders.fieldsOf(resource))) {
      const field = form.querySelector(`[data-field="${name}"]`);
      field.disabled = several; // more than a form with one line can say: edit the JSON
      if (field === document.activeElement && field.tagName === "INPUT") continue;
      if (field.tagName === "SELECT") option(field, value, name === "route" ? orders.routeName(resource) : value);
      else field.value = value;
    }
  }

  function fault(form, name, field, words) {
    shown(form, name, words);
    if (words) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }

  const indexOf = (form) => [...place.children].indexOf(form);

  function edit(form, field) {
    const index = indexOf(form);
    if (field.dataset.field === "selected") {
      on.selected(index, field.checked);
    } else if (field.dataset.field === "json") {
      const found = parsed(field.value);
      fault(form, "json-fault", field, found.words ?? "");
      if (found.resource) on.edited(index, found.resource);
    } else {
      const value = field.value.trim().replace(",", ".");
      const wrong = orders.faultOf({ dose: "", duration: "", rate: "", [field.dataset.field]: value });
      fault(form, "fault", field, wrong?.words ?? "");
      if (!wrong) on.edited(index, orders.edited(on.order(index), field.dataset.field, value));
    }
  }

  // An order is edited with every key; a list is chosen from once.
  place.addEventListener("input", (event) => {
    const form = event.target.closest("[data-kind]");
    if (form && event.target.dataset.field) edit(form, event.target);
  });
  place.addEventListener("click", (event) => {
    const button = event.target.closest('[data-act="remove"]');
    if (button) on.removed(indexOf(button.closest("[data-kind]")));
  });

  return {
    // Forms for these orders: those that are there are filled anew, so that the focus stays.
    show(drafts, selections) {
      drafts.forEach((resource, index) => {
        const kind = resource.resourceType === "MedicationRequest" ? "drug" : "other";
        let form = place.children[index];
        if (form?.dataset.kind !== kind) {
          const made = templates[kind].content.firstElementChild.cloneNode(true);
          if (form) form.before(made);
          else place.append(made);
          form = made;
        }
        fill(form, resource, selections.includes(orders.reference(resource)));
      });
      while (place.children.length > drafts.length) place.lastElementChild.remove();
    },
    faulty: () => place.querySelector("[aria-invalid]") !== null,
  };
}

function parsed(text) {
  let resource;
  try {
    resource = JSON.parse(text);
  } catch (error) {
    return { words: `This is no JSON, and nothing is sent: ${error.message}.` };
  }
  const good = resource && typeof resource === "object" && !Array.isArray(resource);
  if (good && typeof resource.resourceType === "string" && typeof resource.id === "string" && resource.id) {
    return { resource };
  }
  return { words: "A resource is an object with resourceType and id. Nothing is sent." };
}
