import { describe, expect, test } from "vitest";
import type * as core from "../../../api/generated/core-v1.ts";
import { baselineChecks } from "./baseline-checks.ts";
import { detailText, violationsOf } from "./evaluate-pod.ts";
import { restrictedChecks } from "./restricted-checks.ts";
import { type LevelVersion, latest, parseSecurityVersion, type SecurityLevel } from "./security-level.ts";

type Part = Partial<Record<keyof core.PodSpec, unknown>>;

/** A pod that the restricted profile lets pass. */
const safeContainer = {
  name: "c",
  image: "i",
  securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
};
const safeSpec = { securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } } };

const pod = (spec: Part, annotations: Record<string, string> = {}) => ({
  annotations,
  spec: { ...safeSpec, containers: [safeContainer], ...spec } as unknown as core.PodSpec,
});
const context = (added: object) => ({ securityContext: { ...safeSpec.securityContext, ...added } });
const container = (added: object, name = "c") => ({
  ...safeContainer,
  name,
  ...("securityContext" in added
    ? { ...added, securityContext: { ...safeContainer.securityContext, ...(added.securityContext as object) } }
    : added),
});
const containers = (...list: readonly object[]): Part => ({ containers: list });
const level = (name: SecurityLevel, version = "latest"): LevelVersion => ({
  level: name,
  minor: parseSecurityVersion(version) ?? latest,
});
const found = (spec: Part, at: LevelVersion, annotations?: Record<string, string>) =>
  detailText(violationsOf(pod(spec, annotations), at));

interface Control {
  readonly id: string;
  readonly passes: Part;
  readonly fails: Part;
  readonly says: string;
  readonly version?: string;
}

/** For each control of the standard a pod that passes it and one that does not. */
const baseline: readonly Control[] = [
  {
    id: "windowsHostProcess",
    passes: context({ windowsOptions: { hostProcess: false } }),
    fails: {
      ...context({ windowsOptions: { hostProcess: true } }),
      ...containers(container({ securityContext: { windowsOptions: { hostProcess: true } } })),
    },
    says: 'hostProcess (pod and container "c" must not set securityContext.windowsOptions.hostProcess=true)',
  },
  {
    id: "hostNamespaces",
    passes: { hostNetwork: false },
    fails: { hostPID: true, hostNetwork: true },
    says: "host namespaces (hostNetwork=true, hostPID=true)",
  },
  {
    id: "privileged",
    passes: containers(container({ securityContext: { privileged: false } })),
    fails: {
      ...containers(container({ securityContext: { privileged: true } })),
      initContainers: [container({ securityContext: { privileged: true } }, "a")],
    },
    says: 'privileged (containers "a", "c" must not set securityContext.privileged=true)',
  },
  {
    id: "capabilities_baseline",
    passes: containers(container({ securityContext: { capabilities: { add: ["CHOWN"] } } })),
    fails: containers(container({ securityContext: { capabilities: { add: ["NET_RAW", "CHOWN", "NET_ADMIN"] } } })),
    says: 'non-default capabilities (container "c" must not include "NET_ADMIN", "NET_RAW" in securityContext.capabilities.add)',
  },
  {
    id: "hostPathVolumes",
    passes: { volumes: [{ name: "v", emptyDir: {} }] },
    fails: { volumes: [{ name: "v", hostPath: { path: "/" } }] },
    says: 'hostPath volumes (volume "v")',
  },
  {
    id: "hostPorts",
    passes: containers(container({ ports: [{ containerPort: 80 }] })),
    fails: containers(
      container({ ports: [{ hostPort: 80 }, { hostPort: 443 }] }),
      container({ ports: [{ hostPort: 80 }] }, "d"),
    ),
    says: 'hostPort (containers "c", "d" use hostPorts 443, 80)',
  },
  {
    id: "hostProbesAndHostLifecycle",
    passes: containers(container({ livenessProbe: { httpGet: { path: "/" } } })),
    fails: containers(container({ livenessProbe: { httpGet: { host: "10.0.0.1" } } })),
    says: 'probe or lifecycle host (container "c" uses probe or lifecycle host "10.0.0.1")',
  },
  {
    id: "appArmorProfile",
    passes: context({ appArmorProfile: { type: "RuntimeDefault" } }),
    fails: context({ appArmorProfile: { type: "Unconfined" } }),
    says: 'forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")',
  },
  {
    id: "seLinuxOptions",
    passes: context({ seLinuxOptions: { type: "container_t" } }),
    fails: context({ seLinuxOptions: { type: "spc_t", user: "u" } }),
    says: 'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set)',
  },
  {
    id: "procMount",
    passes: containers(container({ securityContext: { procMount: "Default" } })),
    fails: containers(container({ securityContext: { procMount: "Unmasked" } })),
    says: 'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
  },
  {
    id: "seccompProfile_baseline",
    passes: containers(
      container({ securityContext: { seccompProfile: { type: "Localhost", localhostProfile: "x" } } }),
    ),
    fails: containers(container({ securityContext: { seccompProfile: { type: "Unconfined" } } })),
    says: 'seccompProfile (container "c" must not set securityContext.seccompProfile.type to "Unconfined")',
  },
  {
    id: "sysctls",
    passes: context({ sysctls: [{ name: "net.ipv4.tcp_rmem", value: "1" }] }),
    fails: context({
      sysctls: [
        { name: "kernel.msgmax", value: "1" },
        { name: "a", value: "1" },
      ],
    }),
    says: "forbidden sysctls (kernel.msgmax, a)",
  },
];

const restricted: readonly Control[] = [
  {
    id: "allowPrivilegeEscalation",
    passes: {},
    fails: containers(container({ securityContext: { allowPrivilegeEscalation: undefined } })),
    says: 'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false)',
  },
  {
    id: "capabilities_restricted",
    passes: containers(container({ securityContext: { capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] } } })),
    fails: containers(container({ securityContext: { capabilities: { drop: ["CHOWN"], add: ["CHOWN"] } } })),
    says: 'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]; container "c" must not include "CHOWN" in securityContext.capabilities.add)',
  },
  {
    id: "procMount_restricted",
    passes: containers(container({ securityContext: { procMount: "Default" } })),
    fails: { hostUsers: false, ...containers(container({ securityContext: { procMount: "Unmasked" } })) },
    says: 'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
  },
  {
    id: "restrictedVolumes",
    passes: {
      volumes: [
        { name: "v", configMap: { name: "m" } },
        { name: "w", persistentVolumeClaim: { claimName: "p" } },
      ],
    },
    fails: {
      volumes: [
        { name: "v", hostPath: { path: "/" } },
        { name: "w", nfs: { server: "s" } },
      ],
    },
    says: 'restricted volume types (volumes "v", "w" use restricted volume types "hostPath", "nfs")',
  },
  {
    id: "runAsNonRoot",
    passes: {
      securityContext: { seccompProfile: { type: "RuntimeDefault" } },
      ...containers(container({ securityContext: { runAsNonRoot: true } })),
    },
    fails: { securityContext: { seccompProfile: { type: "RuntimeDefault" } } },
    says: 'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true)',
  },
  {
    id: "runAsUser",
    passes: context({ runAsUser: 1000 }),
    fails: context({ runAsUser: 0 }),
    says: "runAsUser=0 (pod must not set runAsUser=0)",
  },
  {
    id: "seccompProfile_restricted",
    passes: context({ seccompProfile: { type: "Localhost", localhostProfile: "x" } }),
    fails: { securityContext: { runAsNonRoot: true } },
    says: 'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  },
];

describe("the Pod Security Standards", () => {
  test("every control has its pods here", () => {
    const ids = (list: readonly { readonly id: string }[]) => list.map(({ id }) => id).sort();
    expect(ids(baseline)).toEqual(ids(baselineChecks));
    expect(ids(restricted)).toEqual(ids(restrictedChecks));
  });

  test.each(baseline)("$id: baseline lets one pod pass and names what is wrong with the other", ({
    passes,
    fails,
    says,
  }) => {
    expect(found(passes, level("baseline"))).toBe("");
    expect(found(fails, level("baseline"))).toBe(says);
  });

  test.each(baseline)("$id: restricted forbids what baseline forbids, privileged nothing", ({ passes, fails, id }) => {
    if (id !== "capabilities_baseline") expect(found(passes, level("restricted"))).toBe("");
    expect(found(fails, level("restricted"))).not.toBe("");
    expect(found(fails, level("privileged"))).toBe("");
  });

  test.each(restricted)("$id: restricted lets one pod pass and names what is wrong with the other", ({
    passes,
    fails,
    says,
  }) => {
    expect(found(passes, level("restricted"))).toBe("");
    expect(found(fails, level("restricted"))).toBe(says);
  });

  test("a plain pod is told everything that the restricted profile misses, in upstream's order", () => {
    const plain = { annotations: {}, spec: { containers: [{ name: "c", image: "i" }] } as unknown as core.PodSpec };
    expect(violationsOf(plain, level("baseline"))).toEqual([]);
    expect(detailText(violationsOf(plain, level("restricted")))).toBe(
      'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), ' +
        'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), ' +
        'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), ' +
        'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    );
  });

  test.each([
    [
      "a sysctl that became safe",
      context({ sysctls: [{ name: "net.ipv4.tcp_rmem", value: "1" }] }),
      "baseline",
      "v1.31",
      "v1.32",
    ],
    [
      "an SELinux type that became usual",
      context({ seLinuxOptions: { type: "container_engine_t" } }),
      "baseline",
      "v1.30",
      "v1.31",
    ],
    [
      "unmasked proc in a user namespace",
      { hostUsers: false, ...containers(container({ securityContext: { procMount: "Unmasked" } })) },
      "baseline",
      "v1.34",
      "v1.35",
    ],
    ["root in a user namespace", { hostUsers: false, ...context({ runAsUser: 0 }) }, "restricted", "v1.34", "v1.35"],
    [
      "no Linux protection on Windows",
      { os: { name: "windows" }, ...containers({ name: "c" }) },
      "restricted",
      "v1.24",
      "v1.25",
    ],
  ] as const)("%s passes from its version on", (_, spec, profile, before, after) => {
    expect(found(spec as Part, level(profile, before))).not.toBe("");
    expect(found(spec as Part, level(profile, after))).toBe("");
  });

  test.each([
    [
      "a host in a probe",
      containers(container({ readinessProbe: { tcpSocket: { host: "h", port: 1 } } })),
      "baseline",
      "v1.33",
      "v1.34",
    ],
    ["a user of zero", context({ runAsUser: 0 }), "restricted", "v1.22", "v1.23"],
  ] as const)("%s is refused from its version on", (_, spec, profile, before, after) => {
    expect(found(spec as Part, level(profile, before))).toBe("");
    expect(found(spec as Part, level(profile, after))).not.toBe("");
  });

  test("old annotations count in old versions, those for AppArmor always", () => {
    const seccomp = { "seccomp.security.alpha.kubernetes.io/pod": "unconfined" };
    expect(found({}, level("baseline", "v1.18"), seccomp)).toBe(
      'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")',
    );
    expect(found({}, level("baseline"), seccomp)).toBe("");
    const armor = { "container.apparmor.security.beta.kubernetes.io/c": "unconfined" };
    expect(found({}, level("baseline"), armor)).toContain("forbidden AppArmor profile (annotation must not set");
  });
});
