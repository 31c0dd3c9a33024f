import type { NodeVerdict, PodExplanation } from "../cluster/explain-pod.ts";
import { alignedTable } from "./flags.ts";

/** Scores and refusals shown; all are in the JSON. */
const mostShown = 20;

/** An explanation for people: the verdict, the scores of the nodes that fit, and what the others lack. */
export function explanationText(explanation: PodExplanation): string {
  const fitting = explanation.nodes.filter(({ fits }) => fits);
  const refused = explanation.nodes.filter(({ fits }) => !fits);
  return [headline(explanation), scoreTable(fitting), refusalTable(refused), historyTable(explanation)]
    .filter(Boolean)
    .join("\n\n");
}

function headline({ pod, node, choice, held, message, scheduler, victims, nodes }: PodExplanation): string {
  const name = `Pod ${pod.namespace}/${pod.name}`;
  const fitting = nodes.filter(({ fits }) => fits).length;
  const lines: string[] = [];
  if (node) lines.push(`${name} is bound to ${node}; ${fitting} of ${nodes.length} nodes would do.`);
  else if (held) lines.push(`${name} is held back by ${held.plugin}.`);
  else if (choice) lines.push(`${name} can go to ${choice}; ${fitting} of ${nodes.length} nodes would do.`);
  else lines.push(`${name} fits on none of ${nodes.length} nodes.`);
  if (node && choice && choice !== node) lines.push(`Decided about now, it would go to ${choice}.`);
  if (!node && !choice) lines.push(`${scheduler}: ${message}`);
  if (victims?.length) lines.push(`To make room, these pods would go: ${victims.join(", ")}.`);
  return lines.join("\n");
}

function scoreTable(nodes: readonly NodeVerdict[]): string {
  const plugins = [...new Set(nodes.flatMap(({ score }) => Object.keys(score?.byPlugin ?? {})))];
  if (nodes.length === 0) return "";
  const rows = nodes
    .slice(0, mostShown)
    .map(({ node, score }) => [
      node,
      String(score?.total ?? ""),
      ...plugins.map((plugin) => String(score?.byPlugin[plugin] ?? "")),
    ]);
  return alignedTable([["NODE THAT FITS", "SCORE", ...plugins], ...rows]) + rest(nodes);
}

function refusalTable(nodes: readonly NodeVerdict[]): string {
  if (nodes.length === 0) return "";
  const rows = nodes.slice(0, mostShown).flatMap(({ node, objections }) =>
    objections
      .flatMap(({ plugin, mends }) => mends.map((mend) => [plugin, mend]))
      // A node is named once, however much is wrong with it.
      .map((cells, index) => [index === 0 ? node : "", ...cells]),
  );
  return alignedTable([["NODE THAT DOES NOT", "REFUSED BY", "WHAT WOULD HAVE TO CHANGE"], ...rows]) + rest(nodes);
}

function rest(nodes: readonly NodeVerdict[]): string {
  return nodes.length > mostShown ? `\n... and ${nodes.length - mostShown} more; -o json has them all` : "";
}

function historyTable({ history }: PodExplanation): string {
  if (history.length === 0) return "";
  const rows = history.map(({ time, message }) => [new Date(time).toISOString(), message]);
  return alignedTable([["DECIDED AT", "DECISION"], ...rows]);
}
