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
if (main) follow(main.dataset.stream);
