// Numbers and times in the reader's own locale.

const WHOLE = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3 });
const BYTES = ["byte", "kilobyte", "megabyte", "gigabyte"].map(
  (unit) => new Intl.NumberFormat(undefined, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 1 }),
);
const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
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

/** A time of day. */
export function clock(time: Date): string {
  return CLOCK.format(time);
}

/** How long ago: 3 min. ago. */
export function relative(time: Date, now: Date): string {
  const seconds = Math.round((time.getTime() - now.getTime()) / 1000);
  const [unit, size] = UNITS.find(([, least]) => Math.abs(seconds) >= least) ?? ["second", 1];
  return RELATIVE.format(Math.round(seconds / size), unit);
}

/** `2 machines`, `1 machine`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
