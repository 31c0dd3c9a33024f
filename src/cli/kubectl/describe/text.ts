import type { Quantity } from "../../../machinery/object.ts";
import { canonicalQuantity } from "../../../machinery/quantity.ts";
import { humanDuration } from "../output/age.ts";
import { alignTabs, describeTabs } from "../output/tab-align.ts";

/** Lines of a description, nested as they were made; cells end with a tab. What is false or absent is no line. */
export type Text = string | false | null | undefined | readonly Text[];

/** The lines of a text in order. */
export function linesOf(text: Text): readonly string[] {
  if (typeof text === "string") return [text];
  return text ? text.flatMap(linesOf) : [];
}

/** The same lines, each two blanks further in per level. */
export function indent(levels: number, ...text: readonly Text[]): readonly string[] {
  return linesOf(text).map((line) => "  ".repeat(levels) + line);
}

/** The finished text, its cells lined up; what could steer a terminal is written out. */
export function laidOut(text: Text): string {
  const lines = linesOf(text);
  const whole = lines.map((line) => `${line}\n`).join("");
  return alignTabs(whole.replaceAll("\x1b", "^[").replaceAll("\r", "\\r"), describeTabs);
}

/** `Name:  value` */
export function row(label: string, value: unknown = ""): string {
  return `${label}:\t${value ?? ""}`;
}

/** A row of a value that is there and not empty. */
export function rowIf(label: string, value: unknown): string | false {
  return value !== undefined && value !== null && value !== "" && row(label, value);
}

/** A label with one or more lines beside it. */
export function rows(label: string, values: readonly string[], none = "<none>"): readonly string[] {
  if (values.length === 0) return [row(label, none)];
  return values.map((value, at) => (at === 0 ? row(label, value) : `\t${value}`));
}

/** A table's head with a rule under it, and its lines. */
export function table(heads: readonly string[], lines: readonly (readonly unknown[])[]): readonly string[] {
  return [heads, heads.map((head) => head.replace(/./g, "-")), ...lines].map((cells) =>
    cells.map((cell) => cell ?? "").join("\t"),
  );
}

/** `True` or `False`; `<unset>` of nothing. */
export function truth(value: boolean | null | undefined): string {
  if (value === undefined || value === null) return "<unset>";
  return value ? "True" : "False";
}

/** A quantity in its canonical form, `0` where there is none. */
export function amount(quantity: Quantity | null | undefined): string {
  return quantity === undefined || quantity === null ? "0" : canonicalQuantity(quantity);
}

/** Names in the order that Go sorts them. */
export function sortedKeys(map: Readonly<Record<string, unknown>> | null | undefined): readonly string[] {
  return Object.keys(map ?? {}).sort();
}

/** `a=1,b=2` in order, `<none>` of nothing. */
export function pairs(map: Readonly<Record<string, string>> | null | undefined): string {
  return (
    sortedKeys(map)
      .map((key) => `${key}=${map?.[key]}`)
      .join(",") || "<none>"
  );
}

const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (value: number) => String(value).padStart(2, "0");

/** `Thu, 17 Mar 2016 10:00:00 +0000` in the zone of the machine; no time at all is the year 1. */
export function timeText(time: string | null | undefined): string {
  if (!time) return "Mon, 01 Jan 0001 00:00:00 +0000";
  const at = new Date(time);
  const date = `${days[at.getDay()]}, ${two(at.getDate())} ${months[at.getMonth()]} ${at.getFullYear()}`;
  return `${date} ${clockText(at)} ${zoneText(at)}`;
}

/** `2016-03-17 10:00:00 +0000 UTC` in the zone of the machine. */
export function plainTimeText(time: string | null | undefined): string {
  if (!time) return "0001-01-01 00:00:00 +0000 UTC";
  const at = new Date(time);
  const zone = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" })
    .formatToParts(at)
    .find(({ type }) => type === "timeZoneName")?.value;
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${date} ${clockText(at)} ${zoneText(at)} ${zone}`;
}

const clockText = (at: Date) => `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;

function zoneText(at: Date): string {
  const minutes = -at.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(Math.trunc(size / 60))}${two(size % 60)}`;
}

/** The time between two moments, as ages are told. */
export function between(from: string, to: string): string {
  return humanDuration(Date.parse(to) - Date.parse(from));
}

/** A value as Go prints it: lists in brackets, maps with their name. */
export function goText(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (typeof value === "object") {
    const map = value as Readonly<Record<string, unknown>>;
    return `map[${sortedKeys(map)
      .map((key) => `${key}:${goText(map[key])}`)
      .join(" ")}]`;
  }
  return String(value);
}
