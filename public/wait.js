// Where Microsoft asks to wait: counts the seconds down, and holds the button until they are over. Nobody but the person
// tries again.

function count(box) {
  const { wait, text, over } = box.dataset;
  const [shown, said] = box.querySelectorAll("p");
  const bar = box.querySelector("progress");
  const button = box.parentElement.querySelector(".actions a");
  const start = performance.now();
  button.setAttribute("aria-disabled", "true");
  said.textContent = "";
  clearInterval(box.ticking);
  box.ticking = setInterval(tick, 250);
  tick();

  function tick() {
    const passed = (performance.now() - start) / 1000;
    const left = Math.ceil(wait - passed);
    bar.value = Math.min(passed, wait);
    shown.hidden = left <= 0;
    // Into the text that is there: the app may write it anew.
    shown.firstChild.data = text.replace("{}", left);
    if (left > 0 && box.isConnected) return;
    clearInterval(box.ticking);
    button.removeAttribute("aria-disabled");
    said.textContent = over;
  }
}

addEventListener("click", (event) => {
  if (event.target.closest?.("[aria-disabled=true]")) event.preventDefault();
}, true);

const counted = new WeakMap();
function look() {
  for (const box of document.querySelectorAll("[data-wait]")) {
    if (counted.get(box) === box.dataset.wait) continue;
    counted.set(box, box.dataset.wait);
    count(box);
  }
}
const where = { subtree: true, childList: true, attributeFilter: ["data-wait"] };
new MutationObserver(look).observe(document.getElementById("app"), where);
look();
