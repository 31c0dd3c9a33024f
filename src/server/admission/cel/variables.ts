import type { Namespace } from "../../../api/core/namespace.ts";
import type { AnyObject } from "../../../registry/resource.ts";
import type { AuthorizerChain } from "../../authorization/authorizer.ts";
import type { AdmissionRequest } from "../admission.ts";
import type { Matched } from "../dynamic/request-matcher.ts";
import { inVersion } from "../dynamic/versions.ts";
import { withAuthorizer } from "./authorizer-questions.ts";
import { requestMembers } from "./request-variable.ts";

/** Gives expressions of admission the values that they may name. */
export class ExpressionVariables {
  readonly #authorizer: AuthorizerChain;

  constructor(authorizer: AuthorizerChain) {
    this.#authorizer = authorizer;
  }

  /** Runs an evaluation with the variables of a request; objects are of the stored version. */
  async evaluate<T>(
    request: AdmissionRequest,
    matched: Matched,
    { object, previous }: { readonly object: AnyObject | undefined; readonly previous: AnyObject | undefined },
    run: (variables: Readonly<Record<string, unknown>>) => T,
    more: { readonly namespace?: Namespace; readonly params?: unknown } = {},
  ): Promise<T> {
    const name = object?.metadata?.name ?? previous?.metadata?.name;
    const values = {
      object: inVersion(object, matched.served, request) ?? null,
      oldObject: inVersion(previous, matched.served, request) ?? null,
      request: requestMembers(request, matched, name),
      namespaceObject: more.namespace ?? null,
      ...("params" in more ? { params: more.params ?? null } : {}),
    };
    return withAuthorizer(this.#authorizer, request, (authorizers) => run({ ...values, ...authorizers }));
  }
}
