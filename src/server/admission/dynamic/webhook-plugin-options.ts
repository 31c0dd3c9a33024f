import type { Registry } from "../../../registry/registry.ts";
import type { ExpressionVariables } from "../cel/variables.ts";
import type { RequestMatcher } from "./request-matcher.ts";
import type { WebhookAskerOptions } from "./webhook-asker.ts";

/** What both plugins that ask webhooks need. */
export interface WebhookPluginOptions extends WebhookAskerOptions {
  readonly registry: Registry;
  readonly matcher: RequestMatcher;
  readonly variables: ExpressionVariables;
}
