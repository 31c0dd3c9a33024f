import type { KubeObject } from "../../machinery/object.ts";
import type * as policy from "../generated/policy-v1.ts";
import type { VersionMapping } from "../kind.ts";
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

/** The version in which an empty selector chose no pod. */
export const budgetMappings: Readonly<Record<string, VersionMapping>> = { [beta]: mapping };
