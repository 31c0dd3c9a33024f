import { Job } from "../../src/api/batch/job.ts";
import { ConfigMap } from "../../src/api/core/config-map.ts";
import { PersistentVolumeClaim } from "../../src/api/core/persistent-volume-claim.ts";
import { Pod } from "../../src/api/core/pod.ts";
import { Secret } from "../../src/api/core/secret.ts";
import { Service } from "../../src/api/core/service.ts";
import type { Container, PodSpec, Volume } from "../../src/api/generated/core-v1.ts";
import type { Client } from "../../src/client/client.ts";
import { type Draft, type KindRef, keyOf, type ObjectKey } from "../../src/machinery/object.ts";
import { images } from "../e2e/tools/workloads.ts";

/** How a specimen is to be in the end. */
export type Ending = "Ready" | "Succeeded" | "Failed";

/** A pod, with what it needs, of one of the ways to be a pod. */
export interface Specimen {
  readonly name: string;
  readonly species: Species;
  readonly ends: Ending;
  /** False where containers end and start again by themselves. */
  readonly calm: boolean;
  readonly objects: readonly Member[];
}

export interface Member {
  readonly kind: KindRef<unknown>;
  readonly key: ObjectKey;
  create(client: Client): Promise<unknown>;
}

/** The label that says whose pod it is. */
export const specimenLabel = "proof/specimen";
export const namespace = "proof";

/** Ends soon when it is asked to. */
const waits = "trap 'exit 0' TERM; sleep 100000 & wait";
/** What it has to find is found: the readiness probe looks for the file. */
const ready = `touch /tmp/ready; ${waits}`;
const readinessProbe = { exec: { command: ["test", "-f", "/tmp/ready"] }, periodSeconds: 1 };

interface Parts {
  readonly spec: PodSpec;
  readonly ends?: Ending;
  readonly calm?: boolean;
  readonly before?: readonly Member[];
  /** A Job of the pod instead of the pod. */
  readonly job?: { readonly backoffLimit: number };
}

const zoo = {
  plain: () => ({ spec: pod(main(ready)) }),
  stubborn: () => ({ spec: { ...pod(main("touch /tmp/ready; sleep 100000")), terminationGracePeriodSeconds: 2 } }),
  sidecar: () => ({
    spec: {
      ...pod(main(`test "$(cat /shared/first)" = done && ${ready}`, [["shared", "/shared"]])),
      initContainers: [
        plain("first", "echo done > /shared/first", [["shared", "/shared"]]),
        {
          ...plain("beside", `test -f /shared/first && touch /shared/up; ${waits}`, [["shared", "/shared"]]),
          restartPolicy: "Always",
          startupProbe: { exec: { command: ["test", "-f", "/shared/up"] }, periodSeconds: 1 },
        },
      ],
      volumes: [{ name: "shared", emptyDir: {} }],
    },
  }),
  volumes: (name: string) => ({
    before: [
      member(ConfigMap, { metadata: { name, namespace }, data: { greeting: "hello" } }),
      member(Secret, { metadata: { name, namespace }, stringData: { word: "hush" } }),
    ],
    spec: manyVolumes(name),
  }),
  claim: (name: string) => ({
    before: [
      member(PersistentVolumeClaim, {
        metadata: { name, namespace },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Mi" } } },
      }),
    ],
    spec: {
      ...pod(
        main(`echo ${name} > /data/name && cp /data/name /own/name && ${ready}`, [
          ["data", "/data"],
          ["own", "/own"],
        ]),
      ),
      volumes: [
        { name: "data", persistentVolumeClaim: { claimName: name } },
        {
          name: "own",
          ephemeral: {
            volumeClaimTemplate: {
              spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Mi" } } },
            },
          },
        },
      ],
    },
  }),
  served: (name: string) => ({
    before: [
      member(Service, {
        metadata: { name, namespace },
        spec: { type: "NodePort", selector: { [specimenLabel]: name }, ports: [{ port: 80, targetPort: 8080 }] },
      }),
    ],
    spec: pod({
      ...main("mkdir /tmp/www && echo ok > /tmp/www/index.html && exec httpd -f -p 8080 -h /tmp/www"),
      readinessProbe: { httpGet: { path: "/", port: 8080 }, periodSeconds: 1 },
      livenessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 2 },
    }),
  }),
  hooks: () => ({
    spec: pod({
      ...main(`while ! test -f /tmp/started; do sleep 0.1; done; ${ready}`),
      lifecycle: {
        postStart: { exec: { command: ["touch", "/tmp/started"] } },
        preStop: { exec: { command: ["sleep", "1"] } },
      },
    }),
  }),
  restarts: () => ({
    calm: false,
    spec: {
      ...pod(main(`if ! test -f /kept/once; then touch /kept/once; exit 1; fi; ${ready}`, [["kept", "/kept"]])),
      volumes: [{ name: "kept", emptyDir: {} }],
    },
  }),
  unhealthy: () => ({
    calm: false,
    spec: {
      ...pod({
        ...main(`if test -f /kept/once; then touch /tmp/healthy; fi; touch /kept/once; ${ready}`, [["kept", "/kept"]]),
        livenessProbe: { exec: { command: ["test", "-f", "/tmp/healthy"] }, periodSeconds: 1, failureThreshold: 2 },
        readinessProbe: { exec: { command: ["test", "-f", "/tmp/healthy"] }, periodSeconds: 1 },
      }),
      volumes: [{ name: "kept", emptyDir: {} }],
    },
  }),
  succeeds: () => ({ ends: "Succeeded", calm: false, spec: once("sleep 1") }),
  fails: () => ({ ends: "Failed", calm: false, spec: once("sleep 1; exit 3") }),
  fulfilled: () => ({ ends: "Succeeded", calm: false, job: { backoffLimit: 3 }, spec: once("sleep 1") }),
  hopeless: () => ({ ends: "Failed", calm: false, job: { backoffLimit: 1 }, spec: once("exit 1") }),
} satisfies Readonly<Record<string, (name: string) => Parts>>;

export type Species = keyof typeof zoo;
export const allSpecies = Object.keys(zoo) as readonly Species[];

/** A specimen that is not in the cluster yet. */
export function specimen(species: Species, name: string): Specimen {
  const { spec, ends = "Ready", calm = true, before = [], job }: Parts = zoo[species](name);
  const labels = { [specimenLabel]: name };
  const last = job
    ? member(Job, { metadata: { name, namespace }, spec: { ...job, template: { metadata: { labels }, spec } } })
    : member(Pod, { metadata: { name, namespace, labels }, spec });
  return { name, species, ends, calm, objects: [...before, last] };
}

function member<T>(kind: KindRef<T>, object: Draft<T>): Member {
  return { kind: kind as KindRef<unknown>, key: keyOf(object), create: (client) => client.create(kind, object) };
}

type Mounts = readonly (readonly [volume: string, path: string])[];

function plain(name: string, script: string, mounts: Mounts = []): Container {
  const volumeMounts = mounts.map(([volume, mountPath]) => ({ name: volume, mountPath }));
  return { name, image: images.busybox, command: ["sh", "-c", script], volumeMounts };
}

function main(script: string, mounts: Mounts = []): Container {
  return { ...plain("main", script, mounts), readinessProbe };
}

function pod(container: Container): PodSpec {
  return { terminationGracePeriodSeconds: 5, containers: [container] };
}

function once(script: string): PodSpec {
  return { restartPolicy: "Never", terminationGracePeriodSeconds: 1, containers: [plain("main", script)] };
}

/** Its container starts only if each volume holds what it should, and secrets lie in memory. */
function manyVolumes(name: string): PodSpec {
  const volumes: readonly Volume[] = [
    { name: "disk", emptyDir: {} },
    { name: "memory", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
    { name: "config", configMap: { name } },
    { name: "secret", secret: { secretName: name, defaultMode: 0o400 } },
    { name: "info", downwardAPI: { items: [{ path: "name", fieldRef: { fieldPath: "metadata.name" } }] } },
    {
      name: "mixed",
      projected: {
        sources: [{ configMap: { name } }, { secret: { name } }, { serviceAccountToken: { path: "token" } }],
      },
    },
    { name: "host", hostPath: { path: "/etc", type: "Directory" } },
  ];
  const checks = [
    "test $(cat /config/greeting) = hello",
    "test $(cat /secret/word) = hush",
    "test $(cat /one) = hello",
    `test $(cat /info/name) = ${name}`,
    "test $(cat /mixed/greeting)$(cat /mixed/word) = hellohush",
    "test -s /mixed/token",
    "test -s /var/run/secrets/kubernetes.io/serviceaccount/token",
    "test -f /host/passwd",
    'for each in memory secret mixed info; do grep -q " /$each tmpfs" /proc/mounts; done',
    "echo kept > /sub/file && test -f /named/file",
  ];
  const container: Container = {
    ...main(`set -e; ${checks.join("; ")}; ${ready}`),
    env: [{ name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
    volumeMounts: [
      ...["disk", "memory", "config", "secret", "info", "mixed"].map((each) => ({ name: each, mountPath: `/${each}` })),
      { name: "host", mountPath: "/host", readOnly: true },
      { name: "config", mountPath: "/one", subPath: "greeting" },
      { name: "disk", mountPath: "/sub", subPath: name },
      { name: "disk", mountPath: "/named", subPathExpr: "$(POD)" },
    ],
  };
  return { ...pod(container), volumes: [...volumes] };
}
