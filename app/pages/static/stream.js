// Server-Sent Events by fetch: so that the comments that keep a quiet stream open are seen, and their absence too. A
// connection that died without a word (a laptop that slept, a cut line) is noticed and made anew.
const SILENCE = 40_000;
const LONGEST_WAIT = 30_000;

// `shown` is the id of what the page shows: an event comes only when it is another.
export async function changes(url, shown, on) {
  let last = shown;
  for (let failures = 0; ; ) {
    await seen();
    const stop = new AbortController();
    let away = false;
    const hide = () => { if (document.hidden) { away = true; stop.abort(); } };
    document.addEventListener("visibilitychange", hide);
    let heard = Date.now();
    const watch = setInterval(() => { if (Date.now() - heard > SILENCE) stop.abort(); }, 1000);
    try {
      const answer = await fetch(url, { headers: last ? { "Last-Event-ID": last } : {}, cache: "no-store", signal: stop.signal });
      if (answer.status === 401 || answer.status === 403) { on.refused(); return; }
      if (!answer.ok) throw new Error(String(answer.status));
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      on.connected();
      failures = 0;
      for (let rest = "", part; !(part = await reader.read()).done; ) {
        heard = Date.now();
        const events = (rest + part.value).split("\n\n");
        rest = events.pop();
        for (const event of events) {
          const id = /^id: ?(.*)$/m.exec(event);
          if (!id) continue;
          last = id[1];
          on.changed();
        }
      }
    } catch { /* told below */ }
    clearInterval(watch);
    document.removeEventListener("visibilitychange", hide);
    if (away) { failures = 0; continue; }
    on.lost();
    const wait = Math.min(LONGEST_WAIT, 1000 * 2 ** failures++) * (0.5 + Math.random() / 2);
    await new Promise((done) => setTimeout(done, wait));
  }
}

// A tab that nobody looks at keeps no connection: a browser has six to a service, for all of its tabs.
async function seen() {
  while (document.hidden) await new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));
}
