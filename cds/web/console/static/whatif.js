// Sliders beside the values, the address of what is shown, and which fields are faulty.
// Without it the page works by its buttons.

const form = document.getElementById("whatif-form");

function said(field) {
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function slider(block) {
  const box = block.querySelector(".whatif-slider");
  if (!box) return;
  const scales = JSON.parse(box.dataset.scales);
  const range = box.querySelector("input");
  const list = box.querySelector("datalist");
  const value = block.querySelector(".whatif-value");
  const unit = block.querySelector('select[name$=".unit"]');

  function scale() {
    const { low, high, step, marks } = scales[unit.value];
    Object.assign(range, { min: low, max: high, step });
    list.replaceChildren(...marks.map((mark) => new Option(mark, mark)));
    follow();
  }

  function follow() {
    const number = Number.parseFloat(value.value);
    const { low, high, start } = scales[unit.value];
    range.value = Number.isFinite(number) ? number : start ?? (Number(low) + Number(high)) / 2;
    range.classList.toggle("unset", !Number.isFinite(number));
    range.setAttribute("aria-valuetext", value.value ? `${value.value} ${unit.selectedOptions[0].text}` : "not stated");
  }

  range.addEventListener("input", (event) => {
    event.stopPropagation(); // the value says it
    value.value = range.value;
    said(value);
  });
  value.addEventListener("input", follow);
  unit.addEventListener("input", (event) => {
    scale();
    if (!value.value) event.stopPropagation(); // a unit alone states nothing
  });
  scale();
}

// A value takes the place of a word, and the other way round.
function either(block) {
  const value = block.querySelector(".whatif-value");
  const word = block.querySelector(".whatif-word");
  if (!value) return;
  value.addEventListener("input", () => {
    if (value.value) word.value = "";
  });
  word.addEventListener("input", () => {
    if (word.value && value.value) {
      value.value = "";
      said(value);
    }
  });
}

function blocks() {
  for (const block of form.querySelectorAll(".whatif-field")) {
    either(block);
    slider(block);
  }
}

// A reason that is open stays open while the value beside it moves.
const open = new Set();

function keyed(details) {
  return details.closest("[data-rule]")?.dataset.rule ?? details.id;
}

function toggled(event) {
  const details = event.target;
  if (!details.closest?.("#whatif-result")) return;
  if (details.open) open.add(keyed(details));
  else open.delete(keyed(details));
}

// What is shown stands in the address; a new start takes along what is stated by now.
function shown() {
  const result = document.getElementById("whatif-result");
  history.replaceState(history.state, "", result.dataset.address);
  for (const details of result.querySelectorAll("details")) {
    if (open.has(keyed(details))) details.open = true;
  }
  for (const fault of form.querySelectorAll(".whatif-fault")) {
    const block = fault.closest(".whatif-field");
    const field = block.querySelector(".whatif-value, .whatif-word");
    if (fault.textContent) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
}

function begin(event) {
  event.preventDefault();
  const wanted = new URLSearchParams();
  for (const [name, text] of new FormData(form)) {
    if (text && !["start", "hook", "rule"].includes(name)) wanted.append(name, text);
  }
  for (const name of ["start", "hook", "rule"]) {
    const text = event.target.elements[name].value;
    if (text) wanted.append(name, text);
  }
  location.assign(`${event.target.getAttribute("action")}?${wanted}`);
}

// A link to a field in a closed group opens it.
function opened(event) {
  const link = event.target.closest('a[href^="#f-"]');
  const field = link && document.getElementById(link.hash.slice(1));
  if (!field) return;
  field.closest("details").open = true;
  field.focus();
}

blocks();
document.addEventListener("htmx:after:swap", shown);
document.addEventListener("toggle", toggled, true);
document.addEventListener("click", opened);
document.getElementById("whatif-start").addEventListener("submit", begin);
