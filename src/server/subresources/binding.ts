import { Binding } from "../../api/core/binding.ts";
import { Pod } from "../../api/core/pod.ts";
import { lookupType } from "../../api/type-info.ts";
import { field } from "../../machinery/fields.ts";
import { conflict, type FieldError, invalid } from "../../machinery/status-error.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { updateObject } from "../../registry/update.ts";
import { timestamp } from "../../registry/write.ts";
import { valueAnswer } from "../bodies/answers.ts";
import { readObject } from "../bodies/read-body.ts";
import type { Call } from "../call.ts";
import type { ServerResponse } from "../exchange.ts";
import { bodyOptions } from "../resources/body-options.ts";
import type { Handler } from "../resources/dispatch.ts";
import { type WriteParameters, writeParameters } from "../resources/options.ts";
import { bodyKind } from "./body-kinds.ts";

/** POST to `bindings`: the pod has the binding's name. */
export const bindingsHandler: Handler = async (call) => {
  const parameters = writeParameters(call, "CreateOptions");
  const binding = (await readObject(
    call.request,
    call.served,
    bodyOptions(call, parameters.validation),
  )) as unknown as Binding;
  return bind(call, binding, parameters);
};

/** POST to a pod's `binding`. */
export const bindingHandler: Handler = async (call) => {
  const parameters = writeParameters(call, "CreateOptions");
  const sent = await readObject(call.request, bodyKind(Binding, lookupType), bodyOptions(call, parameters.validation));
  return bind(call, sent as unknown as Binding, parameters);
};

async function bind(call: Call, sent: Binding, { dryRun }: WriteParameters): Promise<ServerResponse> {
  const { services, info, media } = call;
  const name = info.named ? info.name : (sent.metadata.name ?? "");
  const { group, version, kind } = Binding;
  const admission = services.admission.of(call, "CREATE", { dryRun, body: { group, version, kind } });
  const admitted = await admission.admit(sent as unknown as AnyObject, undefined);
  const binding = admitted as AnyObject as unknown as Binding;
  await admission.validate(admitted, undefined);
  const { target, metadata } = binding;
  const errors: FieldError[] = [];
  if (target.kind && target.kind !== "Node" && target.kind !== "Minion") {
    errors.push(field.notSupported("target.kind", target.kind, ["Node", "<empty>"]));
  }
  if (!target.name) errors.push(field.required("target.name"));
  if (errors.length > 0) throw invalid({ group: "", kind: "Binding" }, name, errors);
  const subject = { group: "", plural: "pods/binding" };
  const pods = services.registry.of(Pod);
  await updateObject(pods, {
    namespace: info.namespace,
    name,
    dryRun,
    // Upstream assigns past the rules of pods: a pod that nobody has changed stays at its first generation.
    rules: { prepare: (next) => next, validate: () => [], raisesGeneration: false },
    change: ({ object }) => {
      const pod = object as AnyObject as unknown as Pod;
      if (metadata.uid && metadata.uid !== pod.metadata.uid) {
        const why = `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${pod.metadata.uid}`;
        throw conflict(subject, name, why);
      }
      if (pod.metadata.deletionTimestamp) {
        throw conflict(subject, name, `pod ${name} is being deleted, cannot be assigned to a host`);
      }
      if (pod.spec?.nodeName) {
        throw conflict(subject, name, `pod ${name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`);
      }
      if (pod.spec?.schedulingGates?.length) {
        throw conflict(subject, name, `pod ${name} has non-empty .spec.schedulingGates`);
      }
      return bound(pod, binding, timestamp(services.clock.now()));
    },
  });
  return valueAnswer(media, 201, { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 });
}

function bound(pod: Pod, { target, metadata }: Binding, now: string): AnyObject {
  const conditions = pod.status?.conditions ?? [];
  const before = conditions.find(({ type }) => type === "PodScheduled");
  const lastTransitionTime = before?.status === "True" ? before.lastTransitionTime : now;
  const scheduled = { type: "PodScheduled", status: "True", lastProbeTime: null, lastTransitionTime };
  const others = conditions.filter(({ type }) => type !== "PodScheduled");
  const annotations = metadata.annotations
    ? { annotations: { ...pod.metadata.annotations, ...metadata.annotations } }
    : {};
  const labels = metadata.labels ? { labels: { ...pod.metadata.labels, ...metadata.labels } } : {};
  return {
    ...pod,
    metadata: { ...pod.metadata, ...annotations, ...labels },
    spec: { ...pod.spec, nodeName: target.name },
    status: {
      ...pod.status,
      conditions: before ? conditions.map((one) => (one === before ? scheduled : one)) : [...others, scheduled],
    },
  } as unknown as AnyObject;
}
