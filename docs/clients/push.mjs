// Sends a file of events, one a line, to chiso766, and keeps what was rejected. Node 18 or newer, nothing to install.
//
//   CHISO_URL=https://chiso.example.vn CHISO_KEY=... node push.mjs events.ndjson
//
// Ends with 0: all were taken. 1: some were rejected; each stands in events.ndjson.rejected with its code and detail.
// 2: not all could be sent. Run it again: what was taken is then a duplicate, which is success.

import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const BATCH = 500, TRIES = 10, TIMEOUT_MS = 60_000;
const AGAIN = new Set([408, 429, 500, 502, 503, 504]);

/** Sending more is of no use now. */
class Stop extends Error {}

/** The batch is to be split. */
class TooMuch extends Error {}

/** The answer, read to its end; throws where there was none, or not a whole one. */
async function post(body) {
  const answer = await fetch(`${process.env.CHISO_URL.trim().replace(/\/+$/, "")}/v1/events`, {
    method: "POST",
    headers: { Authorization: `Bearer ${process.env.CHISO_KEY}`, "Content-Type": "application/x-ndjson" },
    body,
    redirect: "manual",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  return { status: answer.status, retryAfter: answer.headers.get("Retry-After"), told: await answer.json() };
}

/** Milliseconds to wait: what the service says, else 1, 2, 4 … 60 s, each a little different for every sender. */
function waitFor(tries, retryAfter) {
  if (/^\d+$/.test(retryAfter ?? "")) return Number(retryAfter) * 1000;
  return Math.min(60, 2 ** tries) * (500 + 500 * Math.random());
}

/** Sends a batch until it is answered: what became of each of its events. The ids stay the same every time. */
async function push(lines) {
  let trouble;
  for (let tries = 0; tries < TRIES; tries++) {
    let answer = null;
    try {
      answer = await post(lines.join("\n"));
      trouble = `${answer.status} ${answer.told.code}: ${answer.told.detail}`;
    } catch (error) {
      trouble = `no answer: ${error.cause ?? error}`;
    }
    if (answer?.status === 200) {
      const { accepted, duplicates, rejected } = answer.told;
      if (accepted + duplicates + rejected === lines.length) return answer.told;
      throw new Stop(`${lines.length} events were sent, and the answer tells of others: ${JSON.stringify(answer.told)}`);
    }
    if (answer?.status === 413) throw new TooMuch(trouble);
    if (answer && !AGAIN.has(answer.status) && answer.told.code !== "incomplete_body") throw new Stop(trouble);
    const wait = waitFor(tries, answer?.retryAfter);
    console.error(`${trouble}; again in ${(wait / 1000).toFixed(1)} s`);
    await sleep(wait);
  }
  throw new Stop(`given up after ${TRIES} tries: ${trouble}`);
}

/** As `push`; in halves where it is too much at once, down to a single event. */
async function* outcomes(lines) {
  let told;
  try {
    told = await push(lines);
  } catch (problem) {
    if (!(problem instanceof TooMuch)) throw problem;
    if (lines.length > 1) {
      const half = lines.length >> 1;
      yield* outcomes(lines.slice(0, half));
      yield* outcomes(lines.slice(half));
      return;
    }
    const error = { index: 0, code: "too_large", field: null, detail: problem.message };
    told = { accepted: 0, duplicates: 0, rejected: 1, errors: [error] };
  }
  yield { sent: lines, told };
}

/** The lines of the file that is to be sent. */
function linesOf(names) {
  if (names.length !== 1) throw new Stop("name one file: push.mjs events.ndjson");
  for (const name of ["CHISO_URL", "CHISO_KEY"]) if (!process.env[name]?.trim()) throw new Stop(`set ${name}`);
  if (!/^https?:\/\//.test(process.env.CHISO_URL.trim())) throw new Stop("CHISO_URL begins with http:// or https://");
  let bytes, text;
  try {
    bytes = readFileSync(names[0]);
  } catch (error) {
    throw new Stop(`${names[0]} cannot be read: ${error.message}`);
  }
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Stop(`${names[0]} is not UTF-8: save it as UTF-8`);
  }
  return text.split("\n").map((line) => line.trim()).filter(Boolean);
}

const file = process.argv[2];
let lines;
try {
  lines = linesOf(process.argv.slice(2));
} catch (stop) {
  console.error("stopped:", stop.message);
  process.exit(2);
}
const counts = { accepted: 0, duplicates: 0, rejected: 0 };
const kept = openSync(`${file}.rejected`, "w");
try {
  for (let start = 0; start < lines.length; start += BATCH) {
    for await (const { sent, told } of outcomes(lines.slice(start, start + BATCH))) {
      for (const name in counts) counts[name] += told[name];
      for (const { index, code, field, detail } of told.errors) { // the batch was 200, and these were NOT taken
        writeSync(kept, JSON.stringify({ code, field, detail, event: sent[index] }) + "\n");
      }
      for (const { index, detail } of told.warnings ?? []) console.error("warning:", sent[index], detail);
    }
  }
  process.exitCode = counts.rejected ? 1 : 0;
} catch (stop) {
  if (!(stop instanceof Stop)) throw stop;
  console.error("stopped:", stop.message);
  process.exitCode = 2;
} finally {
  closeSync(kept);
  console.log(Object.entries(counts).map(([name, count]) => `${name} ${count}`).join(", "));
}
