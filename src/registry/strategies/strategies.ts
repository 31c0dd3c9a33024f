import type { Clock } from "../../lib/clock.ts";
import type { Strategy } from "../strategy.ts";
import { namespaceStrategy } from "./namespace.ts";
import { signingRequestStrategy } from "./signing-request.ts";

const answersWithObject: Strategy = { returnsDeleted: true };

/** The strategies of the kinds that need one, by `plural.group` (`services`, `deployments.apps`). */
export function builtInStrategies(services: Strategy, clock: Clock): ReadonlyMap<string, Strategy> {
  return new Map<string, Strategy>([
    ["namespaces", namespaceStrategy],
    ["services", services],
    ["certificatesigningrequests.certificates.k8s.io", signingRequestStrategy(clock)],
    ["pods", answersWithObject],
    ["podtemplates", answersWithObject],
    ["persistentvolumes", answersWithObject],
    ["persistentvolumeclaims", answersWithObject],
    ["resourcequotas", answersWithObject],
    ["serviceaccounts", answersWithObject],
  ]);
}
