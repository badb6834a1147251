// What a chart is told. By itself, so that nobody loads the chart for it.

/** Times in seconds since 1970, and for each series a value at each; null where there is none. */
export type Points = [times: number[], ...values: (number | null)[][]];

/** A moment that stands out, as an alarm. */
export interface Moment {
  time: number;
  text: string;
}
