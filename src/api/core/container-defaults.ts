import { change, each, fill, fillEmpty } from "../fill.ts";
import type * as core from "../generated/core-v1.ts";
import { pullPolicyOf } from "./image-tag.ts";

/** What a container gets when it does not say: pull policy by tag, termination message, probe times, port protocol. */
export function containerDefaults<T extends core.Container | core.EphemeralContainerCommon>(container: T): T {
  const changed = change(container as core.Container, {
    ports: each(portDefaults),
    env: each(envDefaults),
    livenessProbe: probeDefaults,
    readinessProbe: probeDefaults,
    startupProbe: probeDefaults,
    lifecycle: lifecycleDefaults,
  });
  const filled = fillEmpty(changed, {
    resources: {},
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
    imagePullPolicy: container.imagePullPolicy || pullPolicyOf(container.image),
  });
  return filled as T;
}

function portDefaults(port: core.ContainerPort): core.ContainerPort {
  return fillEmpty(port, { protocol: "TCP" });
}

function envDefaults(variable: core.EnvVar): core.EnvVar {
  return change(variable, {
    valueFrom: (source) =>
      change(source, {
        fieldRef: fieldRefDefaults,
        resourceFieldRef: resourceFieldDefaults,
        fileKeyRef: (reference) => fill(reference, { optional: false }),
      }),
  });
}

/** A field of the pod itself is read in version v1 unless it says otherwise. */
export function fieldRefDefaults(reference: core.ObjectFieldSelector): core.ObjectFieldSelector {
  return fillEmpty(reference, { apiVersion: "v1" });
}

/** An unset divisor is written as zero and read as one. */
export function resourceFieldDefaults(reference: core.ResourceFieldSelector): core.ResourceFieldSelector {
  return fillEmpty(reference, { divisor: "0" });
}

function probeDefaults(probe: core.Probe): core.Probe {
  const handled = change(probe, {
    httpGet: httpGetDefaults,
    grpc: (action) => fill(action, { service: "" }),
  });
  return fillEmpty(handled, { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 });
}

function lifecycleDefaults(lifecycle: core.Lifecycle): core.Lifecycle {
  const handler = (one: core.LifecycleHandler) => change(one, { httpGet: httpGetDefaults });
  return change(lifecycle, { postStart: handler, preStop: handler });
}

function httpGetDefaults(action: core.HTTPGetAction): core.HTTPGetAction {
  return fillEmpty(action, { path: "/", scheme: "HTTP" });
}
