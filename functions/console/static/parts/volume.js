/** How many events there were, as bars; a range that is brushed becomes since and until. */
import { useEffect, useRef, useState } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { get } from "../api.js";
import { short, When } from "./text.js";

const DAYS = 7;
const BRUSHED_PX = 4;

const colour = (element, name) => getComputedStyle(element).getPropertyValue(name).trim();

/** What a token comes to, since a canvas knows no `light-dark()`. */
function resolved(element, name) {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  element.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found || colour(element, name);
}

function iso(seconds) { return new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, "Z"); }

function options(uPlot, box, brush, step) {
  const ink = resolved(box, "--muted");
  const line = resolved(box, "--line");
  const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  return {
    width: box.clientWidth, height: box.clientHeight, legend: { show: false },
    cursor: { y: false, drag: { x: true, y: false, setScale: false } },
    scales: { x: { time: true, range: (_plot, low, high) => [low, high + step] }, y: { range: (_plot, _low, high) => [0, Math.max(1, high)] } },
    axes: [{ ...axis, size: 40 }, { ...axis, size: 44, incrs: [1, 2, 5, 10, 50, 100, 1000, 10000, 100000], space: 30 }],
    series: [{}, { fill: resolved(box, "--accent"), stroke: resolved(box, "--accent"), width: 0, points: { show: false },
      paths: uPlot.paths.bars({ size: [0.85, 40], align: 1 }) }],
    hooks: { setSelect: [(plot) => {
      if (plot.select.width < BRUSHED_PX) return;
      const from = plot.posToVal(plot.select.left, "x");
      const to = plot.posToVal(plot.select.left + plot.select.width, "x");
      brush(iso(from), iso(to));
    }] },
  };
}

/** `times` in seconds, `step` seconds apart; `brush` is called with the range that is dragged over. */
export function Bars({ times, values, step, label, brush }) {
  const box = useRef(null);
  useEffect(() => {
    let plot;
    let here = true;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const sheet = stylesheet();
    const draw = async () => {
      const { default: uPlot } = await import("../vendor/uplot.js");
      await sheet;
      if (!here || !box.current) return;
      if (plot) plot.destroy();
      plot = new uPlot(options(uPlot, box.current, brush || (() => {}), step), [times, values], box.current);
    };
    draw();
    const watcher = new ResizeObserver(() => plot && box.current && plot.setSize({ width: box.current.clientWidth, height: box.current.clientHeight }));
    watcher.observe(box.current);
    dark.addEventListener("change", draw);
    return () => { here = false; watcher.disconnect(); dark.removeEventListener("change", draw); if (plot) plot.destroy(); };
  }, [times, values]);
  return html`<div class="chart" ref=${box} role="img" aria-label=${label}></div>`;
}

let sheetLoaded;
/** uPlot's own sheet, once. */
function stylesheet() {
  sheetLoaded ||= new Promise((done) => {
    const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet", href: new URL("../vendor/uplot.css", import.meta.url).href });
    sheet.onload = sheet.onerror = done;
    document.head.append(sheet);
  });
  return sheetLoaded;
}

/** The volume of the events that `filters` let through; loaded once the list is `ready`, which comes first. */
export function Volume({ filters, brush, ready }) {
  const asked = JSON.stringify(filters);
  const [volume, setVolume] = useState(null);
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    if (!ready) return undefined;
    const aborter = new AbortController();
    const range = filters.since || filters.until ? {} : { history_days: DAYS };
    get("events/volume", { ...filters, ...range, interval: "hours=6" }, aborter.signal).then(
      (found) => { setProblem(null); setVolume({ ...found, times: found.buckets.map((bucket) => Date.parse(bucket.start) / 1000), values: found.buckets.map((bucket) => bucket.events) }); },
      (refused) => { if (refused.name !== "AbortError") { setVolume(null); setProblem(refused); } },
    );
    return () => aborter.abort();
  }, [asked, ready]);
  if (problem) return html`<p class="small muted" role="status">The chart can't be drawn: ${short(problem.message, 200)}</p>`;
  const failed = volume && volume.filter_failed
    && html`<p class="small muted">The CEL filter failed on ${volume.filter_failed.events} of the events that the chart is of, and they are not counted: ${short(volume.filter_failed.first, 300)}</p>`;
  if (!volume || !volume.times.length) return html`${failed}<div class="chart"></div>`;
  const partly = [volume.capped && html`of what is asked for, the last 90 days`, volume.complete_from && html`complete from <${When} at=${volume.complete_from} /> on: what is before that is more than can be counted at once`].filter(Boolean);
  return html`${partly.length > 0 && html`<p class="small muted">The chart is ${partly.map((each, at) => html`${at ? ", and " : ""}${each}`)}.</p>`}${failed}<${Bars} times=${volume.times} step=${volume.interval_seconds} values=${volume.values} brush=${brush}
    label=${`${volume.total} events from ${volume.since} to ${volume.until}; drag over a range to see only that`} />`;
}
