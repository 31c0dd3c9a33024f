import { field } from "../../machinery/fields.ts";
import { badRequest, type FieldError } from "../../machinery/status-error.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { refuse } from "../../registry/write.ts";
import type { AuthorizationRequest } from "../authorization/authorizer.ts";
import type { PolicyRule } from "../authorization/policy-rules.ts";
import { valueAnswer } from "../bodies/answers.ts";
import { readObject } from "../bodies/read-body.ts";
import type { Call } from "../call.ts";
import type { ServerResponse, UserInfo } from "../exchange.ts";
import { bodyOptions } from "../resources/body-options.ts";
import type { Handler } from "../resources/dispatch.ts";
import { writeParameters } from "../resources/options.ts";

interface Attributes {
  readonly resourceAttributes?: {
    readonly namespace?: string;
    readonly verb?: string;
    readonly group?: string;
    readonly version?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly name?: string;
  };
  readonly nonResourceAttributes?: { readonly path?: string; readonly verb?: string };
}

interface ReviewSpec extends Attributes {
  readonly user?: string;
  readonly groups?: readonly string[];
  readonly uid?: string;
  readonly extra?: UserInfo["extra"];
}

/** May somebody else do this? */
export const subjectAccessReview: Handler = async (call) => {
  const sent = await read(call);
  return decide(call, sent, subjectOf(specOf(sent)), true);
};

/** May somebody else do this in this namespace? */
export const localSubjectAccessReview: Handler = async (call) => {
  const sent = await read(call);
  const spec = specOf(sent);
  if (spec.resourceAttributes && spec.resourceAttributes.namespace !== call.info.namespace) {
    throw badRequest(
      `spec.resourceAttributes.namespace must match namespace: ${spec.resourceAttributes.namespace ?? ""}`,
    );
  }
  return decide(call, sent, subjectOf(spec), true);
};

/** May I do this? */
export const selfSubjectAccessReview: Handler = async (call) => decide(call, await read(call), call.user, false);

async function read(call: Call): Promise<AnyObject> {
  const { validation } = writeParameters(call, "CreateOptions");
  return readObject(call.request, call.served, bodyOptions(call, validation));
}

const specOf = (object: AnyObject) => (object.spec ?? {}) as ReviewSpec;

const subjectOf = ({ user = "", groups = [], uid, extra }: ReviewSpec): UserInfo => ({
  name: user,
  groups,
  ...(uid ? { uid } : {}),
  ...(extra ? { extra } : {}),
});

async function decide(call: Call, sent: AnyObject, user: UserInfo, others: boolean): Promise<ServerResponse> {
  const { services, collection, media, served } = call;
  const spec = specOf(sent);
  const errors: FieldError[] = [];
  if (spec.resourceAttributes && spec.nonResourceAttributes) {
    const text = "cannot be specified in combination with resourceAttributes";
    errors.push(field.invalid("spec.nonResourceAttributes", spec.nonResourceAttributes, text));
  }
  if (!spec.resourceAttributes && !spec.nonResourceAttributes) {
    const text = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
    errors.push(field.invalid("spec.resourceAttributes", spec.resourceAttributes, text));
  }
  if (others && !spec.user && !spec.groups?.length) {
    errors.push(field.invalid("spec.user", "", "at least one of user or group must be specified"));
  }
  refuse(collection.resource, sent, errors);
  const { allowed, denied, reason } = await services.authorizer.decide(requestOf(spec, user));
  const status = { allowed, ...(denied ? { denied } : {}), ...(reason ? { reason } : {}) };
  return valueAnswer(media, 201, { ...sent, status }, served);
}

function requestOf({ resourceAttributes, nonResourceAttributes }: Attributes, user: UserInfo): AuthorizationRequest {
  const {
    verb = "",
    group = "",
    version = "",
    resource = "",
    subresource = "",
    namespace = "",
    name = "",
  } = resourceAttributes ?? {};
  if (resourceAttributes) {
    return { user, isResource: true, verb, group, version, resource, subresource, namespace, name, path: "" };
  }
  const { path = "", verb: method = "" } = nonResourceAttributes ?? {};
  const nothing = { group: "", version: "", resource: "", subresource: "", namespace: "", name: "" };
  return { user, isResource: false, verb: method, path, ...nothing };
}

/** What may I do here? */
export const selfSubjectRulesReview: Handler = async (call) => {
  const sent = await read(call);
  const { namespace = "" } = (sent.spec ?? {}) as { readonly namespace?: string };
  if (namespace === "") throw badRequest("no namespace on request");
  const { services, user, media, served } = call;
  const rules = services.rbac.rules(user, namespace);
  const everything: readonly PolicyRule[] = user.groups.includes("system:masters")
    ? [
        { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
        { verbs: ["*"], nonResourceURLs: ["*"] },
      ]
    : [];
  const all = [...everything, ...rules];
  const status = {
    resourceRules: all.filter((rule) => rule.resources?.length).map(resourceRule),
    nonResourceRules: all
      .filter((rule) => rule.nonResourceURLs?.length)
      .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
    incomplete: false,
  };
  return valueAnswer(media, 201, { ...sent, spec: {}, status }, served);
};

const resourceRule = ({ verbs, apiGroups, resources, resourceNames }: PolicyRule) => ({
  verbs,
  apiGroups,
  resources,
  ...(resourceNames?.length ? { resourceNames } : {}),
});
