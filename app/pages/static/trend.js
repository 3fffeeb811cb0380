// A trend by month: drawn from the table beside it, so that both say the same; bands of ratings behind, last year in
// grey, the target as a line, the month that still runs dashed.
import { draw } from "./draw.js";

const BANDS = [[0, 50, "--bad-ground"], [50, 70, "--warn-ground"], [70, 90, "--raised"], [90, 100, "--good-ground"]];

export function trend(figure) {
  const table = document.getElementById(figure.dataset.table);
  const show = () => draw(figure, specification(figure, rows(table)));
  show();
  document.addEventListener("themechange", show);
  new MutationObserver(show).observe(table, { subtree: true, childList: true, characterData: true });
}

function rows(table) {
  const value = (cell) => { const data = cell?.querySelector("data"); return data ? Number(data.value) : null; };
  return [...table.tBodies[0].rows].map((row) => ({
    month: Number(row.dataset.month), open: "open" in row.dataset, now: value(row.cells[1]), before: value(row.cells[2]),
  }));
}

function specification(figure, months) {
  const style = getComputedStyle(figure);
  const colour = (name) => style.getPropertyValue(name).trim();
  const { max, target, unit, description } = figure.dataset;
  const known = months.flatMap((each) => [each.now, each.before]).filter((each) => each !== null);
  if (target) known.push(Number(target));
  const top = Math.min(Number(max), Math.ceil((Math.max(...known) + 2) / 5) * 5);
  const low = Math.max(0, Math.floor((Math.min(...known) - 2) / 10) * 10);
  const x = { field: "month", type: "ordinal", title: null, scale: { domain: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] },
    axis: { labelExpr: "'T' + datum.value", labelAngle: 0, grid: false } };
  const y = (field) => ({ field, type: "quantitative", title: unit, scale: { domain: [low, top], zero: false } });
  const closed = months.filter((each) => !each.open);
  const running = months.slice(-2).filter((each, place, both) => both.at(-1)?.open);
  const bands = BANDS.map(([from, to, name]) => ({ from: Math.max(low, from * max / 100), to: Math.min(top, to * max / 100), fill: colour(name) }));
  return {
    description, width: "container", height: 200, autosize: { type: "fit-x", contains: "padding" },
    layer: [
      { data: { values: bands.filter((each) => each.from < each.to) }, mark: { type: "rect" },
        encoding: { y: { field: "from", type: "quantitative", scale: { domain: [low, top] }, title: unit }, y2: { field: "to" }, color: { field: "fill", type: "nominal", scale: null } } },
      { data: { values: months.filter((each) => each.before !== null) }, mark: { type: "line", color: colour("--chart-2"), strokeWidth: 1.5 }, encoding: { x, y: y("before") } },
      ...(target ? [{ data: { values: [{ target: Number(target) }] }, mark: { type: "rule", color: colour("--warn"), strokeDash: [2, 3] }, encoding: { y: { field: "target", type: "quantitative" } } }] : []),
      { data: { values: closed.filter((each) => each.now !== null) }, mark: { type: "line", color: colour("--chart-1"), strokeWidth: 2.5, point: { color: colour("--chart-1"), size: 24 } }, encoding: { x, y: y("now") } },
      { data: { values: running.filter((each) => each.now !== null) }, mark: { type: "line", color: colour("--chart-1"), strokeWidth: 2.5, strokeDash: [3, 4] }, encoding: { x, y: y("now") } },
      { data: { values: running.slice(-1).filter((each) => each.now !== null) }, mark: { type: "point", filled: true, color: colour("--chart-1"), size: 80, opacity: 1 }, encoding: { x, y: y("now") } },
    ],
  };
}
