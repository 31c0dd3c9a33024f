import type { Pod, PodStatus } from "../../api/generated/core-v1.ts";
import {
  compileGoTemplate,
  TemplateError,
  type TemplateFunction,
  type Value,
} from "../../expr/go-template/go-template.ts";
import { errorMessage, Fault } from "../../lib/fault.ts";
import { encodeYaml, parseYaml } from "../../machinery/codec-yaml.ts";
import { timeOf } from "../../machinery/times.ts";

/** What a template is told beside the pod. */
export interface StageMoment {
  readonly now: number;
  /** When the node's play began. */
  readonly started: number;
  readonly version: string;
  readonly node: string;
  /** Addresses of the node's ranges; the pod's own when it has some. */
  readonly addresses: () => readonly string[];
}

/** A part of a pod's status for the pod as it is. Throws Fault `invalid` when what comes out makes no sense. */
export type StatusTemplate = (pod: Pod, moment: StageMoment) => Partial<PodStatus>;

/** Compiles a Go template that writes a status as YAML, with KWOK's functions. Throws Fault `invalid`. */
export function compileStatusTemplate(source: string, stage: string): StatusTemplate {
  let moment: StageMoment | undefined;
  const functions = functionsFor(() => moment!);
  const compile = () => {
    try {
      return compileGoTemplate(source, { name: stage, functions });
    } catch (error) {
      if (error instanceof TemplateError) throw new Fault("invalid", error.message);
      throw error;
    }
  };
  const template = compile();
  return (pod, at) => {
    moment = at;
    try {
      const status = parseYaml(template.execute(pod)) ?? {};
      if (typeof status !== "object" || Array.isArray(status)) throw new Fault("invalid", "it writes no object");
      return withoutNothing(status as PodStatus, at.addresses);
    } catch (error) {
      throw new Fault("invalid", `stage ${stage}: statusTemplate: ${errorMessage(error)}`);
    }
  };
}

/** Addresses that nobody has are left out, and a pod's own stands in the list of its addresses too. */
function withoutNothing(
  { hostIP, podIP, ...status }: PodStatus,
  addresses: StageMoment["addresses"],
): Partial<PodStatus> {
  const all = () => [podIP!, ...addresses().filter((ip) => ip !== podIP && ip.includes(":") !== podIP!.includes(":"))];
  return {
    ...status,
    ...(hostIP ? { hostIP } : {}),
    ...(podIP ? { podIP, podIPs: status.podIPs ?? all().map((ip) => ({ ip })) } : {}),
  };
}

function functionsFor(moment: () => StageMoment): Readonly<Record<string, TemplateFunction>> {
  const given = (call: () => Value): TemplateFunction => ({ call, least: 0 });
  return {
    Now: given(() => timeOf(moment().now)),
    StartTime: given(() => timeOf(moment().started)),
    Version: given(() => moment().version),
    NodeName: given(() => moment().node),
    // A simulated node has no address: there is nobody to call.
    NodeIP: given(() => ""),
    NodeIPWith: given(() => ""),
    PodIP: given(() => moment().addresses()[0] ?? ""),
    PodIPWith: given(() => moment().addresses()[0] ?? ""),
    Quote: { call: ([value]) => quoted(value), least: 1, most: 1 },
    YAML: { call: ([value, depth]) => indented(encodeYaml(value), Number(depth ?? 0)), least: 1, most: 2 },
    default: { call: ([otherwise, value]) => (isEmpty(value) ? otherwise : value), least: 1, most: 2 },
    dict: { call: dict, least: 0 },
  };
}

/** A string in quotes; anything else as JSON in quotes. */
function quoted(value: Value): string {
  if (typeof value === "string") return JSON.stringify(value);
  return JSON.stringify(
    JSON.stringify(value ?? null, (_key, each: unknown) => (typeof each === "bigint" ? Number(each) : each)),
  );
}

const textOf = (value: Value) => (value === undefined || value === null ? "" : String(value));
const isEmpty = (value: Value) => value === undefined || value === null || value === "" || value === false;

/** From the first depth on it begins on a line of its own. */
function indented(text: string, depth: number): string {
  return depth > 0 ? `\n${text.trimEnd()}`.replaceAll("\n", `\n${"  ".repeat(depth)}`) : text;
}

function dict(args: readonly Value[]): Value {
  const made: Record<string, Value> = {};
  for (let at = 0; at < args.length; at += 2) made[textOf(args[at])] = args[at + 1];
  return made;
}
