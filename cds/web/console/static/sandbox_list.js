// Shortens the list of patients while somebody types.

const find = document.getElementById("find");
const field = document.getElementById("q");
const found = document.getElementById("found");

function shorten() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let all = 0;
  for (const group of document.querySelectorAll("[data-group]")) {
    let count = 0;
    for (const item of group.querySelectorAll("[data-line]")) {
      const fits = words.every((word) => item.dataset.line.includes(word));
      item.hidden = !fits;
      count += fits ? 1 : 0;
    }
    group.querySelector("[data-count]").textContent = count;
    all += count;
  }
  found.textContent = `${all} patients.`;
}

// A list that the server has shortened already lacks the others: then the server is asked again.
if (!new URLSearchParams(location.search).get("q")) {
  field.addEventListener("input", shorten);
  find.addEventListener("submit", (event) => event.preventDefault());
  if (field.value) shorten();
}
