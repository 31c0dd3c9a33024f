import { addQuantities } from "../../machinery/quantity.ts";
import { ageColumn, nameColumn, text } from "../columns.ts";
import type * as metrics from "../generated/metrics-v1beta1.ts";
import { defineKind } from "../kind.ts";
import { windowText } from "./node-metrics.ts";

export type PodMetrics = metrics.PodMetrics;

const total = ({ containers }: metrics.PodMetrics, resource: string) =>
  containers.map(({ usage }) => usage[resource] ?? "0").reduce(addQuantities, "0");

/** What the containers of a pod use just now. */
export const PodMetrics = defineKind<metrics.PodMetrics>({
  type: "metrics/v1beta1.PodMetrics",
  plural: "pods",
  scope: "Namespaced",
  verbs: ["get", "list"],
  columns: [
    nameColumn,
    text("cpu", (pod) => total(pod, "cpu")),
    text("memory", (pod) => total(pod, "memory")),
    text("Window", windowText),
    ageColumn,
  ],
});
