// Numbers and times in the reader's locale.

const WHOLE = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const PRECISE = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 6 });
const SHORT = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3 });
// Only the long form of "byte" has a plural.
const BYTES = ["byte", "kilobyte", "megabyte", "gigabyte"].map((unit) => {
  const unitDisplay = unit === "byte" ? "long" : "short";
  return new Intl.NumberFormat(undefined, { style: "unit", unit, unitDisplay, maximumFractionDigits: 1 });
});
const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const SINCE = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const SINCE_DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const TICKS = [
  { least: 86_400, format: new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" }) },
  { least: 60, format: new Intl.DateTimeFormat(undefined, { timeStyle: "short" }) },
  { least: 1, format: CLOCK },
  { least: 0, format: new Intl.DateTimeFormat(undefined, { minute: "numeric", second: "numeric", fractionalSecondDigits: 1 }) },
];
const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });

const DURATIONS = ([["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]] as const).map(([unit, size]) => ({
  size,
  format: new Intl.NumberFormat(undefined, { style: "unit", unit, unitDisplay: "long", maximumFractionDigits: 1 }),
}));

/** The seconds at which each unit begins to be used. */
const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** Format a count: 12,345. */
export function count(value: number): string {
  return WHOLE.format(value);
}

/** Format a measured value with three digits: 12.3. */
export function measure(value: number): string {
  return SHORT.format(value);
}

/** Format a measured value with six digits: 12.3456. */
export function precise(value: number): string {
  return PRECISE.format(value);
}

/** Format a size: 1.5 kB. */
export function bytes(value: number): string {
  const step = Math.min(value < 1 ? 0 : Math.floor(Math.log10(value) / 3), BYTES.length - 1);
  return BYTES[step]?.format(value / 1000 ** step) ?? count(value);
}

/** Format a date and time. */
export function exact(time: Date): string {
  return EXACT.format(time);
}

/** Format a time on an axis whose ticks are `seconds` apart: only as precisely as needed to tell them apart. */
export function tick(time: Date, seconds: number): string {
  const { format } = TICKS.find((each) => seconds >= each.least) ?? { format: CLOCK };
  return format.format(time);
}

/** Format a time of day. */
export function clock(time: Date): string {
  return CLOCK.format(time);
}

/** Format the time at which something began: the time of day, and the date if it was not today. */
export function since(time: Date, now: Date): string {
  return time.toDateString() === now.toDateString() ? SINCE.format(time) : SINCE_DAY.format(time);
}

/** Format how long ago a time was: 3 min. ago. */
export function relative(time: Date, now: Date): string {
  const away = Math.round((time.getTime() - now.getTime()) / 1000);
  // A time that has just passed may be later than `now`, which changes once per second.
  const seconds = away === 1 ? 0 : away;
  const [unit, size] = UNITS.find(([, least]) => Math.abs(seconds) >= least) ?? ["second", 1];
  return RELATIVE.format(Math.round(seconds / size), unit);
}

/** Format a length of time: 16 minutes, 1.5 hours. */
export function duration(seconds: number): string {
  const unit = DURATIONS.find(({ size }) => seconds >= size) ?? DURATIONS.at(-1);
  const { size = 1, format = WHOLE } = unit ?? {};
  const value = seconds / size;
  return format.format(value < 10 ? value : Math.round(value));
}

/** Format a number with its noun: `2 machines`, `1 machine`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
