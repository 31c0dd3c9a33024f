import { type Step, story } from "../../tools/story.ts";

/** How many looks a rollout takes is the cluster's; how it ends is the same. */
const settled = (line: string): Step => ({ line, without: /^waiting .*\n/gim });

const template = (app: string, annotations: object = {}) => ({
  metadata: { labels: { app }, annotations },
  spec: { containers: [{ name: "main", image: `${app}:1`, ports: [{ containerPort: 80 }] }] },
});
const workload = (kind: string, app: string, spec: object, annotations: object = {}) => ({
  apiVersion: "apps/v1",
  kind,
  metadata: { name: app },
  spec: { selector: { matchLabels: { app } }, template: template(app, annotations), ...spec },
});
const stuck = { "simulated.navarch/ready-delay-ms": "never" };

/** What `kubectl rollout` tells of revisions that controllers made. */
export const rolloutStories = [
  story({
    name: "rollouts of a deployment",
    steps: [
      "create deployment web --image=web:1 --replicas=2",
      settled("rollout status deploy/web"),
      "annotate deploy web kubernetes.io/change-cause=first",
      "set image deploy/web web=web:2",
      settled("rollout status deploy/web"),
      "set env deploy/web A=1 B=two",
      "annotate deploy web kubernetes.io/change-cause=second --overwrite",
      settled("rollout status deploy/web"),
      "rollout status deploy/web --watch=false",
      { line: "rollout history deploy/web", until: /3 +second/ },
      "rollout history deploy/web --revision=1",
      "rollout history deploy/web --revision=3",
      "rollout history deploy/web --revision=9",
      "rollout history deploy/web --revision=2 -o jsonpath={.spec.template.spec.containers[0].image}",
      "rollout history deploy",
      "rollout undo deploy/web --dry-run=client",
      "rollout undo deploy/web --dry-run=server",
      "rollout undo deploy/web --to-revision=9",
      "rollout undo deploy/web",
      settled("rollout status deploy/web"),
      "get deploy web -o jsonpath={.spec.template.spec.containers}",
      { line: "rollout history deploy/web", until: /^4 /m },
      "rollout undo deploy/web --to-revision=1 -o name",
      settled("rollout status deploy/web"),
      "rollout undo deploy/web --to-revision=5",
      "rollout pause deploy/web",
      "set image deploy/web web=web:6",
      "rollout undo deploy/web",
      "rollout restart deploy/web",
      "rollout resume deploy/web",
      settled("rollout status deploy/web"),
      "rollout restart deploy/web",
      settled("rollout status deploy/web --timeout=20s"),
      // A second restart within a second is refused.
      { line: "rollout restart deployment -l app=web", until: /restarted/ },
      settled("rollout status deployment -l app=web"),
      {
        line: "get rs -o custom-columns=R:.metadata.annotations.deployment\\.kubernetes\\.io/revision,N:.spec.replicas",
        unordered: true,
      },
      { line: "get deploy", until: /2\/2/ },
      {
        line: "get pods -l app=web --no-headers",
        until: /^(?!.*(?:Terminating|0\/1))(?:.*Running.*\n?){2}/s,
        // The time of the restart is part of what names are made of.
        without: /^web-\S+ +/gm,
      },
    ],
  }),
  story({
    name: "rollouts that get nowhere",
    objects: [workload("Deployment", "slow", { replicas: 2, progressDeadlineSeconds: 2 }, stuck)],
    steps: [
      { line: "get deploy slow -o jsonpath={.status.updatedReplicas}", until: /2/ },
      settled("rollout status deploy/slow"),
      "rollout status deploy/slow --watch=false",
      "wait deploy/slow --for=condition=Available --timeout=300ms",
      "wait deploy/slow --for=condition=Available=false",
      { line: "get deploy slow", until: /0\/2/ },
    ],
  }),
  story({
    name: "rollouts of a stateful set",
    objects: [
      workload("StatefulSet", "db", { replicas: 2, serviceName: "db" }),
      workload("StatefulSet", "part", {
        replicas: 2,
        serviceName: "part",
        updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 1 } },
      }),
      workload("StatefulSet", "byhand", { replicas: 1, serviceName: "byhand", updateStrategy: { type: "OnDelete" } }),
    ],
    steps: [
      settled("rollout status sts/db"),
      "set image sts/db main=db:2",
      settled("rollout status sts/db"),
      { line: "rollout history sts/db", until: /^2 /m },
      "rollout history sts/db --revision=1",
      "rollout history sts/db --revision=7",
      "rollout undo sts/db --dry-run=client",
      "rollout undo sts/db",
      settled("rollout status sts/db"),
      "rollout undo sts/db --to-revision=2",
      settled("rollout status sts/db"),
      "rollout undo sts/db --to-revision=8",
      "rollout restart sts/db",
      settled("rollout status sts/db"),
      "rollout pause sts/db",
      settled("rollout status sts/part"),
      "set image sts/part main=part:2",
      settled("rollout status sts/part"),
      "rollout status sts/byhand",
      { line: "get sts db part", until: /db +2\/2.*part +2\/2/s },
      { line: "get pods -l app=db", until: /db-0 +1\/1.*db-1 +1\/1/s },
    ],
  }),
  story({
    name: "rollouts of a daemon set",
    objects: [workload("DaemonSet", "agent", {})],
    steps: [
      settled("rollout status ds/agent"),
      "set image ds/agent main=agent:2",
      settled("rollout status ds/agent"),
      { line: "rollout history ds/agent", until: /^2 /m },
      "rollout history ds/agent --revision=2",
      "rollout undo ds/agent --dry-run=client",
      "rollout undo ds/agent",
      settled("rollout status ds/agent"),
      "rollout undo ds/agent",
      settled("rollout status ds/agent"),
      "rollout undo ds/agent --to-revision=9",
      "rollout restart ds/agent",
      settled("rollout status ds/agent"),
      "rollout history ds/agent",
      { line: "get ds agent", until: /agent +3 +3 +3 +3 +3/ },
    ],
  }),
];
