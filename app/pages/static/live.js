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
          exchange(new DOMParser().parseFromString(await answer.text(), "text/html"));
          document.dispatchEvent(new Event("exchanged"));
        }
      } catch { /* the stream tells what is lost */ }
      await new Promise((done) => setTimeout(done, PAUSE));
    } while (again);
    renewing = false;
  }

  changes(url, shown, {
    changed: renew,
    connected() { lostAt = null; tell(null); },
    lost() { if (!lostAt) { lostAt = new Date(); tell(lostAt); } },
    refused() { location.reload(); },
  });
}

function tell(since) {
  const note = document.querySelector("[data-lost]");
  document.documentElement.toggleAttribute("data-stale", since !== null);
  if (!note) return;
  note.hidden = since === null;
  note.textContent = since === null ? "" : note.dataset.text.replace("{time}", since.toLocaleTimeString(document.documentElement.lang));
}
