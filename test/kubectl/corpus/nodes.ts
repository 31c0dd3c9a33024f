import { pod } from "../tools/objects.ts";
import { ownHelp } from "../tools/own-help.ts";
import { type Step, story } from "../tools/story.ts";

const node = (name: string, labels: Readonly<Record<string, string>> = {}) => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name, labels },
});

const on = (name: string, nodeName: string, more: object = {}) => {
  const made = pod(name);
  return { ...made, spec: { ...made.spec, nodeName, ...more } };
};

const anyOrder = (line: string): Step => ({ line, unordered: true });

/** Commands about nodes. */
export const nodeStories = [
  story({
    name: "cordon and uncordon",
    objects: [node("cordon-1", { zone: "cordon" }), node("cordon-2", { zone: "cordon" })],
    steps: [
      "cordon",
      "cordon cordon-1",
      "cordon cordon-1",
      "cordon node/cordon-1",
      "cordon none",
      "cordon cordon-2 --dry-run=client",
      "cordon cordon-2 --dry-run=server",
      "cordon cordon-1 -l a=b",
      "cordon -l zone=cordon",
      "cordon -l zone=none",
      "uncordon cordon-1 cordon-2",
      "uncordon cordon-1",
      "get nodes cordon-1 -o jsonpath={.spec}",
    ],
  }),
  story({
    name: "taint",
    objects: [node("taint-1", { zone: "taint" }), node("taint-2", { zone: "taint" })],
    steps: [
      "taint",
      "taint nodes",
      "taint nodes taint-1",
      "taint nodes taint-1 x",
      "taint nodes taint-1 a=b:NoSchedule x",
      "taint nodes taint-1 a=b",
      "taint nodes taint-1 a=b:Foo",
      "taint nodes taint-1 a=b:NoSchedule:x",
      "taint nodes taint-1 a=b=c:NoSchedule",
      "taint nodes taint-1 'a=!:NoSchedule'",
      "taint nodes taint-1 a-",
      "taint nodes taint-1 a:NoSchedule- b-",
      "taint nodes taint-1 a=b:NoSchedule",
      "taint nodes taint-1 a=b:NoSchedule",
      "taint nodes taint-1 a=c:NoSchedule --overwrite",
      "taint nodes taint-1 a=c:NoSchedule a=d:NoSchedule",
      "taint nodes taint-1 a=c:NoSchedule a-",
      "taint nodes taint-1 a:NoExecute b=:PreferNoSchedule",
      "taint nodes taint-1 c:NoExecute b-",
      "taint nodes taint-1 a:NoSchedule-",
      "taint nodes taint-1 -o name d=e:NoSchedule",
      "taint nodes taint-1 d-",
      "taint nodes taint-1 d=e:NoSchedule --dry-run=client",
      "taint nodes taint-1 d=e:NoSchedule --dry-run=server",
      "get node taint-1 -o jsonpath={.spec.taints}",
      "taint nodes -l zone=taint z=y:NoSchedule",
      "taint nodes -l zone=none z=y:NoSchedule",
      "taint nodes --all -l zone=taint z=y:NoSchedule",
      "taint nodes none z=y:NoSchedule",
      "taint pods x a=b:NoSchedule",
      "taint nothing a=b:NoSchedule",
    ],
  }),
  story({
    name: "drain",
    objects: [
      node("drain-1"),
      node("drain-2"),
      node("drain-3"),
      on("alone", "drain-2"),
      on("disk", "drain-2", { volumes: [{ name: "v", emptyDir: {} }] }),
      on("other", "drain-3"),
    ],
    steps: [
      "drain",
      "drain none",
      "drain drain-1",
      "drain drain-1 --dry-run=client",
      anyOrder("drain drain-2 --delete-emptydir-data"),
      anyOrder("drain drain-2 --force"),
      anyOrder("drain drain-2 --force --delete-emptydir-data --dry-run=client"),
      anyOrder("drain drain-2 --force --delete-emptydir-data --dry-run=server"),
      anyOrder("drain drain-2 --force --delete-emptydir-data --grace-period=0"),
      "drain drain-3 --force --disable-eviction --grace-period=0",
      "drain drain-3 --pod-selector=a=b",
      "get pods",
      "drain drain-1 --timeout=x",
    ],
  }),
  story({
    name: "certificate and cluster-info",
    steps: [
      { line: "certificate", differs: ownHelp },
      "certificate approve",
      "certificate approve none",
      "certificate deny none",
      "cluster-info",
      "cluster-info x",
      { line: "top", differs: ownHelp },
      "top node a b",
      "top pod x -l a=b",
      "top pod --sort-by=x",
    ],
  }),
];
