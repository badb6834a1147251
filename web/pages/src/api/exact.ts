// The members of answers and events that hold values of machines. Their numbers are shown as they came.

export const EXACT: ReadonlySet<string> = new Set(["reading", "results", "expected", "got", "details"]);
