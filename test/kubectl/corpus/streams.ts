import { expect } from "vitest";
import { configMap, deployment, pod, service } from "../tools/objects.ts";
import { type Step, story } from "../tools/story.ts";

const event = (name: string, about: string, more: object = {}) => ({
  apiVersion: "v1",
  kind: "Event",
  metadata: { name },
  involvedObject: { apiVersion: "v1", kind: "Pod", name: about, namespace: "events" },
  type: "Normal",
  reason: "Pulled",
  message: `${name} happened`,
  firstTimestamp: "2020-01-01T00:00:00Z",
  lastTimestamp: "2020-01-02T00:00:00Z",
  count: 1,
  ...more,
});

const ended = (name: string) => ({ ...pod(name), status: { phase: "Succeeded" } });

/** The names of debugging containers and pods are made up. */
const madeUp = (line: string): Step => ({
  line,
  differs: {
    why: "a name is random",
    instead: (reference) => ({ ...reference, stdout: expect.stringMatching(patternOf(reference.stdout)) }),
  },
});

const warned = (line: string): Step => ({
  line,
  differs: {
    why: "since 1.33 there is a warning that a user who is not root has no use of capabilities",
    instead: (reference) => ({
      ...reference,
      stderr: `${reference.stderr}Warning: Non-root user is configured for the entire target Pod, and some capabilities granted by debug profile may not work. Please consider using "--custom" with a custom profile that specifies "securityContext.runAsUser: 0".\n`,
    }),
  },
});

const firstLine = (line: string): Step => ({
  line,
  differs: {
    why: "of a message's lines the first is shown, as in all other tables",
    instead: (reference) => ({ ...reference, stdout: reference.stdout.replace("one\ntwo", "one...") }),
  },
});

const patternOf = (text: string) =>
  new RegExp(
    `^${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll(/(debugger-(?:\S+-)?)[a-z\d]{5}\b/g, "$1[a-z\\d]{5}")}$`,
  );

/** What containers are looked into with, as far as none is needed. */
export const streamStories = [
  story({
    name: "exec and attach",
    objects: [pod("p"), ended("done"), configMap("conf"), deployment("web"), service("web")],
    files: { "p.json": JSON.stringify(pod("p")) },
    steps: [
      "exec",
      "exec p",
      "exec p ls",
      "exec p -c main ls",
      "exec -- ls",
      "exec none -- ls",
      "exec done -- ls",
      "exec p -c none -- ls",
      "exec p -- ls",
      "exec -f p.json -- ls",
      "exec cm/conf -- ls",
      "exec deploy/none -- ls",
      "exec deploy/web --pod-running-timeout=100ms -- ls",
      "exec p --pod-running-timeout=0s -- ls",
      "exec p --pod-running-timeout=x -- ls",
      "attach",
      "attach a b c",
      "attach none",
      "attach p -c none",
      "attach pods none",
      "attach cm/conf",
      "attach done -c none",
    ],
  }),
  story({
    name: "cp",
    objects: [pod("p"), ended("done")],
    files: { a: "a" },
    steps: [
      "cp",
      "cp a",
      "cp a b",
      "cp a :b",
      "cp p:a p:b",
      "cp a/b/c:d x",
      "cp p: x",
      "cp none p:/x",
      "cp '*' p:/x",
      "cp a none:/x",
      "cp a done:/x",
      "cp none:/x a",
      "cp a p:/x -c none",
      "cp a b c",
    ],
  }),
  story({
    name: "port-forward",
    objects: [
      pod("p"),
      configMap("conf"),
      service("p"),
      {
        ...pod("q", { app: "q" }),
        spec: {
          containers: [
            {
              name: "main",
              image: "q",
              ports: [
                { name: "http", containerPort: 8080 },
                { name: "dns", containerPort: 53, protocol: "UDP" },
              ],
            },
          ],
        },
      },
      {
        ...service("q"),
        spec: { selector: { app: "q" }, ports: [{ name: "web", port: 80, targetPort: "http" }] },
      },
      { ...service("bare"), spec: { ports: [{ port: 80 }] } },
    ],
    steps: [
      "port-forward",
      "port-forward p",
      "port-forward p 80",
      "port-forward none 80",
      "port-forward q nope",
      "port-forward q dns",
      "port-forward q 53",
      "port-forward q :",
      "port-forward svc/q 81",
      "port-forward svc/q nope",
      "port-forward svc/q web",
      "port-forward svc/bare 80",
      "port-forward svc/p 80 --pod-running-timeout=100ms",
      "port-forward cm/conf 80",
      "port-forward p 80 --pod-running-timeout=0s",
    ],
  }),
  story({
    name: "events",
    objects: [
      event("b", "p", { lastTimestamp: "2020-01-03T00:00:00Z", count: 5 }),
      event("a", "p"),
      event("c", "q", {
        type: "Warning",
        reason: "Failed",
        message: "one\ntwo",
        lastTimestamp: "2020-01-04T00:00:00Z",
      }),
      event("d", "q", {
        firstTimestamp: null,
        lastTimestamp: null,
        eventTime: "2020-01-01T00:00:00.000000Z",
        series: { count: 3, lastObservedTime: "2020-01-05T00:00:00.000000Z" },
        reportingComponent: "x/y",
        reportingInstance: "z",
        action: "Pull",
      }),
    ],
    steps: [
      firstLine("events"),
      firstLine("events --no-headers"),
      "events --for=pod/p",
      "events --for=pod/none",
      "events --for=pod",
      "events --for=pod/a/b",
      "events --for=nothing/a",
      firstLine("events --types=warning"),
      firstLine("events --types=Warning,Normal"),
      "events --types=foo",
      "events -o jsonpath={.items[*].metadata.name}",
      "events -n none",
      {
        line: "events --for=pod/p -o name",
        differs: {
          why: "lists are refused by that form without a word",
          instead: (reference) => ({ ...reference, stdout: "event/a\nevent/b\n" }),
        },
      },
    ],
  }),
  story({
    name: "proxy",
    steps: ["proxy --port=1 --unix-socket=x", "proxy --port=x", "proxy --address=192.0.2.1 --port=0", "proxy --foo"],
  }),
  story({
    name: "debug",
    objects: [
      {
        ...pod("p", { app: "p" }),
        spec: {
          containers: [{ name: "main", image: "p:1", livenessProbe: { tcpSocket: { port: 80 } } }],
          securityContext: { runAsUser: 1000 },
          // The name of its volume is random.
          automountServiceAccountToken: false,
        },
      },
      configMap("conf"),
      { apiVersion: "v1", kind: "Node", metadata: { name: "debug-1" } },
    ],
    files: {
      "custom.yaml": "env: [{name: A, value: b}]\nsecurityContext: {privileged: true}\n",
      "named.json": '{"name":"x"}',
    },
    steps: [
      "debug",
      "debug p",
      "debug --image=a",
      "debug none --image=a",
      "debug cm/conf --image=a",
      "debug p --image=A:b:c",
      "debug p --image=a --image-pull-policy=x",
      "debug p --image=a --profile=x",
      "debug p --image=a --replace",
      "debug p --image=a --same-node",
      "debug p --image=a --set-image=*=b",
      "debug p --image=a -t",
      "debug p --image=a --env=x",
      "debug p --copy-to=x",
      "debug p --copy-to=x -- ls",
      "debug p --copy-to=x --image=a --target=main",
      "debug p --image=a --custom=none",
      "debug p --image=a --custom=named.json",
      "debug p --attach --copy-to=x --set-image=*=b",
      madeUp("debug p --image=a"),
      warned("debug p --image=a -c d1 --profile=general --env=A=b -- sleep 1"),
      "debug p --image=a -c d2 --profile=restricted --arguments-only -- sleep 1",
      warned("debug p --image=a -c d3 --profile=netadmin --target=main"),
      warned("debug p --image=a -c d4 --profile=sysadmin --custom=custom.yaml"),
      "debug p --image=a -c d5 --profile=baseline --image-pull-policy=Never",
      "debug p --image=a -c d5 --profile=baseline",
      "get pod p -o jsonpath={.spec.ephemeralContainers[1:]}",
      warned("debug p --image=a -c dbg --copy-to=c1 --profile=general"),
      "debug p --copy-to=c2 -c main --profile=restricted --keep-labels --keep-liveness -- sleep 1",
      "debug p --copy-to=c3 --set-image=*=other:2",
      "debug p --copy-to=c4 --image=a -c dbg --share-processes=false --profile=baseline --replace",
      ...["c1", "c2", "c3", "c4"].flatMap((name) => [
        `get pod ${name} -o jsonpath={.spec}`,
        `get pod ${name} -o jsonpath={.metadata.labels}`,
      ]),
      madeUp("debug node/debug-1 --image=a --profile=sysadmin"),
      madeUp("debug node/debug-1 --image=a --profile=general -q"),
      ...["hostPID", "containers[*].securityContext", "volumes[*].hostPath"].map(
        (field) => `get pods -o jsonpath={.items[*].spec.${field}}`,
      ),
    ],
  }),
];
