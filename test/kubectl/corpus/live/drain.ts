import { deployment, pod } from "../../tools/objects.ts";
import { type Step, story } from "../../tools/story.ts";

/** A node of this story's own: nothing else is put on it, for it is cordoned. */
const node = "sim-3";

const on = <T extends { readonly spec: object }>(object: T) => ({
  ...object,
  spec: { ...object.spec, nodeName: node },
});
const pinned = (name: string, replicas: number) => {
  const made = deployment(name, replicas);
  const { template } = made.spec;
  // Ready a while after it runs, so that the budget has something to say.
  const metadata = { ...template.metadata, annotations: { "simulated.navarch/ready-delay-ms": "1500" } };
  const placed = { metadata, spec: { ...template.spec, nodeName: node } };
  return { ...made, spec: { ...made.spec, template: placed } };
};
/** Pods are told of in no particular order, and how often a budget said no is a matter of time. */
const drained = (line: string): Step => ({ line, unordered: true });

/** Evictions by `kubectl drain`, a budget among them. */
export const drainStories = [
  story({
    name: "drain of a node",
    objects: [
      on(pod("bare")),
      pinned("web", 2),
      {
        apiVersion: "policy/v1",
        kind: "PodDisruptionBudget",
        metadata: { name: "web" },
        spec: { minAvailable: 1, selector: { matchLabels: { app: "web" } } },
      },
    ],
    steps: [
      `cordon ${node}`,
      `get node ${node}`,
      { line: "get deploy web", until: /2\/2/ },
      { line: "get pdb web", until: / 1 +AGE/ },
      `drain ${node}`,
      `drain ${node} --dry-run=client --force --ignore-daemonsets`.concat(" --pod-selector=app=web"),
      drained(`drain ${node} --pod-selector=app=web --ignore-daemonsets --timeout=30s`),
      drained(`drain ${node} --pod-selector=!app --force --ignore-daemonsets --grace-period=1`),
      "get pod bare",
      `uncordon ${node}`,
    ],
  }),
];
