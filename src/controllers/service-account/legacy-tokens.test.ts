import { expect, test } from "vitest";
import { ConfigMap } from "../../api/core/config-map.ts";
import { Pod } from "../../api/core/pod.ts";
import { Secret } from "../../api/core/secret.ts";
import { ServiceAccount } from "../../api/core/service-account.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import type { FakeCluster } from "../framework/testing/fake-cluster.ts";
import { run } from "../framework/testing/harness.ts";
import { legacyTokenCleaner } from "./legacy-tokens.ts";

const dayMs = 86_400_000;
const begin = new VirtualClock().now();
const at = (days: number) => new Date(begin + days * dayMs).toISOString();
const date = (days: number) => at(days).slice(0, 10);

/** Everything as it must be for the Secret to be cleaned up on day 1000. */
function given(
  cluster: FakeCluster,
  { secret = {}, labels = {}, since = date(10), pod = {}, listed = true }: Case,
): void {
  cluster.put(ConfigMap, {
    metadata: { name: "kube-apiserver-legacy-service-account-token-tracking", namespace: "kube-system" },
    data: { since },
  });
  cluster.put(ServiceAccount, {
    metadata: { name: "robot", namespace: "default", uid: "u1" },
    secrets: listed ? [{ name: "robot-token" }] : [],
  });
  cluster.put(Secret, {
    metadata: {
      name: "robot-token",
      namespace: "default",
      creationTimestamp: at(20),
      annotations: { "kubernetes.io/service-account.name": "robot", "kubernetes.io/service-account.uid": "u1" },
      labels,
      ...secret,
    },
    type: "kubernetes.io/service-account-token",
  } as never);
  cluster.put(Pod, { metadata: { name: "p", namespace: "default" }, spec: { containers: [], ...pod } } as never);
}

interface Case {
  readonly secret?: object;
  readonly labels?: Readonly<Record<string, string>>;
  readonly since?: string;
  readonly pod?: object;
  readonly listed?: boolean;
}

const used = "kubernetes.io/legacy-token-last-used";
const invalid = "kubernetes.io/legacy-token-invalid-since";
const cases: readonly (Case & { readonly name: string; readonly becomes: string })[] = [
  { name: "was never used", becomes: "marked" },
  { name: "was used more than a year ago", labels: { [used]: date(600) }, becomes: "marked" },
  { name: "was used within a year", labels: { [used]: date(700) }, becomes: "kept" },
  { name: "has an unreadable last use", labels: { [used]: "lately" }, becomes: "kept" },
  { name: "is young", secret: { creationTimestamp: at(700) }, becomes: "kept" },
  { name: "was marked more than a year ago", labels: { [invalid]: date(600) }, becomes: "deleted" },
  { name: "was marked within a year", labels: { [invalid]: date(700) }, becomes: "kept" },
  { name: "has an unreadable mark", labels: { [invalid]: "lately" }, becomes: "marked" },
  { name: "was made by hand", listed: false, becomes: "kept" },
  {
    name: "is of an account of before",
    secret: {
      annotations: { "kubernetes.io/service-account.name": "robot", "kubernetes.io/service-account.uid": "u0" },
    },
    becomes: "kept",
  },
  {
    name: "is mounted",
    pod: { volumes: [{ name: "v", secret: { secretName: "robot-token" } }] },
    becomes: "kept",
  },
  {
    name: "is read as a variable",
    pod: {
      containers: [
        { name: "c", env: [{ name: "T", valueFrom: { secretKeyRef: { name: "robot-token", key: "token" } } }] },
      ],
    },
    becomes: "kept",
  },
  {
    name: "has the name of something else that a pod uses",
    pod: { volumes: [{ name: "robot-token", configMap: { name: "robot-token" } }] },
    becomes: "marked",
  },
  {
    name: "was used nobody knows when, since its use is written down for less than a year",
    since: date(640),
    becomes: "kept",
  },
];

test.each(cases)("a token that $name is $becomes", async ({ becomes, ...options }) => {
  await using harness = await run([legacyTokenCleaner], { given: () => {} });
  harness.clock.advance(1000 * dayMs);
  given(harness.cluster, options);
  await harness.pass(dayMs);
  const secret = harness.cluster.get(Secret, "robot-token");
  const mark = secret?.metadata.labels?.[invalid];
  const found = !secret ? "deleted" : mark && mark !== options.labels?.[invalid] ? "marked" : "kept";
  expect(found).toBe(becomes);
});
