// A page that keeps up: whenever the figures have changed, the page is asked for again and only what differs is
// exchanged. The server makes every figure and every word; here is no second rule.
import { changes } from "./stream.js";
import { exchange } from "./exchange.js";

const PAUSE = 1000; // between two renewals: figures that change without end cost one page a second

export function follow(url, shown) {
  let renewing = false;
  let again = false;
  let lostAt = null;

  async function renew() {
    if (renewing) { again = true; return; }
    renewing = true;
    do {
      again = false;
      try {
        const answer = await fetch(location.href, { cache: "no-store", redirect: "manual" });
        if (answer.type === "opaqueredirect") { location.reload(); return; }
        if (answer.ok) {
          const newer = new DOMParser().parseFromString(await answer.text(), "text/html");
          // Of another period or day than this page is: a new year has begun.
          if (newer.title !== document.title || streamOf(newer) !== streamOf(document)) { location.reload(); return; }
          exchange(newer);
          document.dispatchEvent(new Event("exchanged"));
        }
      } catch { /* the stream tells what is lost */ }
      await new Promise((done) => setTimeout(done, PAUSE));
    } while (again);
    renewing = false;
  }

  // What is of today is another thing tomorrow, though nothing was sent: civil days of the server's clock.
  const ahead = Date.parse(root.dataset.now) - Date.now();
  const today = dayOf(Date.now() + ahead);
  setInterval(() => { if (dayOf(Date.now() + ahead) !== today) location.reload(); }, 10_000 + 5_000 * Math.random());

  changes(url, shown, {
    changed: renew,
    connected() { lostAt = null; tell(null); },
    lost() { if (!lostAt) { lostAt = new Date(); tell(lostAt); } },
    refused() { location.reload(); },
  });
}

const root = document.documentElement;
const ZONE = { timeZone: "Asia/Ho_Chi_Minh" };
const dayOf = (at) => new Date(at).toLocaleDateString("sv", ZONE);
const streamOf = (page) => page.querySelector("[data-stream]")?.dataset.stream;

function tell(since) {
  const note = document.querySelector("[data-lost]");
  root.toggleAttribute("data-stale", since !== null);
  if (!note) return;
  note.hidden = since === null;
  note.textContent = since === null ? "" : note.dataset.text.replace("{time}", since.toLocaleTimeString(root.lang, ZONE));
}
