// The chart: uPlot, in the colours of the theme. A chunk of its own, loaded when a chart is first shown.

import uPlot from "uplot";

import { colour } from "../theme.svelte";
import type { Moment, Points } from "./series";

/** Colours that tokens.css has for lines. */
const COLOURS = 6;

export interface Options {
  names: readonly string[];
  height: number;
}

export class Plot {
  readonly #plot: uPlot;
  readonly #watch: ResizeObserver;
  #moments: readonly Moment[] = [];

  constructor(host: HTMLElement, points: Points, { names, height }: Options) {
    this.#plot = new uPlot(this.#options(host.clientWidth, height, names), points, host);
    this.#watch = new ResizeObserver(() => this.#plot.setSize({ width: host.clientWidth, height }));
    this.#watch.observe(host);
  }

  set points(points: Points) {
    this.#plot.setData(points);
  }

  set moments(moments: readonly Moment[]) {
    this.#moments = moments;
    this.#plot.redraw(false);
  }

  destroy(): void {
    this.#watch.disconnect();
    this.#plot.destroy();
  }

  #options(width: number, height: number, names: readonly string[]): uPlot.Options {
    const axis: uPlot.Axis = {
      stroke: colour("soft"),
      grid: { stroke: colour("line"), width: 1 },
      ticks: { stroke: colour("line"), width: 1 },
      font: "12px system-ui, sans-serif",
    };
    const alarm = colour("bad");
    const lines = names.map((label, index): uPlot.Series => ({
      label, stroke: colour(`series-${(index % COLOURS) + 1}`), width: 1.5, points: { show: false },
    }));
    return {
      width,
      height,
      axes: [axis, { ...axis, size: 64 }],
      series: [{ label: "Time" }, ...lines],
      cursor: { drag: { x: true, y: false } },
      hooks: { draw: [(plot) => this.#drawMoments(plot, alarm)] },
    };
  }

  #drawMoments(plot: uPlot, stroke: string): void {
    const { ctx: context, bbox: box } = plot;
    context.save();
    context.strokeStyle = stroke;
    context.fillStyle = stroke;
    context.setLineDash([4, 4]);
    for (const moment of this.#moments) {
      const x = plot.valToPos(moment.time, "x", true);
      if (x < box.left || x > box.left + box.width) continue;
      context.beginPath();
      context.moveTo(x, box.top);
      context.lineTo(x, box.top + box.height);
      context.stroke();
      context.fillText("▲", x - 4, box.top + box.height);
    }
    context.restore();
  }
}
