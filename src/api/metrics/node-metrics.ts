import { parseDuration } from "../../machinery/times.ts";
import { ageColumn, nameColumn, text } from "../columns.ts";
import type * as metrics from "../generated/metrics-v1beta1.ts";
import { defineKind } from "../kind.ts";

export type NodeMetrics = metrics.NodeMetrics;

/** A duration in seconds, as the tables of metrics show it. */
export const windowText = ({ window }: { readonly window: string }): string =>
  `${Number(parseDuration(window) / 1_000_000n) / 1000}s`;

/** What a node uses just now. */
export const NodeMetrics = defineKind<metrics.NodeMetrics>({
  type: "metrics/v1beta1.NodeMetrics",
  plural: "nodes",
  scope: "Cluster",
  verbs: ["get", "list"],
  columns: [
    nameColumn,
    text("cpu", ({ usage }) => usage.cpu ?? ""),
    text("memory", ({ usage }) => usage.memory ?? ""),
    text("Window", windowText),
    ageColumn,
  ],
});
