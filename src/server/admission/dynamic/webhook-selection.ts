import { forbidden } from "../../../machinery/status-error.ts";
import type { AnyObject } from "../../../registry/resource.ts";
import type { AdmissionRequest } from "../admission.ts";
import { conditionsHold } from "../cel/match-conditions.ts";
import type { ExpressionVariables } from "../cel/variables.ts";
import type { ConfiguredWebhook } from "./configured-webhooks.ts";
import type { Matched, RequestMatcher } from "./request-matcher.ts";

/** Whether a webhook is to be asked about a request, and in which version. Throws Forbidden when its conditions fail. */
export async function webhookMatch(
  matcher: RequestMatcher,
  hook: ConfiguredWebhook,
  request: AdmissionRequest,
  objects: { readonly object: AnyObject | undefined; readonly previous: AnyObject | undefined },
  variables: ExpressionVariables,
): Promise<Matched | undefined> {
  const found = matcher.match(hook.filter, request, objects.object, objects.previous);
  const matched = found instanceof Promise ? await found : found;
  if (!matched || hook.conditions.length === 0) return matched;
  const result = await variables.evaluate(request, matched, objects, (values) =>
    conditionsHold(hook.conditions, values),
  );
  if (result.matches !== undefined) return result.matches ? matched : undefined;
  if (hook.webhook.failurePolicy === "Ignore") return undefined;
  const { group, resource: plural } = request;
  throw forbidden({ group, plural }, request.name || objects.object?.metadata?.name || "", result.error);
}
