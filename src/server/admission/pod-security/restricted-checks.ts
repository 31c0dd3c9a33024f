import { procMount, unsafeSeccompProfile } from "./baseline-checks.ts";
import {
  type CheckFunction,
  containersOf,
  containersText,
  type PodCheck,
  plural,
  quotedList,
  settersText,
  sortedOnce,
  unlessOwnUsers,
  unlessWindows,
} from "./pod-check.ts";

const nameOf = ({ name }: { readonly name: string }) => name;

const allowPrivilegeEscalation: CheckFunction = ({ spec }) => {
  const bad = containersOf(spec).filter(({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false);
  if (bad.length === 0) return undefined;
  return {
    reason: "allowPrivilegeEscalation != false",
    detail: `${containersText(bad.map(nameOf))} must set securityContext.allowPrivilegeEscalation=false`,
  };
};

const capabilities: CheckFunction = ({ spec }) => {
  const all = containersOf(spec);
  const keeping = all.filter(({ securityContext }) => !securityContext?.capabilities?.drop?.includes("ALL"));
  const added = ({ securityContext }: (typeof all)[number]) =>
    (securityContext?.capabilities?.add ?? []).filter((one) => one !== "NET_BIND_SERVICE");
  const adding = all.filter((container) => added(container).length > 0);
  const details = [
    ...(keeping.length > 0
      ? [`${containersText(keeping.map(nameOf))} must set securityContext.capabilities.drop=["ALL"]`]
      : []),
    ...(adding.length > 0
      ? [
          `${containersText(adding.map(nameOf))} must not include ${quotedList(sortedOnce(adding.flatMap(added)))} in securityContext.capabilities.add`,
        ]
      : []),
  ];
  return details.length === 0 ? undefined : { reason: "unrestricted capabilities", detail: details.join("; ") };
};

const allowedVolumes = new Set([
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "persistentVolumeClaim",
  "projected",
  "secret",
]);

const restrictedVolumes: CheckFunction = ({ spec }) => {
  const sourceOf = ({ name: _name, ...source }: NonNullable<typeof spec.volumes>[number]) =>
    Object.keys(source)[0] ?? "unknown";
  const bad = (spec.volumes ?? []).filter((volume) => !allowedVolumes.has(sourceOf(volume)));
  if (bad.length === 0) return undefined;
  const types = sortedOnce(bad.map(sourceOf));
  const what = plural(types.length, "restricted volume type", "restricted volume types");
  const who = `${plural(bad.length, "volume", "volumes")} ${quotedList(bad.map(nameOf))}`;
  return {
    reason: "restricted volume types",
    detail: `${who} ${plural(bad.length, "uses", "use")} ${what} ${quotedList(types)}`,
  };
};

const runAsNonRoot: CheckFunction = ({ spec }) => {
  const own = spec.securityContext?.runAsNonRoot;
  const all = containersOf(spec);
  const refusing = all.filter(({ securityContext }) => securityContext?.runAsNonRoot === false);
  const setters = settersText(own === false, refusing.map(nameOf));
  const reason = "runAsNonRoot != true";
  if (setters !== "") return { reason, detail: `${setters} must not set securityContext.runAsNonRoot=false` };
  const silent = own === true ? [] : all.filter(({ securityContext }) => securityContext?.runAsNonRoot === undefined);
  if (silent.length === 0) return undefined;
  const who = containersText(silent.map(nameOf));
  return { reason, detail: `pod or ${who} must set securityContext.runAsNonRoot=true` };
};

const runAsUser: CheckFunction = ({ spec }) => {
  const bad = containersOf(spec).filter(({ securityContext }) => securityContext?.runAsUser === 0);
  const setters = settersText(spec.securityContext?.runAsUser === 0, bad.map(nameOf));
  return setters === "" ? undefined : { reason: "runAsUser=0", detail: `${setters} must not set runAsUser=0` };
};

const seccompProfile: CheckFunction = (pod) => {
  const unsafe = unsafeSeccompProfile(pod);
  if (unsafe) return unsafe;
  const { spec } = pod;
  if (spec.securityContext?.seccompProfile) return undefined;
  const silent = containersOf(spec).filter(({ securityContext }) => !securityContext?.seccompProfile);
  if (silent.length === 0) return undefined;
  return {
    reason: "seccompProfile",
    detail: `pod or ${containersText(silent.map(nameOf))} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  };
};

/** The controls that the restricted profile adds, in the order of messages. */
export const restrictedChecks: readonly PodCheck[] = [
  {
    id: "allowPrivilegeEscalation",
    versions: [
      [8, allowPrivilegeEscalation],
      [25, unlessWindows(allowPrivilegeEscalation)],
    ],
  },
  {
    id: "capabilities_restricted",
    overrides: "capabilities_baseline",
    versions: [
      [22, capabilities],
      [25, unlessWindows(capabilities)],
    ],
  },
  { id: "procMount_restricted", overrides: "procMount", versions: [[35, procMount]] },
  { id: "restrictedVolumes", overrides: "hostPathVolumes", versions: [[0, restrictedVolumes]] },
  {
    id: "runAsNonRoot",
    versions: [
      [0, runAsNonRoot],
      [35, unlessOwnUsers(runAsNonRoot)],
    ],
  },
  {
    id: "runAsUser",
    versions: [
      [23, runAsUser],
      [35, unlessOwnUsers(runAsUser)],
    ],
  },
  {
    id: "seccompProfile_restricted",
    overrides: "seccompProfile_baseline",
    versions: [
      [19, seccompProfile],
      [25, unlessWindows(seccompProfile)],
    ],
  },
];
