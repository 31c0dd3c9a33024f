import {
  type AuthorizerAnswer,
  type AuthorizerQuestion,
  authorizerValue,
  requestResourceValue,
} from "../../../expr/cel/cel.ts";
import { errorMessage } from "../../../lib/fault.ts";
import type { AuthorizationRequest, AuthorizerChain, Decision } from "../../authorization/authorizer.ts";
import { selectorsOf } from "../../authorization/request-selectors.ts";
import type { UserInfo } from "../../exchange.ts";
import type { AdmissionRequest } from "../admission.ts";

/** An authorizer that cannot answer at once has to be waited for; more than so many questions nobody has. */
const mostRounds = 64;

/**
 * Runs an evaluation whose expressions may ask what users may do. Expressions do not wait: where the answer takes a
 * while, they are run once more when it is there.
 */
export async function withAuthorizer<T>(
  authorizer: AuthorizerChain,
  request: AdmissionRequest,
  run: (variables: Readonly<Record<string, unknown>>) => T,
): Promise<T> {
  const answers = new Map<string, AuthorizerAnswer>();
  for (let round = 0; ; round++) {
    let pending: { readonly key: string; readonly decision: Promise<Decision> } | undefined;
    const decide = (question: AuthorizerQuestion): AuthorizerAnswer => {
      const key = JSON.stringify(question);
      const known = answers.get(key);
      if (known) return known;
      const decision = authorizer.decide(authorizationOf(question, request.user));
      if (!(decision instanceof Promise)) return keep(answers, key, decision);
      pending ??= { key, decision };
      return { allowed: false, reason: "", error: "not decided yet" };
    };
    const { group, resource, subresource, namespace, name } = request;
    const own = { group, resource, ...(subresource ? { subresource } : {}), namespace, name };
    const result = run({
      authorizer: authorizerValue(decide),
      "authorizer.requestResource": requestResourceValue(decide, own),
    });
    if (!pending || round >= mostRounds) return result;
    const { key, decision } = pending as { readonly key: string; readonly decision: Promise<Decision> };
    try {
      keep(answers, key, await decision);
    } catch (error) {
      answers.set(key, { allowed: false, reason: "", error: errorMessage(error) });
    }
  }
}

function keep(answers: Map<string, AuthorizerAnswer>, key: string, { allowed, reason }: Decision): AuthorizerAnswer {
  const answer = { allowed, reason };
  answers.set(key, answer);
  return answer;
}

function authorizationOf(question: AuthorizerQuestion, sender: UserInfo): AuthorizationRequest {
  const {
    verb,
    path,
    group = "",
    resource = "",
    subresource = "",
    namespace = "",
    name = "",
    serviceAccount,
  } = question;
  const user = serviceAccount ? accountUser(serviceAccount) : sender;
  const isResource = path === undefined;
  const selectors = selectorsOf(question.fieldSelector ?? "", question.labelSelector ?? "");
  const about = { user, isResource, verb, group, version: "*", resource, subresource, namespace, name };
  return { ...about, path: path ?? "", ...(selectors ? { selectors } : {}) };
}

function accountUser({ namespace, name }: { readonly namespace: string; readonly name: string }): UserInfo {
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
  };
}
