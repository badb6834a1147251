// Numbers and times in the reader's own locale.

const WHOLE = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3 });
// Written out, a byte has a plural.
const BYTES = ["byte", "kilobyte", "megabyte", "gigabyte"].map((unit) => {
  const unitDisplay = unit === "byte" ? "long" : "short";
  return new Intl.NumberFormat(undefined, { style: "unit", unit, unitDisplay, maximumFractionDigits: 1 });
});
const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const TICKS = [
  { least: 86_400, format: new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" }) },
  { least: 60, format: new Intl.DateTimeFormat(undefined, { timeStyle: "short" }) },
  { least: 1, format: CLOCK },
  { least: 0, format: new Intl.DateTimeFormat(undefined, { minute: "numeric", second: "numeric", fractionalSecondDigits: 1 }) },
];
const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });

/** Seconds from which on each unit is used. */
const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** A count: 12,345. */
export function count(value: number): string {
  return WHOLE.format(value);
}

/** A measure: 12.3. */
export function measure(value: number): string {
  return SHORT.format(value);
}

/** A size: 1.5 kB. */
export function bytes(value: number): string {
  const step = Math.min(value < 1 ? 0 : Math.floor(Math.log10(value) / 3), BYTES.length - 1);
  return BYTES[step]?.format(value / 1000 ** step) ?? count(value);
}

/** A date and a time of day. */
export function exact(time: Date): string {
  return EXACT.format(time);
}

/** A moment on an axis whose marks are so many seconds apart: no more of it than tells them apart. */
export function tick(time: Date, seconds: number): string {
  const { format } = TICKS.find((each) => seconds >= each.least) ?? { format: CLOCK };
  return format.format(time);
}

/** A time of day. */
export function clock(time: Date): string {
  return CLOCK.format(time);
}

/** How long ago: 3 min. ago. */
export function relative(time: Date, now: Date): string {
  const away = Math.round((time.getTime() - now.getTime()) / 1000);
  // What is only just over may be later than a `now` that goes by the second.
  const seconds = away === 1 ? 0 : away;
  const [unit, size] = UNITS.find(([, least]) => Math.abs(seconds) >= least) ?? ["second", 1];
  return RELATIVE.format(Math.round(seconds / size), unit);
}

/** `2 machines`, `1 machine`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
