import type { KubeObject } from "../../machinery/object.ts";
import type * as policy from "../generated/policy-v1.ts";
import type { VersionMapping } from "../kind.ts";
import { reducedVersion } from "../reduced-version.ts";
import { isEmptySelector } from "../selectors.ts";

const beta = "policy/v1beta1";
/** Marks a selector of v1beta1 that was empty, and meant no pod there where it means every pod in v1. */
const nothing = {
  matchExpressions: [{ key: "pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match", operator: "Exists" }],
};

type Budget = KubeObject & { readonly spec?: policy.PodDisruptionBudgetSpec };

const mapping: VersionMapping = {
  type: "policy/v1beta1.PodDisruptionBudget",
  toStored: (object) => {
    const { spec } = object as Budget;
    const empty = isEmptySelector(spec?.selector);
    return {
      ...object,
      apiVersion: "policy/v1",
      ...(empty ? { spec: { ...spec, selector: nothing } } : {}),
    } as KubeObject;
  },
  fromStored: (object) => {
    const { spec } = object as Budget;
    const marked = spec?.selector?.matchExpressions?.[0]?.key === nothing.matchExpressions[0]?.key;
    return { ...object, apiVersion: beta, ...(marked ? { spec: { ...spec, selector: {} } } : {}) } as KubeObject;
  },
};

const reduced = reducedVersion({
  stored: { apiVersion: beta, kind: "PodDisruptionBudget" },
  apiVersion: "policy/v1alpha1",
  type: "policy/v1alpha1.PodDisruptionBudget",
  spec: ["minAvailable", "selector"],
});

type FirstStatus = Omit<policy.PodDisruptionBudgetStatus, "disruptionsAllowed"> & {
  readonly disruptionAllowed: boolean;
};

// The very first version said only whether a disruption was allowed, not how many.
const first: VersionMapping = {
  type: reduced.type,
  toStored: (object) => {
    const stored = mapping.toStored(reduced.toStored(object)) as Budget & { readonly status?: FirstStatus };
    if (!stored.status) return stored;
    const { disruptionAllowed, ...status } = stored.status;
    return { ...stored, status: { ...status, disruptionsAllowed: disruptionAllowed ? 1 : 0 } } as KubeObject;
  },
  fromStored: (object) => {
    const { status, ...others } = object as Budget & { readonly status?: policy.PodDisruptionBudgetStatus };
    const shown = reduced.fromStored(mapping.fromStored(others as KubeObject));
    if (!status) return shown;
    const { disruptionsAllowed, ...rest } = status;
    return { ...shown, status: { ...rest, disruptionAllowed: (disruptionsAllowed ?? 0) > 0 } } as KubeObject;
  },
};

/** The versions in which an empty selector chose no pod. */
export const budgetMappings: Readonly<Record<string, VersionMapping>> = { [beta]: mapping, "policy/v1alpha1": first };
