// The charts and axes of the selected fields. Fields with the same unit share an axis. So do fields without a unit whose
// values are of a similar size. A chart has an axis on the left and one on the right; more axes need more charts.

import type { Style } from "../../chart/series";
import type { Looks } from "./looks.svelte";

export interface Drawn {
  names: string[];
  styles: Style[];
}

interface Axis {
  unit: string;
  /** The largest absolute value. */
  size: number;
  fields: number[];
}

/** Fields without a unit share an axis if none is more than this many times as large as another. */
const SIMILAR = 10;

/** Return the charts of these fields. `size` returns the largest absolute value of a field. */
export function chartsOf(names: readonly string[], looks: Looks, size: (name: string) => number): Drawn[] {
  const axes: Axis[] = [];
  for (const [index, name] of names.entries()) {
    const unit = looks[name]?.unit ?? "";
    const own = size(name);
    const shared = axes.find((each) => each.unit === unit && (unit !== "" || similar(each.size, own)));
    if (shared) {
      shared.fields.push(index);
      shared.size = Math.max(shared.size, own);
    } else axes.push({ unit, size: own, fields: [index] });
  }
  const charts: Drawn[] = [];
  for (const [number, { unit, fields }] of axes.entries()) {
    const axis = number % 2 === 0 ? 0 : 1;
    if (axis === 0) charts.push({ names: [], styles: [] });
    for (const field of fields) {
      const name = names[field] ?? "";
      const { low = null, high = null } = looks[name] ?? {};
      charts.at(-1)?.names.push(name);
      charts.at(-1)?.styles.push({ axis, unit, limits: [low, high].filter((each) => each !== null), colour: field });
    }
  }
  return charts;
}

function similar(one: number, other: number): boolean {
  return one === 0 || other === 0 || (one <= other * SIMILAR && other <= one * SIMILAR);
}
