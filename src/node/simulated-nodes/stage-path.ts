import { Fault } from "../../lib/fault.ts";

/** What a path finds in an object; null and what is not there are left out. */
export type StagePath = (object: unknown) => readonly unknown[];

type Step = (values: readonly unknown[]) => readonly unknown[];

const tokens =
  /\s*(?:(\.?\[\s*\])|\.?\[\s*("(?:[^"\\]|\\.)*"|\d+)\s*\]|\.([A-Za-z_][A-Za-z0-9_]*)|(\.)(?![A-Za-z0-9_[])|(\|)|(select)\s*\()/y;
const comparison = /\s*(==|!=)\s*("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|null)\s*\)/y;

/**
 * Compiles the part of jq that stages use: `.a.b`, `.a["b"]`, `.a[0]`, `.a[]`, and `| select(.b == "c")`. Throws Fault
 * `invalid` that says where it cannot be read.
 */
export function compileStagePath(source: string): StagePath {
  const reader = { source, at: 0 };
  const steps = readSteps(reader, false);
  return (object) => run(steps, [object]).filter((value) => value !== null && value !== undefined);
}

interface Reader {
  readonly source: string;
  at: number;
}

const run = (steps: readonly Step[], values: readonly unknown[]) => steps.reduce((found, step) => step(found), values);

/** Up to the end, or within `select` up to the comparison. */
function readSteps(reader: Reader, inner: boolean): readonly Step[] {
  const { source } = reader;
  const steps: Step[] = [];
  for (;;) {
    if (source.slice(reader.at).trim() === "") break;
    comparison.lastIndex = reader.at;
    if (inner && comparison.test(source)) return steps;
    tokens.lastIndex = reader.at;
    const match = tokens.exec(source);
    if (!match) throw new Fault("invalid", `cannot read ${JSON.stringify(source)} from character ${reader.at + 1} on`);
    reader.at = tokens.lastIndex;
    const [, every, element, name, , , select] = match;
    if (every) steps.push((values) => values.flatMap((value) => (isTable(value) ? Object.values(value) : [])));
    else if (element !== undefined) steps.push(memberStep(JSON.parse(element) as string | number));
    else if (name !== undefined) steps.push(memberStep(name));
    else if (select) steps.push(selectStep(reader));
  }
  if (inner) throw new Fault("invalid", `${JSON.stringify(source)}: select( ) compares with == or != and one value`);
  if (steps.length === 0) throw new Fault("invalid", `${JSON.stringify(source)} names no field`);
  return steps;
}

function selectStep(reader: Reader): Step {
  const steps = readSteps(reader, true);
  comparison.lastIndex = reader.at;
  const [, operator, literal] = comparison.exec(reader.source)!;
  reader.at = comparison.lastIndex;
  const wanted: unknown = JSON.parse(literal!);
  return (values) =>
    values.filter((value) => run(steps, [value]).some((found) => ((found ?? null) === wanted) === (operator === "==")));
}

const isTable = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

const memberStep =
  (name: string | number): Step =>
  (values) =>
    values.map((value) => (isTable(value) && Object.hasOwn(value, name) ? value[name] : undefined));
