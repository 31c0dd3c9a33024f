import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { WebhookCaller } from "../webhooks/webhook-caller.ts";
import type { Authorizer } from "./authorizer.ts";
import type { NodeAuthorizer } from "./node-authorizer.ts";
import type { RbacAuthorizer } from "./rbac.ts";
import { type AuthorizationWebhook, WebhookAuthorizer } from "./webhook-authorizer.ts";

/** One authorizer of the chain, by upstream's name for its kind. */
export type AuthorizerChoice =
  | { readonly type: "Node" | "RBAC" | "AlwaysAllow" | "AlwaysDeny" }
  | { readonly type: "Webhook"; readonly webhook: AuthorizationWebhook };

export const usualAuthorizers: readonly AuthorizerChoice[] = [{ type: "Node" }, { type: "RBAC" }];

export interface AuthorizerParts {
  readonly node: NodeAuthorizer;
  readonly rbac: RbacAuthorizer;
  readonly caller: WebhookCaller;
  readonly clock: Clock;
  readonly log: Log;
}

/** The authorizers in the order in which they are asked. Throws Fault `invalid`. */
export function openAuthorizers(choices: readonly AuthorizerChoice[], parts: AuthorizerParts): readonly Authorizer[] {
  return choices.map((choice) => openAuthorizer(choice, parts));
}

function openAuthorizer(choice: AuthorizerChoice, parts: AuthorizerParts): Authorizer {
  switch (choice.type) {
    case "Node":
      return parts.node;
    case "RBAC":
      return parts.rbac;
    case "AlwaysAllow":
      return { decide: () => ({ allowed: true, reason: "" }) };
    case "AlwaysDeny":
      return { decide: () => ({ allowed: false, reason: "Everything is forbidden." }) };
    case "Webhook":
      return new WebhookAuthorizer(choice.webhook, parts);
  }
}
