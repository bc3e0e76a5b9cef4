// Opens and closes all branches of a tree of reasons. The links lead to pages that do the same, so
// nothing is lost without this script. Trees may be put into a page later: listen to the document.

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-unfold]");
  const trace = link?.closest("[data-trace]");
  if (!trace || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const open = link.dataset.unfold === "all";
  for (const branch of trace.querySelectorAll("details")) branch.open = open;
});

// Paper cannot be opened: print what fired with all that decided it.
addEventListener("beforeprint", () => {
  for (const branch of document.querySelectorAll("[data-trace] details[open] .decides > details")) branch.open = true;
});
