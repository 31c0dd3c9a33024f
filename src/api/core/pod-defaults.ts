import { change, each, fill, fillEmpty } from "../fill.ts";
import type * as core from "../generated/core-v1.ts";
import { containerDefaults } from "./container-defaults.ts";
import { aggregateRequest } from "./validate-pod-resources.ts";
import { volumeDefaults } from "./volume-defaults.ts";

/** What a pod's spec gets when it does not say, wherever it stands: in a pod, or in the template of a workload. */
export function podSpecDefaults(spec: core.PodSpec): core.PodSpec {
  const changed = change(spec, {
    containers: each(containerDefaults<core.Container>),
    initContainers: each(containerDefaults<core.Container>),
    ephemeralContainers: each(containerDefaults<core.EphemeralContainer>),
    volumes: each(volumeDefaults),
  });
  const filled = fillEmpty(changed, {
    restartPolicy: "Always",
    dnsPolicy: "ClusterFirst",
    schedulerName: "default-scheduler",
  });
  // The two names of the service account are one field; a client may have set either.
  const account = spec.serviceAccountName || spec.serviceAccount;
  const named =
    account && (spec.serviceAccount !== account || spec.serviceAccountName !== account)
      ? { ...filled, serviceAccountName: account, serviceAccount: account }
      : filled;
  return fill(named, { terminationGracePeriodSeconds: 30, securityContext: {} });
}

/** What a workload's pod template gets when it does not say. */
export function podTemplateDefaults(template: core.PodTemplateSpec): core.PodTemplateSpec {
  return change(fill(template, { metadata: {} }), { spec: podSpecDefaults });
}

/**
 * What a pod gets beyond its spec's defaults: host ports on the host's network, requests out of limits, service links.
 * Templates do not get these, so that a workload's template stays as it was written.
 */
export function podDefaults(pod: core.Pod): core.Pod {
  return change(pod, {
    spec: (given) => {
      const spec = podSpecDefaults(given);
      const own = change(fill(spec, { enableServiceLinks: true }), {
        containers: each((container) => requestsOutOfLimits(hostPorts(spec, container))),
        initContainers: each((container) => requestsOutOfLimits(hostPorts(spec, container))),
      });
      return change(own, { resources: (resources) => podRequests(own, resources) });
    },
    status: podStatusDefaults,
  });
}

function hostPorts(spec: core.PodSpec, container: core.Container): core.Container {
  if (!spec.hostNetwork) return container;
  return change(container, { ports: each((port) => fillEmpty(port, { hostPort: port.containerPort })) });
}

function requestsOutOfLimits(container: core.Container): core.Container {
  return change(container, {
    resources: (resources) => {
      if (!resources.limits) return resources;
      const requests = fill(resources.requests ?? {}, resources.limits);
      return requests === resources.requests ? resources : { ...resources, requests };
    },
  });
}

const podResources = ["cpu", "memory"];

/** A pod that is limited as a whole asks for what its containers ask for, or else for all that it may use. */
function podRequests(spec: core.PodSpec, resources: core.ResourceRequirements): core.ResourceRequirements {
  const { limits } = resources;
  if (!limits || Object.keys(limits).length === 0) return resources;
  const asked = podResources.flatMap((name) => {
    const request = aggregateRequest(spec, name);
    return request === undefined ? [] : [[name, request] as const];
  });
  const given = resources.requests ?? {};
  const requests = fill(fill(given, Object.fromEntries(asked)), limits);
  return requests === given ? resources : { ...resources, requests };
}

/** The single and the plural form of an address are one field: the plural one is kept, led by the single one. */
function podStatusDefaults(status: core.PodStatus): core.PodStatus {
  const pod = ledBy(status.podIP, status.podIPs);
  const host = ledBy(status.hostIP, status.hostIPs);
  const same = pod === status.podIPs && host === status.hostIPs && pod?.[0]?.ip === status.podIP;
  if (same) return status;
  return {
    ...status,
    ...(pod?.[0] ? { podIP: pod[0].ip, podIPs: pod } : {}),
    ...(host?.[0] && status.hostIP ? { hostIPs: host } : {}),
  };
}

function ledBy(first: string | undefined, all: readonly core.PodIP[] | undefined): readonly core.PodIP[] | undefined {
  if (!first || all?.[0]?.ip === first) return all;
  return [{ ip: first }];
}
