// The types of a chart's data, in a separate file so that importing them does not load the chart.

/** Times in seconds since 1970, and the values of each series at these times; null if there is none. */
export type Points = [times: number[], ...values: (number | null)[][]];

/** A moment that is marked, such as an alarm. */
export interface Moment {
  time: number;
  text: string;
}

/** The part of the time axis that is shown, in seconds since 1970; null if it follows the newest point. */
export type Zoom = readonly [from: number, to: number] | null;

/** How a line is drawn. */
export interface Style {
  /** Its axis: 0 is on the left, 1 on the right. */
  axis: 0 | 1;
  unit: string;
  /** Values at which horizontal lines are drawn. */
  limits: readonly number[];
  /** The number of its colour, from 0. */
  colour: number;
}

/** Join the points of several lines, each with its own times, to the points of one chart. */
export function joined(lines: readonly Points[]): Points {
  const times = [...new Set(lines.flatMap(([each]) => each))].sort((one, other) => one - other);
  const values = lines.map(([own, line]) => {
    const at = new Map(own.map((time, index) => [time, line?.[index] ?? null]));
    return times.map((time) => at.get(time) ?? null);
  });
  return [times, ...values];
}
