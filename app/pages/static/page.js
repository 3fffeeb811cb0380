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

// A wall that goes round.
const round = document.querySelector("[data-next]");
if (round) setTimeout(() => location.replace(round.dataset.next), 1000 * Number(round.dataset.after));
