import type { Job } from "../../api/batch/job.ts";
import type { Pod } from "../../api/core/pod.ts";
import type { PodFailurePolicyRule } from "../../api/generated/batch-v1.ts";
import type { ContainerStatus } from "../../api/generated/core-v1.ts";

export interface FailureVerdict {
  readonly action: "Count" | "FailIndex" | "FailJob" | "Ignore";
  /** Why, when a rule said so. */
  readonly message?: string;
}

/** What a Job's failure policy says of a failed pod: the first rule that matches; without one it counts. */
export function judgeFailure(job: Job, pod: Pod): FailureVerdict {
  const rules = job.spec.podFailurePolicy?.rules ?? [];
  for (const [index, rule] of rules.entries()) {
    const subject = matchExitCodes(rule, pod) ?? matchConditions(rule, pod);
    if (subject) return { action: rule.action, message: `${subject} matching ${rule.action} rule at index ${index}` };
  }
  return { action: "Count" };
}

function matchExitCodes({ onExitCodes }: PodFailurePolicyRule, pod: Pod): string | undefined {
  if (!onExitCodes) return undefined;
  const { containerName, operator, values } = onExitCodes;
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const matches = ({ name, state }: ContainerStatus) => {
    const code = state?.terminated?.exitCode;
    if (code === undefined || code === 0 || (containerName && containerName !== name)) return false;
    return values.includes(code) === (operator === "In");
  };
  const status = [...containerStatuses, ...initContainerStatuses].find(matches);
  if (!status) return undefined;
  const { namespace, name } = pod.metadata;
  return `Container ${status.name} for pod ${namespace}/${name} failed with exit code ${status.state?.terminated?.exitCode}`;
}

function matchConditions({ onPodConditions }: PodFailurePolicyRule, pod: Pod): string | undefined {
  const condition = pod.status?.conditions?.find(({ type, status }) =>
    onPodConditions?.some((pattern) => pattern.type === type && (pattern.status ?? "True") === status),
  );
  const { namespace, name } = pod.metadata;
  return condition && `Pod ${namespace}/${name} has condition ${condition.type}`;
}
