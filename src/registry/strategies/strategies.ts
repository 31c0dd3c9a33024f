import type { Random } from "../../lib/random.ts";
import type { Strategy } from "../strategy.ts";
import { namespaceStrategy } from "./namespace.ts";
import { type ServiceRanges, ServiceStrategy } from "./service.ts";

const answersWithObject: Strategy = { returnsDeleted: true };

/** The strategies of the kinds that need one, by `plural.group` (`services`, `deployments.apps`). */
export function builtInStrategies(ranges: ServiceRanges, random: Random): ReadonlyMap<string, Strategy> {
  return new Map<string, Strategy>([
    ["namespaces", namespaceStrategy],
    ["services", new ServiceStrategy(ranges, random)],
    ["pods", answersWithObject],
    ["podtemplates", answersWithObject],
    ["persistentvolumes", answersWithObject],
    ["persistentvolumeclaims", answersWithObject],
    ["resourcequotas", answersWithObject],
    ["serviceaccounts", answersWithObject],
  ]);
}
