// On /console: the buttons that copy, Ctrl+Enter, and the calls that this tab has made. Only methods and paths are kept,
// never an answer; they go when the session does (session.js), and when somebody else signs in.

const KEY = "console";
const MOST = 20;
const form = document.querySelector(".ask");
const said = document.getElementById("said");

// Copies

for (const button of document.querySelectorAll("[data-copy]")) {
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = said.textContent = said.dataset.copied;
    setTimeout(() => {
      button.textContent = label;
      said.textContent = "";
    }, 2000);
  });
}

// Keys

form.querySelector(".actions .note").hidden = false;
form.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  form.requestSubmit();
});

// The body belongs to methods that have one.
form.elements.method.addEventListener("change", () => {
  form.querySelector("details").open = form.elements.method.value !== "GET";
});

// The tab's calls

const { user } = document.getElementById("expiry").dataset;
const history = document.getElementById("history");

function load() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY));
    if (kept.user === user) return kept.calls;
  } catch {}
  sessionStorage.removeItem(KEY);
  return [];
}

function keep(calls) {
  if (calls.length) sessionStorage.setItem(KEY, JSON.stringify({ user, calls }));
  else sessionStorage.removeItem(KEY);
  history.hidden = !calls.length;
  const items = calls.map(({ method, path }) => {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = `/console?${new URLSearchParams({ method, path })}`;
    link.textContent = `${method} ${path}`;
    item.append(link);
    return item;
  });
  history.querySelector("ol").replaceChildren(...items);
}

let calls = load();
if ("asked" in form.dataset) {
  const method = form.elements.method.value;
  const path = form.elements.path.value;
  const others = calls.filter((call) => call.method !== method || call.path !== path);
  calls = [{ method, path }, ...others].slice(0, MOST);
}
keep(calls);
history.querySelector("button").addEventListener("click", () => keep([]));
