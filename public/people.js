// What the directory's page does beyond links and forms. It looks while people type, and it downloads in view of the
// person, with the number of rows that have come. Without it the form is sent, and the link is a download like any other.

/** How long nobody types before what they typed is looked for, in ms. */
const TYPING = 250;

const app = document.getElementById("app");
/** The search that the address has. */
let sought = new URLSearchParams(location.search).get("search") ?? "";
let soon;

addEventListener("input", ({ target }) => {
  if (target.id !== "search") return;
  clearTimeout(soon);
  soon = setTimeout(look, TYPING, target);
});

addEventListener("submit", (event) => {
  const field = event.target.querySelector("#search");
  if (!field || !awake()) return;
  event.preventDefault();
  clearTimeout(soon);
  look(field);
});

/** The router says so with its first breath. */
const awake = () => app.hasAttribute("aria-busy");

/** The router follows links, so one is made: it takes the place of this address, and nothing moves. */
function look(field) {
  const text = field.value.trim();
  if (!awake() || text === (new URLSearchParams(location.search).get("search") ?? "")) return;
  sought = text;
  const link = document.createElement("a");
  link.href = text ? `/people?search=${encodeURIComponent(text)}` : "/people";
  link.replace = true;
  link.toggleAttribute("noscroll", true);
  document.body.append(link);
  link.click();
  link.remove();
}

// Another search than the one that was typed, by Back or a link: the field says it too. What is being typed stays.
new MutationObserver((changes) => {
  for (const { target } of changes) {
    const search = target.getAttribute("value");
    if (target.id !== "search" || search === sought) continue;
    target.value = sought = search;
  }
}).observe(app, { subtree: true, attributeFilter: ["value"] });

let leave;

addEventListener("click", (event) => {
  const link = event.target.closest?.(".export a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (link.getAttribute("aria-disabled") !== "true") download(link);
}, true);

async function download(link) {
  const { rows: soFar, of, done, failed } = link.dataset;
  const [bar, status] = [link.parentElement.querySelector("progress"), link.parentElement.querySelector("[role=status]")];
  const format = new Intl.NumberFormat(document.documentElement.lang).format;
  const say = (text, ...numbers) => {
    status.textContent = numbers.reduce((text, number) => text.replace("{}", format(number)), text);
  };
  leave = new AbortController();
  link.setAttribute("aria-disabled", "true");
  bar.hidden = false;
  bar.removeAttribute("value");
  try {
    const answer = await fetch(link.href, { signal: leave.signal });
    // What is refused has a page that says why.
    if (!answer.ok) return location.assign(link.href);
    const total = Number(answer.headers.get("X-Total-Count"));
    if (total) bar.max = total;
    const parts = [];
    // The first line has the headings.
    let rows = -1;
    let quoted = false;
    let aloud = 0;
    for await (const part of read(answer.body)) {
      parts.push(part);
      for (const byte of part) {
        if (byte === 34) quoted = !quoted;
        else if (byte === 10 && !quoted) rows++;
      }
      if (!link.isConnected) return leave.abort();
      if (total) bar.value = rows;
      // Now and then, for who listens.
      if (Date.now() < aloud) continue;
      aloud = Date.now() + 1000;
      if (total) say(of, Math.max(rows, 0), total);
      else say(soFar, Math.max(rows, 0));
    }
    const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition"))?.[1];
    const file = document.createElement("a");
    file.href = URL.createObjectURL(new Blob(parts, { type: "text/csv" }));
    file.download = name ?? "people.csv";
    file.click();
    setTimeout(() => URL.revokeObjectURL(file.href), 60_000);
    say(done, rows);
  } catch (error) {
    if (error.name !== "AbortError") say(failed);
  } finally {
    bar.hidden = true;
    link.removeAttribute("aria-disabled");
  }
}

async function* read(stream) {
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}

addEventListener("pagehide", () => leave?.abort());
