// The cards of an answer: shown as the server renders them, accepted, overridden.

export function board(elements, csrf, on) {
  // `on.accepted(card, suggestion)` and `on.overridden(card, override)`, both of promises
  const { place, dialog } = elements;
  let cards = [];
  let asking = null;
  let worked = false; // with a card that may be gone once its answer is here

  const shownIn = (element, name) => element.querySelector(`[data-shown="${name}"]`);
  const cardOf = (uuid) => cards.find((item) => item.uuid === uuid);

  async function accept(element, button) {
    const card = cardOf(element.dataset.card);
    const suggestion = card.suggestions.find((item) => item.uuid === button.dataset.suggestion);
    for (const each of element.querySelectorAll("button")) each.disabled = true;
    worked = true;
    await on.accepted(card, suggestion);
  }

  function ask(element) {
    asking = element;
    const card = cardOf(element.dataset.card);
    shownIn(dialog, "summary").textContent = card.summary;
    const list = shownIn(dialog, "reasons");
    list.replaceChildren(...(card.overrideReasons ?? []).map(choice));
    list.closest("fieldset").hidden = !list.children.length;
    dialog.querySelector("textarea").value = "";
    dialog.returnValue = "cancel";
    dialog.showModal();
  }

  function choice(reason, index) {
    const label = document.createElement("label");
    const radio = document.createElement("input");
    label.className = "tick";
    Object.assign(radio, { type: "radio", name: "reason", value: String(index) });
    label.append(radio, ` ${reason.display ?? reason.code}`);
    return label;
  }

  async function override() {
    const element = asking;
    asking = null;
    if (!element || dialog.returnValue !== "send") return;
    const card = cardOf(element.dataset.card);
    const chosen = dialog.querySelector('input[name="reason"]:checked');
    const comment = dialog.querySelector("textarea").value.trim();
    const reason = chosen ? card.overrideReasons[Number(chosen.value)] : null;
    const override = { ...(reason && { reason }), ...(comment && { userComment: comment }) };
    const sent = await on.overridden(card, override);
    const words = [reason?.display ?? reason?.code, comment].filter(Boolean).join("; ");
    shownIn(element, "outcome").textContent = sent ? `Overridden${words ? `: ${words}` : ""}.` : "The feedback was not taken.";
    if (!sent) return;
    element.classList.add("overridden");
    for (const each of element.querySelectorAll("button")) each.disabled = true;
    element.focus({ preventScroll: true }); // its button, where the focus was, can do no more
  }

  place.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-act]");
    if (!button) return;
    const element = button.closest("[data-card]");
    if (button.dataset.act === "accept") accept(element, button);
    else ask(element);
  });
  dialog.addEventListener("close", override);

  function put(nodes) {
    place.replaceChildren(...nodes);
    if (!worked) return;
    worked = false;
    place.focus({ preventScroll: true }); // not back to the head of the page, for who works by keyboard
    if (place.getBoundingClientRect().top < 0) place.scrollIntoView({ block: "start" });
  }

  return {
    // The answer as it came (text) and read. Resolves once the cards stand on the page.
    async show(text, found, isStale) {
      const reply = await fetch("/console/sandbox/cards", {
        method: "POST",
        headers: { "content-type": "application/json", "x-csrf": csrf },
        body: text,
      });
      const html = await reply.text();
      if (isStale()) return;
      if (!reply.ok) throw new Error(`their page was refused with ${reply.status}`);
      cards = found;
      put(new DOMParser().parseFromString(html, "text/html").body.childNodes);
    },
    say(words) {
      cards = [];
      const line = document.createElement("p");
      line.textContent = words;
      put([line]);
    },
  };
}
