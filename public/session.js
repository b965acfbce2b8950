// On every page of someone who is signed in: empties the tab when the session ends, here or elsewhere (R75), and warns
// before it ends by itself (WCAG 2.2.1). The server alone knows how a session stands: whatever happens, /auth/session is
// asked. Nothing is kept, and nobody polls.

const dialog = document.getElementById("expiry");
const { user: whose, idle } = dialog.dataset;
/** How long before the end people are warned: two minutes; of a short time-out a quarter, but 20 s where there are 40. */
const LEAD = Math.min(Math.max(20, Math.min(120, idle / 4)), idle / 2) * 1000;
/** A browser takes no longer timers. */
const LONGEST = 2 ** 31 - 1;
/** Before another try where the server refused the stream of events, in ms. */
const PAUSE = 10_000;
/** How long the next session of the same person may take to arrive in this browser, in ms. */
const PATIENCE = 5000;

/** The other tabs of this browser, while this one is shown. */
let tabs;
/** Ends this tab's turn at the stream of events, or its wait for one. */
let leave;
/** When the session ends if nobody does anything, and when it ends anyway: ms of this browser's clock. */
let ends, expires;
/** The next look at the session. */
let timer;
/** A form is on its way, a sign-out perhaps: its answer is where this tab goes. */
let sending = false;
let emptied = false;
/** Until then nobody is signed out here: a sign-in of the same person has ended the session, and its answer with the next
    session's cookie is on its way. */
let patient = 0;

// One stream of events a browser: the tab that holds the lock has it, the next one takes over.

/** A tab whose turn it is at once looks when its stream opens; the others do `otherwise`. */
function join(otherwise) {
  tabs = new BroadcastChannel("session");
  tabs.onmessage = ({ data }) => check(data);
  const mine = tabs;
  const waiting = new AbortController();
  leave = () => waiting.abort();
  const turn = () => tabs === mine && new Promise((over) => listen(over));
  const { locks } = navigator;
  locks.request("session", { ifAvailable: true }, (lock) => {
    if (lock) return turn();
    otherwise?.();
    locks.request("session", { signal: waiting.signal }, turn).catch(() => {});
  });
}

function listen(over) {
  const events = new EventSource("/auth/events");
  const mine = tabs;
  let again;
  leave = () => {
    clearTimeout(again);
    events.close();
    over();
  };
  // What happened before, nobody has told.
  events.onopen = () => everyTab("check");
  for (const end of ["ended", "replaced"]) {
    events.addEventListener(end, async () => {
      events.close();
      await everyTab(end);
      // A sign-in has replaced the session of the same person.
      if (tabs === mine) listen(over);
    });
  }
  events.onerror = async () => {
    // A lost connection the browser makes anew; a refusal is final.
    if (events.readyState !== EventSource.CLOSED) return;
    await everyTab("check");
    if (tabs === mine) again = setTimeout(() => listen(over), PAUSE);
  };
}

function part() {
  clearTimeout(timer);
  leave?.();
  tabs?.close();
  leave = tabs = null;
}

function everyTab(why) {
  tabs?.postMessage(why);
  return check(why);
}

async function ask(method) {
  try {
    const answer = await fetch("/auth/session", { method, headers: { "X-CSRF": "1" } });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

/**
 * Asks how the session stands; true if it is still this page's. A POST says that somebody is here. `why` may be that it
 * has `ended` or was `replaced`: then no answer is as good as one.
 */
async function check(why = "check", method = "GET") {
  if (why === "replaced") patient = Date.now() + PATIENCE;
  let session = await ask(method);
  for (let pause = 50; !session?.user && !emptied && Date.now() < patient; pause *= 2) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    session = await ask(method);
  }
  if (!session) {
    if (why !== "check") empty();
    else if (ends) plan();
    return false;
  }
  const { user, now, idle_expires_at, expires_at } = session;
  if (`${user?.tid}.${user?.oid}` !== whose) {
    empty();
    return false;
  }
  // This clock may be wrong; what counts is how long it is from the server's now.
  const here = (time) => Date.now() + Date.parse(time) - Date.parse(now);
  ends = here(idle_expires_at);
  expires = here(expires_at);
  plan();
  return true;
}

/** Removes what is personal at once, then loads what a visitor sees here. */
function empty() {
  if (emptied) return;
  emptied = true;
  part();
  sessionStorage.clear();
  document.title = "Cloakroom";
  document.body.replaceChildren();
  setTimeout(load, sending ? PAUSE : 0);
}

function load() {
  const { pathname, search } = location;
  // The answer to a form can't be had again.
  location.replace(pathname.startsWith("/auth/") ? "/" : pathname + search);
}

// Before the end

/** Warns, or waits until it is time to. Before a warning the server is asked: another tab may have put the end off. */
function plan() {
  if (emptied) return;
  clearTimeout(timer);
  const left = ends - Date.now();
  const due = left <= LEAD;
  if (due) warn();
  else if (dialog.open) dialog.close("known");
  const wait = due ? Math.max(left, 1000) : left - LEAD;
  timer = setTimeout(() => check(due ? "ended" : "check"), Math.min(wait, LONGEST));
}

/** The end that has been seen and can't be put off. */
let accepted;
let ticking;

const last = () => ends >= expires;

function warn() {
  const time = new Date(ends).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
  for (const part of dialog.querySelectorAll("time")) part.textContent = time;
  for (const part of dialog.querySelectorAll("[data-end]")) part.hidden = (part.dataset.end === "max") !== last();
  // The second is not always the same: the server's now has no fractions.
  if (dialog.open || (last() && Math.abs(expires - accepted) < 5000)) return;
  const again = new URLSearchParams({ return_to: location.pathname + location.search });
  dialog.querySelector("a").href = `/auth/login?${again}`;
  dialog.returnValue = "";
  dialog.showModal();
  clearInterval(ticking);
  ticking = setInterval(tick, 1000);
  said = undefined;
  tick();
}

/** Seconds at which the time left is said aloud; each second would be chatter. */
const ALOUD = [10, 30, 60, 120];
let said;

function tick() {
  const left = Math.max(0, Math.round((ends - Date.now()) / 1000));
  dialog.querySelector("[role=timer]").textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  const step = ALOUD.find((seconds) => left <= seconds);
  if (step === said) return;
  said = step;
  const status = dialog.querySelector("[role=status]");
  status.textContent = status.dataset.text.replace("{}", left);
}

dialog.addEventListener("close", async () => {
  clearInterval(ticking);
  if (dialog.returnValue === "known") return;
  if (last()) accepted = expires;
  // Whichever key closed it, somebody is here.
  else if (await check("check", "POST")) tabs?.postMessage("check");
});

// What happens to a page

addEventListener("submit", ({ target }) => {
  sending ||= target.method === "post";
  if (target.getAttribute("action")?.startsWith("/auth/")) sessionStorage.clear();
});

addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") check();
});

addEventListener("pagehide", () => {
  // The answer to the form is here, so the session may be gone.
  if (sending) tabs?.postMessage("check");
  part();
  // Back may bring this page back as it is: it is not seen before it is known whose it is.
  document.documentElement.hidden = true;
});

addEventListener("pageshow", async ({ persisted }) => {
  if (!persisted) return;
  sending = false;
  if (emptied) return load();
  join();
  if (await check()) document.documentElement.hidden = false;
  else if (!emptied) location.reload();
});

join(check);
