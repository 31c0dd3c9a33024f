import { badRequest } from "../../machinery/status-error.ts";
import { valueAnswer } from "../bodies/answers.ts";
import { readObject } from "../bodies/read-body.ts";
import type { UserInfo } from "../exchange.ts";
import { bodyOptions } from "../resources/body-options.ts";
import type { Handler } from "../resources/dispatch.ts";
import { writeParameters } from "../resources/options.ts";

interface TokenReviewBody {
  readonly spec?: { readonly token?: string; readonly audiences?: readonly string[] };
}

/** Says whom a token speaks for. */
export const tokenReview: Handler = async (call) => {
  const { validation } = writeParameters(call, "CreateOptions");
  const sent = await readObject(call.request, call.served, bodyOptions(call, validation));
  const { token = "", audiences } = (sent as unknown as TokenReviewBody).spec ?? {};
  if (token === "") throw badRequest("token is required for TokenReview in authentication");
  const verdict = await call.services.authenticator.token(token, audiences);
  const status =
    verdict && "user" in verdict
      ? { authenticated: true, user: userBody(verdict.user), audiences: verdict.audiences }
      : { user: {}, error: verdict?.fault ?? "invalid bearer token" };
  return valueAnswer(call.media, 201, { ...sent, status }, call.served);
};

/** Says who is asking. */
export const selfSubjectReview: Handler = async (call) => {
  const { validation } = writeParameters(call, "CreateOptions");
  const sent = await readObject(call.request, call.served, bodyOptions(call, validation));
  return valueAnswer(call.media, 201, { ...sent, status: { userInfo: userBody(call.user) } }, call.served);
};

function userBody({ name, uid, groups, extra }: UserInfo): object {
  return {
    username: name,
    ...(uid ? { uid } : {}),
    groups,
    ...(extra && Object.keys(extra).length > 0 ? { extra } : {}),
  };
}
