// The devices that a source renames, as lines of text.

import { ProblemError } from "../../api/problem";

/** Return the renamed devices as text, one per line. */
export function linesOf(rename: Record<string, string>): string {
  return Object.entries(rename).map(([device, machine]) => `${device} = ${machine}`).join("\n");
}

/** Return the renamed devices in a text. Throws a ProblemError that names an invalid line, or a device with two ids. */
export function renamedIn(text: string): Record<string, string> {
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const renamed = new Map<string, string>();
  for (const line of lines) {
    const at = line.lastIndexOf("=");
    if (at <= 0) {
      const detail = `“${line}” renames no device. Use: device = machine.`;
      throw new ProblemError({ title: "Invalid line", status: 0, detail });
    }
    const [device, machine] = [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    if ((renamed.get(device) ?? machine) !== machine) {
      throw new ProblemError({ title: "Invalid line", status: 0, detail: `The device “${device}” has two ids.` });
    }
    renamed.set(device, machine);
  }
  return Object.fromEntries(renamed);
}
