// The chart: uPlot in the colours of the theme. It is a separate chunk, loaded when a chart is first shown.

import uPlot from "uplot";

import { colour } from "../app/theme.svelte";
import { exact, measure, tick } from "../format/numbers";
import type { Moment, Points, Style, Zoom } from "./series";

/** The number of colours for lines in tokens.css. */
const COLOURS = 6;

/** The shortest time span, in seconds. For a single point, uPlot would show years. */
const LEAST = 10;

/** The scales of the two axes, left and right. */
const SCALES = ["y", "right"] as const;

/** The shortest drag over the chart that selects a range, in pixels. */
const DRAG = 8;

export interface Options {
  names: readonly string[];
  /** The styles of the lines, in the order of `names`. Without them, all lines have the left axis. */
  styles: readonly Style[];
  height: number;
  /** Whether the axis starts at zero instead of at the lowest value. */
  fromZero: boolean;
  /** Called with a range that was selected by dragging, and with null for a double-click. */
  onzoom: (zoom: Zoom) => void;
  /** Called with the times that the chart shows. */
  onrange: (from: number, to: number) => void;
  /** Whether a missing value is a gap in its line. Otherwise the line joins the values beside it. */
  gaps: boolean;
}

export class Plot {
  readonly #plot: uPlot;
  readonly #watch: ResizeObserver;
  #moments: readonly Moment[] = [];
  #zoom: Zoom = null;

  constructor(host: HTMLElement, points: Points, options: Options) {
    const { height } = options;
    this.#plot = new uPlot(this.#options(host.clientWidth, options), points, host);
    this.#watch = new ResizeObserver(() => this.#plot.setSize({ width: host.clientWidth, height }));
    this.#watch.observe(host);
  }

  set points(points: Points) {
    this.#plot.setData(points);
  }

  set zoom(zoom: Zoom) {
    this.#zoom = zoom;
    this.points = this.#plot.data as Points;
  }

  set moments(moments: readonly Moment[]) {
    this.#moments = moments;
    this.#plot.redraw(false);
  }

  destroy(): void {
    this.#watch.disconnect();
    this.#plot.destroy();
  }

  /** Return the times to show: the selected ones, whatever is added, else all. */
  #range(times: readonly number[]): [from: number, to: number] {
    if (this.#zoom) return [...this.#zoom];
    const to = times.at(-1) ?? Date.now() / 1000;
    return [Math.min(times[0] ?? to, to - LEAST), to];
  }

  #options(width: number, { names, styles, height, fromZero, gaps, onzoom, onrange }: Options): uPlot.Options {
    const axis: uPlot.Axis = {
      stroke: colour("soft"),
      grid: { stroke: colour("line"), width: 1 },
      ticks: { stroke: colour("line"), width: 1 },
      font: "12px system-ui, sans-serif",
    };
    const times = (_: uPlot, splits: number[], __: number, ___: number, apart: number): string[] =>
      splits.map((each) => tick(new Date(each * 1000), apart));
    const values = (_: uPlot, splits: number[]): string[] => splits.map(measure);
    const value = (_: uPlot, each: number | null): string => (each === null ? "–" : measure(each));
    const time = (_: uPlot, each: number | null): string => (each === null ? "–" : exact(new Date(each * 1000)));
    const alarm = colour("bad");
    const strokes = names.map((_, index) => colour(`series-${((styles[index]?.colour ?? index) % COLOURS) + 1}`));
    const lines = names.map((name, index): uPlot.Series => {
      const { axis: side = 0, unit = "" } = styles[index] ?? {};
      const label = `${name}${unit && ` (${unit})`}${side === 1 ? ", right axis" : ""}`;
      return { label, value, scale: SCALES[side], stroke: strokes[index] ?? "", width: 1.5, spanGaps: !gaps };
    });
    const limits = styles.flatMap(({ axis: side, limits: at }, index) =>
      at.map((limit) => ({ limit, scale: SCALES[side], stroke: strokes[index] ?? "" })));
    const sides = styles.some((each) => each.axis === 1) ? SCALES : SCALES.slice(0, 1);
    const axes = sides.map((scale, side): uPlot.Axis => {
      const unit = styles.find((each) => each.axis === side)?.unit ?? "";
      const shared = { ...axis, scale, values, size: 56, side: side === 0 ? 3 : 1, grid: { ...axis.grid, show: side === 0 } };
      return unit ? { ...shared, label: unit, labelSize: 18, labelFont: axis.font ?? "", labelGap: 0 } : shared;
    });
    const scales = sides.map((scale): [string, uPlot.Scale] => {
      const at = limits.filter((each) => each.scale === scale).map((each) => each.limit);
      return [scale, { range: (_, least, most) => fromZero ? [0, Math.max((most ?? 0) * 1.1, 1)] : ranged(least, most, at) }];
    });
    return {
      width,
      height,
      axes: [{ ...axis, values: times, space: 90 }, ...axes],
      scales: {
        x: { range: (plot) => this.#range(plot.data[0] as number[]) },
        ...Object.fromEntries(scales),
      },
      series: [{ label: "Time", value: time }, ...lines],
      cursor: {
        drag: { x: true, y: false, setScale: false, dist: DRAG },
        bind: { dblclick: () => () => { onzoom(null); return null; } },
      },
      hooks: {
        draw: [(plot) => this.#drawMoments(plot, alarm), (plot) => drawLimits(plot, limits)],
        setSelect: [({ select: { left, width: selected } }) => {
          if (selected < DRAG) return;
          onzoom([this.#plot.posToVal(left, "x"), this.#plot.posToVal(left + selected, "x")]);
          this.#plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        }],
        setScale: [(plot, key) => {
          const { min, max } = plot.scales[key] ?? {};
          if (key === "x" && typeof min === "number" && typeof max === "number") onrange(min, max);
        }],
      },
    };
  }

  #drawMoments(plot: uPlot, stroke: string): void {
    const { ctx: context, bbox: box } = plot;
    context.save();
    context.strokeStyle = stroke;
    context.fillStyle = stroke;
    context.textAlign = "center";
    context.setLineDash([4, 4]);
    for (const moment of this.#moments) {
      const x = plot.valToPos(moment.time, "x", true);
      if (x < box.left || x > box.left + box.width) continue;
      context.beginPath();
      context.moveTo(x, box.top);
      context.lineTo(x, box.top + box.height);
      context.stroke();
      context.fillText("▲", x, box.top + box.height);
    }
    context.restore();
  }
}

interface Limit {
  limit: number;
  scale: string;
  stroke: string;
}

/** Return the range of an axis: it contains all values and limits. */
function ranged(least: number | null, most: number | null, limits: readonly number[]): uPlot.Range.MinMax {
  const values = [least, most, ...limits].filter((each) => each !== null);
  if (values.length === 0) return [0, 1];
  return uPlot.rangeNum(Math.min(...values), Math.max(...values), 0.1, true);
}

function drawLimits(plot: uPlot, limits: readonly Limit[]): void {
  const { ctx: context, bbox: box } = plot;
  context.save();
  context.setLineDash([10, 5]);
  context.textAlign = "left";
  context.textBaseline = "bottom";
  for (const { limit, scale, stroke } of limits) {
    const y = plot.valToPos(limit, scale, true);
    context.strokeStyle = stroke;
    context.fillStyle = stroke;
    context.beginPath();
    context.moveTo(box.left, y);
    context.lineTo(box.left + box.width, y);
    context.stroke();
    context.fillText(measure(limit), box.left + 4, y - 2);
  }
  context.restore();
}
