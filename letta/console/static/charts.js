// Plots over time, as SVG.
import { html } from "./view.js";

const WIDTH = 300;
const HEIGHT = 100;
const SPARE = 2;

/** Bars for `points` of {label, value, second}; `second` stands on top of `value`. */
export function bars({ title, points, format, total }) {
  const most = Math.max(...points.map((point) => point.value + (point.second ?? 0)), 0) || 1;
  const width = WIDTH / points.length;
  return html`<figure class="plot">
    <figcaption><span>${title}</span><strong>${total ?? format(points.at(-1)?.value ?? 0)}</strong></figcaption>
    <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img"
      aria-label=${`${title}: ${points.length} bars, at most ${format(most)}`}>
      <line x1="0" x2=${WIDTH} y1=${HEIGHT - 0.5} y2=${HEIGHT - 0.5} />
      ${points.map((point, place) => {
        const low = (point.value / most) * (HEIGHT - SPARE);
        const high = ((point.second ?? 0) / most) * (HEIGHT - SPARE);
        const common = { x: place * width + width * 0.1, width: width * 0.8, rx: Math.min(1.5, width / 4) };
        return html`<g key=${place}><title>${point.label}: ${format(point.value + (point.second ?? 0))}</title>
          <rect ...${common} y=${HEIGHT - low} height=${low} />
          ${high > 0 && html`<rect ...${common} class="second" y=${HEIGHT - low - high} height=${high} />`}</g>`;
      })}
    </svg>
    <p class="scale"><span>${points[0]?.label}</span><span>${points.at(-1)?.label}</span></p>
  </figure>`;
}

/** Things with a date, put into `least` to `most` equal stretches of time that end now, oldest first. */
export function byTime(things, dateOf, least = 12, most = 30) {
  if (!things.length) return [];
  const times = things.map((thing) => new Date(dateOf(thing)).getTime());
  const first = Math.min(...times);
  const last = Date.now();
  const stretch = [3_600_000, 6 * 3_600_000, 86_400_000, 7 * 86_400_000, 30 * 86_400_000].find((one) => (last - first) / one <= most) ?? (last - first) / most;
  const groups = new Map();
  const newest = Math.floor(last / stretch);
  for (let start = Math.min(Math.floor(first / stretch), newest - least + 1); start <= newest; start++) groups.set(start, []);
  things.forEach((thing, place) => groups.get(Math.floor(times[place] / stretch))?.push(thing));
  const form = { month: "short", day: "numeric", ...(stretch < 86_400_000 ? { hour: "numeric", minute: "2-digit" } : {}) };
  return [...groups].slice(-most).map(([start, group]) => ({ label: new Date(start * stretch).toLocaleString(undefined, form), group }));
}
