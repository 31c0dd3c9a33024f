import { type FieldPath, field, path } from "../../machinery/fields.ts";
import type { LabelOperator } from "../../machinery/labels.ts";
import { badRequest, type FieldError } from "../../machinery/status-error.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { refuse } from "../../registry/write.ts";
import type { AuthorizationRequest, RequestSelectors } from "../authorization/authorizer.ts";
import type { PolicyRule } from "../authorization/policy-rules.ts";
import { selectorsOf } from "../authorization/request-selectors.ts";
import { valueAnswer } from "../bodies/answers.ts";
import { readObject } from "../bodies/read-body.ts";
import type { Call } from "../call.ts";
import type { ServerResponse, UserInfo } from "../exchange.ts";
import { bodyOptions } from "../resources/body-options.ts";
import type { Handler } from "../resources/dispatch.ts";
import { writeParameters } from "../resources/options.ts";

interface SelectorAttributes {
  readonly rawSelector?: string;
  readonly requirements?: readonly {
    readonly key?: string;
    readonly operator?: string;
    readonly values?: readonly string[];
  }[];
}

interface Attributes {
  readonly resourceAttributes?: {
    readonly namespace?: string;
    readonly verb?: string;
    readonly group?: string;
    readonly version?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly name?: string;
    readonly fieldSelector?: SelectorAttributes;
    readonly labelSelector?: SelectorAttributes;
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
  for (const member of ["fieldSelector", "labelSelector"] as const) {
    const selector = spec.resourceAttributes?.[member];
    if (selector) errors.push(...validateSelector(selector, path("spec", "resourceAttributes", member)));
  }
  refuse(collection.resource, sent, errors);
  const { allowed, denied, reason } = await services.authorizer.decide(requestOf(spec, user));
  const status = { allowed, ...(denied ? { denied } : {}), ...(reason ? { reason } : {}) };
  return valueAnswer(media, 201, { ...sent, status }, served);
}

function validateSelector({ rawSelector, requirements }: SelectorAttributes, place: FieldPath): FieldError[] {
  if (rawSelector && requirements?.length) {
    return [
      field.invalid(place.child("rawSelector"), rawSelector, "may not specified at the same time as requirements"),
    ];
  }
  if (!rawSelector && !requirements?.length) {
    return [
      field.required(
        place.child("requirements"),
        "when fieldSelector is specified, requirements or rawSelector is required",
      ),
    ];
  }
  return (requirements ?? []).flatMap(({ key, operator, values = [] }, index) => {
    const here = place.child("requirements").index(index);
    if (!key) return [field.required(here.child("key"), "must be specified")];
    const many = operator === "In" || operator === "NotIn";
    if (many && values.length === 0) {
      return [field.required(here.child("values"), "must be specified when `operator` is 'In' or 'NotIn'")];
    }
    if (!many && values.length > 0) {
      return [
        field.forbidden(here.child("values"), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
      ];
    }
    return many || operator === "Exists" || operator === "DoesNotExist"
      ? []
      : [field.invalid(here.child("operator"), operator, "not a valid selector operator")];
  });
}

const labelOperators: Readonly<Record<string, LabelOperator>> = {
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
};

// Requirements that no authorizer understands are left out, which asks for more rather than for less.
function selectorsIn({
  fieldSelector,
  labelSelector,
}: NonNullable<Attributes["resourceAttributes"]>): RequestSelectors {
  const raw = selectorsOf(fieldSelector?.rawSelector ?? "", labelSelector?.rawSelector ?? "");
  const fields = (fieldSelector?.requirements ?? []).flatMap(({ key = "", operator, values = [] }) => {
    const [value] = values;
    if (value === undefined || values.length !== 1 || (operator !== "In" && operator !== "NotIn")) return [];
    return [{ field: key, equal: operator === "In", value }];
  });
  const labels = (labelSelector?.requirements ?? []).flatMap(({ key = "", operator = "", values = [] }) => {
    const known = labelOperators[operator];
    return known ? [{ key, operator: known, values }] : [];
  });
  return { fields: [...(raw?.fields ?? []), ...fields], labels: [...(raw?.labels ?? []), ...labels] };
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
    const selectors = selectorsIn(resourceAttributes);
    return {
      user,
      isResource: true,
      verb,
      group,
      version,
      resource,
      subresource,
      namespace,
      name,
      path: "",
      selectors,
    };
  }
  const { path: url = "", verb: method = "" } = nonResourceAttributes ?? {};
  const nothing = { group: "", version: "", resource: "", subresource: "", namespace: "", name: "" };
  return { user, isResource: false, verb: method, path: url, ...nothing };
}

/** What may I do here? */
export const selfSubjectRulesReview: Handler = async (call) => {
  const sent = await read(call);
  const { namespace = "" } = (sent.spec ?? {}) as { readonly namespace?: string };
  if (namespace === "") throw badRequest("no namespace on request");
  const { services, user, media, served } = call;
  const rules = services.rbac.rules(user, namespace);
  const unresolved = services.authorizer.unresolved(user);
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
    incomplete: unresolved.length > 0,
    ...(unresolved.length > 0 ? { evaluationError: unresolved.join(", ") } : {}),
  };
  return valueAnswer(media, 201, { ...sent, spec: {}, status }, served);
};

const resourceRule = ({ verbs, apiGroups, resources, resourceNames }: PolicyRule) => ({
  verbs,
  apiGroups,
  resources,
  ...(resourceNames?.length ? { resourceNames } : {}),
});
