// Charts with axes: Vega-Lite under a policy that allows neither eval nor inline styles. The bundle beside it is made by
// the build (hatch_build.py). A page has each chart's table too, so that nothing is lost without scripts.
import { vegaEmbed } from "./charts.js";

const NUMBERS = { decimal: ",", thousands: ".", grouping: [3], currency: ["", "\u00a0₫"] };
const MONTHS = Array.from({ length: 12 }, (_, nth) => `Tháng ${nth + 1}`);
const TIMES = {
  dateTime: "%H:%M:%S %d/%m/%Y",
  date: "%d/%m/%Y",
  time: "%H:%M:%S",
  periods: ["SA", "CH"],
  days: ["Chủ nhật", "Thứ hai", "Thứ ba", "Thứ tư", "Thứ năm", "Thứ sáu", "Thứ bảy"],
  shortDays: ["CN", "T2", "T3", "T4", "T5", "T6", "T7"],
  months: MONTHS,
  shortMonths: MONTHS.map((name) => name.replace("áng ", "")),
};

// The page's own letters and colours: the tokens of its stylesheet, as they hold where the chart stands.
function dress(element) {
  const style = getComputedStyle(element);
  const colour = style.color;
  const words = { labelColor: colour, titleColor: colour, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal" };
  return {
    mark: { aria: false }, // one picture with one description; its numbers are in the table beside it
    background: null,
    font: style.fontFamily,
    axis: { ...words, domainColor: colour, tickColor: colour, gridColor: colour, gridOpacity: 0.15 },
    legend: words,
    title: { color: colour },
    text: { color: colour },
    view: { stroke: null },
  };
}

/**
 * Draw a Vega-Lite specification in an element; drawing again there replaces what was.
 *
 * The specification's own `config` goes before the page's. With `width: "container"` it follows the element's width; its
 * `description` is what a screen reader says of the picture, and has to be there.
 * @param {HTMLElement} element
 * @param {object} spec  Vega-Lite 6, with its data as values: nothing is loaded.
 * @returns {Promise<{data(name: string, rows: object[]): Promise<void>, end(): void}>}  `data` gives a named data set
 *   other rows and draws only what they change; `end` empties the element.
 */
export async function draw(element, spec) {
  element.chart?.end();
  const made = await vegaEmbed(element, spec, {
    ast: true, // expressions are walked, not compiled: no eval
    defaultStyle: false, // these would be style elements
    tooltip: { disableDefaultStyle: true },
    actions: false,
    renderer: "svg",
    config: dress(element),
    ...(document.documentElement.lang === "en" ? {} : { formatLocale: NUMBERS, timeFormatLocale: TIMES }),
  });
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", spec.description);
  const chart = {
    data: (name, rows) => made.view.data(name, rows).runAsync().then(() => undefined),
    end: () => (made.finalize(), element.replaceChildren()),
  };
  element.chart = chart;
  return chart;
}
