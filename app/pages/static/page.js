// What every page does beside being read: the theme's switch, and, where it names a stream, keeping up to date.
import { follow } from "./live.js";

const root = document.documentElement;
const button = document.querySelector("[data-theme-switch]");
if (button) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* lasts as long as the page */ }
    document.dispatchEvent(new Event("themechange"));
  });
}

const main = document.querySelector("[data-stream]");
if (main) follow(main.dataset.stream, main.dataset.tag);

for (const figure of document.querySelectorAll("[data-chart]")) import("./trend.js").then(({ trend }) => trend(figure));

// Clocks show the server's time, and how long ago something was, as long as the page is open.
const clock = document.querySelector("[data-clock]");
if (clock) {
  const ahead = Date.parse(clock.dateTime) - Date.now();
  const zone = { timeZone: "Asia/Ho_Chi_Minh" };
  setInterval(() => {
    const at = new Date(Date.now() + ahead);
    clock.textContent =
      at.toLocaleTimeString("vi", zone) + "  " + at.toLocaleDateString(root.lang, { ...zone, weekday: "long", day: "2-digit", month: "2-digit", year: "numeric" });
  }, 1000);
}

// How long ago something was, in the page's language.
const words = new Intl.RelativeTimeFormat(root.lang, { numeric: "always", style: "long" });
const STEPS = [[60, 1, "second"], [3600, 60, "minute"], [86400, 3600, "hour"], [Infinity, 86400, "day"]];
const offset = clock ? Date.parse(clock.dateTime) - Date.now() : 0;
const tell = () => document.querySelectorAll("[data-ago]").forEach((each) => {
  const seconds = Math.max(0, (Date.now() + offset - Date.parse(each.dateTime)) / 1000);
  const [, length, name] = STEPS.find(([most]) => seconds < most);
  each.textContent = words.format(-Math.floor(seconds / length), name);
});
if (document.querySelector("[data-ago]")) { tell(); setInterval(tell, 1000); document.addEventListener("exchanged", tell); }

// A wall that goes round.
const round = document.querySelector("[data-next]");
if (round) setTimeout(() => location.replace(round.dataset.next), 1000 * Number(round.dataset.after));
