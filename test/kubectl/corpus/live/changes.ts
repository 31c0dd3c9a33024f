import { configMap, deployment, pod } from "../../tools/objects.ts";
import { story } from "../../tools/story.ts";
import { deletedFrom } from "../../tools/versions.ts";

const held = (name: string) => {
  const { metadata, ...rest } = configMap(name);
  return { ...rest, metadata: { ...metadata, finalizers: ["example.com/hold"] } };
};
/** Takes its time to stop, so that what is told meanwhile is all that is told. */
const slow = (name: string, labels?: Readonly<Record<string, string>>) => {
  const { metadata, ...rest } = pod(name, labels);
  return { ...rest, metadata: { ...metadata, annotations: { "simulated.navarch/stop-delay-ms": "4000" } } };
};
const letGo = (name: string) => `patch cm ${name} --type=merge -p '{"metadata":{"finalizers":null}}'`;

/** Changes that something in the cluster answers to. */
export const liveChangeStories = [
  story({
    name: "scale of what runs",
    objects: [deployment("web", 2), deployment("db", 1)],
    steps: [
      { line: "get deploy web", until: /2\/2/ },
      "scale deploy web --replicas=3 --current-replicas=9",
      "scale deploy web --replicas=3 --current-replicas=2",
      "scale deploy web --replicas=1 --current-replicas=3 --timeout=20s",
      { line: "get deploy web", until: /1\/1/ },
      "scale deploy web db --replicas=2 --timeout=20s",
      "scale deploy --all --replicas=0",
      "wait deploy --all --for=jsonpath={.status.replicas}=0 --timeout=1ms",
      { line: "get rs -o jsonpath={.items[*].status.replicas}", until: /^0 0$/ },
      "autoscale deploy web --min=2 --max=5",
      { line: "get hpa web", until: /Deployment\/web/ },
      "expose deploy web --port=80 --target-port=8080",
      "scale deploy web --replicas=1",
      { line: "get endpointslices -l kubernetes.io/service-name=web -o jsonpath={.items[*].ports}", until: /8080/ },
      "get svc web -o jsonpath={.spec.ports}{.spec.selector}",
    ],
  }),
  story({
    name: "wait for what happens",
    objects: [deployment("web", 2), slow("p"), slow("q")],
    steps: [
      "wait deploy/web --for=condition=Available --timeout=20s",
      "wait deploy/web --for=jsonpath={.status.readyReplicas}=2 --timeout=20s",
      "wait pods --all --for=condition=Ready --timeout=20s -o jsonpath={.kind}",
      "wait pod/p --for=create",
      { line: "delete pod p --wait=false", differs: deletedFrom("").differs },
      "wait pod/p --for=delete --timeout=20s",
      { line: "delete pod q --wait=false", differs: deletedFrom("").differs },
      "wait pod/q --for=delete --timeout=500ms",
      "wait pod/q --for=jsonpath={.metadata.deletionTimestamp}",
    ],
  }),
  story({
    name: "delete of what holds on",
    objects: [held("a"), held("b"), slow("p"), slow("q"), slow("r"), deployment("web", 1), deployment("db", 1)],
    steps: [
      deletedFrom("delete cm a --timeout=300ms"),
      deletedFrom("delete cm a --wait=false"),
      "get cm a -o jsonpath={.metadata.finalizers}",
      letGo("a"),
      "get cm a",
      deletedFrom("delete cm b --wait=false"),
      letGo("b"),
      "wait cm/b --for=delete --timeout=20s",
      { line: "get pods p q r", until: /(?:1\/1.*){3}/s },
      deletedFrom("delete pod p --grace-period=1"),
      deletedFrom("delete pod q --now"),
      deletedFrom("delete pod r --force"),
      "get pods p q r --ignore-not-found",
      { line: "get deploy", until: /1\/1.*1\/1/s },
      deletedFrom("delete deploy web --cascade=orphan"),
      "get rs -l app=web -o jsonpath={.items[*].metadata.ownerReferences}",
      deletedFrom("delete rs -l app=web --cascade=foreground"),
      { line: "get pods -l app=web -o name", until: /^$/ },
      deletedFrom("delete deploy db"),
      { line: "get rs,pods -l app=db -o name", until: /^$/ },
    ],
  }),
  story({
    name: "get goes on watching",
    objects: [configMap("a", { app: "w" }), slow("p", { app: "w" })],
    steps: [
      { line: "get pod p", until: /Running/ },
      { line: "get cm -l app=w -w", stopAt: /a .*\n.*a .*\n/s, meanwhile: "label cm a x=1" },
      { line: "get cm a -w", stopAt: /a .*\n.*a .*\n/s, meanwhile: "label cm a x=2 --overwrite" },
      { line: "get cm a -w -o name", stopAt: /a\n.*a\n/s, meanwhile: "label cm a x=3 --overwrite" },
      {
        line: "get cm a -w -o jsonpath={.metadata.labels.x}.",
        stopAt: /3.4./,
        meanwhile: "label cm a x=4 --overwrite",
      },
      {
        line: "get cm -l app=w -w --output-watch-events",
        stopAt: /MODIFIED.*\n/,
        meanwhile: "label cm a x=5 --overwrite",
      },
      {
        line: "get cm a -w -o json --output-watch-events",
        stopAt: /MODIFIED.*\n/,
        meanwhile: "label cm a x=6 --overwrite",
      },
      { line: "get pods -l app=w -w --no-headers", stopAt: /Terminating/, meanwhile: "delete pod p --wait=false" },
      {
        line: "get cm -l app=w --output-watch-events -w -o name",
        stopAt: /a\n.*a\n/,
        meanwhile: "delete cm a",
      },
    ],
  }),
];
