import type { Metrics } from "../../../lib/metrics.ts";

/** What kept an expression of a policy from being evaluated, as upstream's metrics call it. */
export type PolicyError = "no_error" | "compile_error" | "invalid_error" | "out_of_budget";

/** One check of a request by a policy under a binding, and what came of it. */
export interface PolicyCheck {
  readonly policy: string;
  readonly binding: string;
  readonly error: PolicyError;
  readonly seconds: number;
}

const buckets = [0.000_000_5, 0.001, 0.01, 0.1, 1];
const labels = ["error_type", "policy", "policy_binding"] as const;

/** Counts what validations find against requests, under upstream's names. */
export function validationMeter(metrics: Metrics) {
  const names = [...labels, "enforcement_action"] as const;
  const prefix = "apiserver_validating_admission_policy_check";
  const total = metrics.counter(`${prefix}_total`, "Validations that spoke against a request, or failed.", names);
  const help = "Seconds that a policy took whose validations spoke against a request, or failed.";
  const duration = metrics.histogram(`${prefix}_duration_seconds`, help, names, buckets);
  return (check: PolicyCheck, action: "allow" | "deny" | "audit" | "warn") => {
    const own = { ...labelsOf(check), enforcement_action: action };
    total.inc(own);
    duration.observe(own, check.seconds);
  };
}

/** Counts mutations, under upstream's names. */
export function mutationMeter(metrics: Metrics) {
  const prefix = "apiserver_mutating_admission_policy_check";
  const total = metrics.counter(`${prefix}_total`, "Mutations that were worked out.", labels);
  const help = "Seconds that it took to work out a mutation.";
  const duration = metrics.histogram(`${prefix}_duration_seconds`, help, labels, buckets);
  return (check: PolicyCheck) => {
    total.inc(labelsOf(check));
    duration.observe(labelsOf(check), check.seconds);
  };
}

const labelsOf = ({ policy, binding, error }: PolicyCheck) => ({
  error_type: error,
  policy,
  policy_binding: binding,
});
