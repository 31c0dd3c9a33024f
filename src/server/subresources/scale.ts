import type { ScalePaths } from "../../api/kind.ts";
import { field } from "../../machinery/fields.ts";
import type { LabelSelector } from "../../machinery/generated/meta-v1.ts";
import { selectorOfLabels, selectorOfObject } from "../../machinery/labels.ts";
import { conflict, invalid } from "../../machinery/status-error.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { updateObject, wholeObject } from "../../registry/update.ts";
import { type Admission, withMetadata } from "../../registry/write.ts";
import { valueAnswer } from "../bodies/answers.ts";
import { readObject } from "../bodies/read-body.ts";
import { routeError } from "../bodies/status-body.ts";
import type { Call } from "../call.ts";
import type { ServerResponse } from "../exchange.ts";
import { bodyOptions } from "../resources/body-options.ts";
import type { Handler } from "../resources/dispatch.ts";
import { type WriteParameters, writeParameters } from "../resources/options.ts";
import { ownership } from "../resources/ownership.ts";
import { checkPatchOptions, patched, readPatch } from "../resources/patch.ts";
import { place } from "../resources/read.ts";
import { scaleKindOf } from "./scale-kind.ts";

/** GET, PUT and PATCH of `scale`: replicas and selector in a form that is the same for all kinds. */
export const scaleHandler: Handler = async (call) => {
  if (call.info.verb === "get") return getScale(call);
  const patching = call.info.verb === "patch";
  const parameters = writeParameters(call, patching ? "PatchOptions" : "UpdateOptions");
  const scaleKind = scaleKindOf(call.served);
  const patch = patching ? await readPatch(call, parameters.validation) : undefined;
  if (patch) checkPatchOptions(call, patch.type);
  const sent = patch ? undefined : await readObject(call.request, scaleKind, bodyOptions(call, parameters.validation));

  const { collection, served } = call;
  const { namespace, name } = place(call);
  const own = ownership(call, parameters, "scale");
  const written = await updateObject(collection, {
    namespace,
    name,
    dryRun: parameters.dryRun,
    rules: wholeObject(collection.resource),
    admission: scaleAdmission(call, parameters),
    change: ({ object }) => {
      const before = scaleOf(call, object);
      const merged = patch && (patch.type === "apply" ? { ...patch, type: "merge" as const } : patch);
      const next = merged ? patched(call, scaleKind.type, before, merged, parameters) : (sent as AnyObject);
      const { replicas = 0 } = (next.spec ?? {}) as { readonly replicas?: number };
      const { resourceVersion } = next.metadata;
      if (resourceVersion && resourceVersion !== object.metadata.resourceVersion)
        throw conflict(collection.resource.name, name);
      if (replicas < 0) {
        const error = field.invalid("spec.replicas", replicas, "must be greater than or equal to 0");
        throw invalid({ group: "autoscaling", kind: "Scale" }, name, [error]);
      }
      if (patch?.type === "apply" && !served.mapping) return own.apply(appliedScale(call, patch.body), object);
      const changed = write(object, pathsOf(call).specReplicas, replicas);
      return served.mapping ? changed : own.update(changed, object);
    },
  });
  return valueAnswer(call.media, 200, scaleOf(call, written.object));
};

/** What applying a Scale says of the object behind it: its replicas, or nothing. */
function appliedScale(call: Call, body: unknown): AnyObject {
  const { info, served } = call;
  const { kind, apiVersion } = served;
  const { namespace, name } = info;
  const bare = { kind, apiVersion, metadata: { name, ...(namespace ? { namespace } : {}) } } as AnyObject;
  const { replicas } = ((body as Partial<AnyObject>).spec ?? {}) as { readonly replicas?: number };
  return replicas === undefined ? bare : write(bare, pathsOf(call).specReplicas, replicas);
}

/** Plugins and webhooks see the Scale that was asked for, not the object behind it. */
function scaleAdmission(call: Call, { dryRun }: WriteParameters): Admission {
  const { group, version, kind } = scaleKindOf(call.served);
  const body = { group, version, kind };
  const admission = call.services.admission.of(call, "UPDATE", { dryRun, body });
  const scale = (object: AnyObject | undefined) => object && scaleOf(call, object);
  return {
    async admit(object, previous) {
      const before = scaleOf(call, object);
      const after = await admission.admit(before, scale(previous));
      if (after === before) return object;
      const { replicas = 0 } = (after.spec ?? {}) as { readonly replicas?: number };
      return write(object, pathsOf(call).specReplicas, replicas);
    },
    validate: (object, previous) => admission.validate(scale(object), scale(previous)),
  };
}

async function getScale(call: Call): Promise<ServerResponse> {
  const { namespace, name } = place(call);
  const { object } = await call.collection.get(namespace, name);
  return valueAnswer(call.media, 200, scaleOf(call, object));
}

function pathsOf({ collection, served }: Call): ScalePaths {
  const scale = served.mapping?.own ? served.mapping.own.scale : collection.resource.declaration.scale;
  if (!scale) throw routeError("NotFound");
  return scale;
}

function scaleOf(call: Call, object: AnyObject): AnyObject {
  const { specReplicas, statusReplicas, selector } = pathsOf(call);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const { apiVersion, early } = scaleKindOf(call.served);
  const selected = selector ? selectionOf(read(object, selector), early) : {};
  const replicas = Number(read(object, specReplicas) ?? 0);
  return {
    kind: "Scale",
    apiVersion,
    metadata: { name, ...(namespace ? { namespace } : {}), uid, resourceVersion, creationTimestamp },
    spec: replicas === 0 ? {} : { replicas },
    status: { replicas: Number(read(object, statusReplicas) ?? 0), ...selected },
  };
}

/** What the status of a Scale says of a selector. */
function selectionOf(
  selector: unknown,
  early: boolean,
): { readonly selector?: unknown; readonly targetSelector?: string } {
  const text = selectorText(selector);
  if (text === "") return {};
  if (!early) return { selector: text };
  const { matchLabels = selector, matchExpressions } = selector as LabelSelector & Record<string, unknown>;
  return { ...(matchExpressions ? {} : { selector: matchLabels }), targetSelector: text };
}

function selectorText(selector: unknown): string {
  if (typeof selector === "string") return selector;
  if (typeof selector !== "object" || selector === null) return "";
  const isLabelSelector = "matchLabels" in selector || "matchExpressions" in selector;
  return String(
    isLabelSelector
      ? selectorOfObject(selector as LabelSelector)
      : selectorOfLabels(selector as Record<string, string>),
  );
}

function read(object: unknown, path: string): unknown {
  let value = object;
  for (const step of path.replace(/^\./, "").split(".")) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[step];
  }
  return value;
}

function write(object: AnyObject, path: string, value: unknown): AnyObject {
  const set = (target: unknown, steps: readonly string[]): unknown => {
    const [step, ...rest] = steps;
    return step === undefined
      ? value
      : { ...(target as object), [step]: set((target as Record<string, unknown> | undefined)?.[step], rest) };
  };
  return withMetadata(set(object, path.replace(/^\./, "").split(".")) as AnyObject, {});
}
