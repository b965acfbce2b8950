// On every page of someone who is signed in: the keyboard's shortcuts, and word when the browser has lost the network.

const keys = document.getElementById("keys");
/** How long after a `g` the next key says where to, in ms. */
const SOON = 1500;
let going = -SOON;

/** What a key does: its link, or what the page has for it. */
function does(key, time) {
  const went = time - going < SOON;
  going = -SOON;
  // The page's own link: the app takes it without a load where it can.
  if (went) return document.querySelector(`nav [data-key="${CSS.escape(key)}"]`)?.click();
  if (key === "g") going = time;
  else if (key === "/") return document.querySelector("[role=search] input, input[type=search]");
  else if (key === "?") keys.togglePopover();
}

addEventListener("keydown", (event) => {
  const { key, target, timeStamp } = event;
  const busy = event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.repeat || event.defaultPrevented;
  const typing = target.isContentEditable || target.closest?.("input, select, textarea");
  if (key.length > 1 || busy || typing || document.querySelector("dialog:modal") || "off" in keys.dataset) return;
  const field = does(key, timeStamp);
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select();
});

const offline = document.getElementById("offline");
const tell = () => {
  offline.textContent = navigator.onLine ? "" : offline.dataset.text;
};
addEventListener("online", tell);
addEventListener("offline", tell);
tell();
