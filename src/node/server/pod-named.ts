import type { Pod } from "../../api/generated/core-v1.ts";
import { Fault } from "../../lib/fault.ts";

/**
 * The pod that a caller means: while one of the same name is still being ended, the newer. `pods` are in the order in which the
 * node came to know them. Throws Fault `missing`.
 */
export function podNamed(pods: readonly Pod[], namespace: string, name: string): Pod {
  const pod = pods.findLast(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
  if (!pod) throw new Fault("missing", `pod "${name}" not found`);
  return pod;
}
