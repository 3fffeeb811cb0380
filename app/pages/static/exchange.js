// The parts of a page marked data-live, brought to the state of a newer one: only what differs is touched, so that
// nothing flickers, and focus, selection, scrolling and open details stay.
export function exchange(newer) {
  const parts = [...document.querySelectorAll("[data-live]")];
  const names = (page) => [...page.querySelectorAll("[data-live]")].map((each) => each.dataset.live).join();
  if (names(document) !== names(newer)) {
    // Another shape (a first sub-unit, a part that is gone): the whole.
    document.querySelector("main").replaceChildren(...newer.querySelector("main").childNodes);
    return;
  }
  for (const part of parts) same(part, newer.querySelector(`[data-live="${part.dataset.live}"]`), false);
}

function same(old, wanted, told) {
  if (old.isEqualNode(wanted)) return;
  if (old.nodeType !== wanted.nodeType || old.nodeName !== wanted.nodeName) { old.replaceWith(wanted); return; }
  if (old.nodeType === Node.TEXT_NODE) { old.data = wanted.data; return; }
  for (const { name, value } of wanted.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const { name } of [...old.attributes]) if (!wanted.hasAttribute(name) && name !== "open" && name !== "class") old.removeAttribute(name);
  if (old.nodeName === "DATA") mark(old);
  const before = [...old.childNodes];
  const after = [...wanted.childNodes];
  before.slice(after.length).forEach((each) => each.remove());
  after.forEach((each, place) => (place < before.length ? same(before[place], each) : old.append(each)));
}

// A figure that moved says so for a moment, where people have not asked for stillness.
function mark(figure) {
  figure.classList.remove("changed");
  void figure.offsetWidth;
  figure.classList.add("changed");
}
