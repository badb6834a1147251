// The chart: uPlot in the colours of the theme. It is a separate chunk, loaded when a chart is first shown.

import uPlot from "uplot";

import { colour } from "../app/theme.svelte";
import { exact, measure, tick } from "../format/numbers";
import type { Moment, Points, Zoom } from "./series";

/** The number of colours for lines in tokens.css. */
const COLOURS = 6;

/** The shortest time span, in seconds. For a single point, uPlot would show years. */
const LEAST = 10;

/** The shortest drag over the chart that selects a range, in pixels. */
const DRAG = 8;

export interface Options {
  names: readonly string[];
  height: number;
  /** Whether the axis starts at zero instead of at the lowest value. */
  fromZero: boolean;
  /** Called with a range that was selected by dragging, and with null for a double-click. */
  onzoom: (zoom: Zoom) => void;
  /** Called with the times that the chart shows. */
  onrange: (from: number, to: number) => void;
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

  #options(width: number, { names, height, fromZero, onzoom, onrange }: Options): uPlot.Options {
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
    const lines = names.map((label, index): uPlot.Series => ({
      label, value, stroke: colour(`series-${(index % COLOURS) + 1}`), width: 1.5, spanGaps: true,
    }));
    return {
      width,
      height,
      axes: [{ ...axis, values: times, space: 90 }, { ...axis, values, size: 64 }],
      scales: {
        x: { range: (plot) => this.#range(plot.data[0] as number[]) },
        y: fromZero ? { range: (_, _least, most) => [0, Math.max((most ?? 0) * 1.1, 1)] } : {},
      },
      series: [{ label: "Time", value: time }, ...lines],
      cursor: {
        drag: { x: true, y: false, setScale: false, dist: DRAG },
        bind: { dblclick: () => () => { onzoom(null); return null; } },
      },
      hooks: {
        draw: [(plot) => this.#drawMoments(plot, alarm)],
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
