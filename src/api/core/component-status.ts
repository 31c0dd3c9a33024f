import { nameColumn, text } from "../columns.ts";
import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";

export type ComponentStatus = core.ComponentStatus;

/** The health of a control plane component (deprecated upstream, computed when asked). */
export const ComponentStatus = defineKind<core.ComponentStatus>({
  type: "core/v1.ComponentStatus",
  plural: "componentstatuses",
  shortNames: ["cs"],
  scope: "Cluster",
  verbs: ["get", "list"],
  columns: [
    nameColumn,
    text("Status", (component) => {
      const { status = "Unknown" } = health(component) ?? {};
      return status === "True" ? "Healthy" : status === "False" ? "Unhealthy" : "Unknown";
    }),
    text("Message", (component) => health(component)?.message ?? ""),
    text("Error", (component) => health(component)?.error ?? ""),
  ],
});

function health({ conditions }: core.ComponentStatus): core.ComponentCondition | undefined {
  return conditions?.find(({ type }) => type === "Healthy");
}
