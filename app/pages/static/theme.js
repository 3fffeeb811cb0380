// Before the first paint: the theme that was chosen here, if any; else the system's.
(function () {
  let chosen = null;
  try { chosen = localStorage.getItem("theme"); } catch { /* storage is closed: the system's */ }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
