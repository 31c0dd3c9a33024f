import type { Strategy } from "../strategy.ts";
import { namespaceStrategy } from "./namespace.ts";

const answersWithObject: Strategy = { returnsDeleted: true };

/** The strategies of the kinds that need one, by `plural.group` (`services`, `deployments.apps`). */
export function builtInStrategies(services: Strategy): ReadonlyMap<string, Strategy> {
  return new Map<string, Strategy>([
    ["namespaces", namespaceStrategy],
    ["services", services],
    ["pods", answersWithObject],
    ["podtemplates", answersWithObject],
    ["persistentvolumes", answersWithObject],
    ["persistentvolumeclaims", answersWithObject],
    ["resourcequotas", answersWithObject],
    ["serviceaccounts", answersWithObject],
  ]);
}
