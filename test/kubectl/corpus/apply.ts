import { configMap, deployment } from "../tools/objects.ts";
import { story } from "../tools/story.ts";

const web = (image: string, more = "") => `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: main
        image: ${image}
        ports: [{containerPort: 80}]
        env: [{name: A, value: "1"}, {name: B, value: "2"}]
${more}`;
const cm = (data: string, labels = "{}") =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: ${labels}}\ndata: ${data}\n`;

/** `kubectl apply` */
export const applyStories = [
  story({
    name: "apply on the client's side",
    objects: [configMap("plain"), deployment("other")],
    files: {
      "a1.yaml": cm("{x: '1', y: '2'}", "{app: web}"),
      "a2.yaml": cm("{x: '2'}", "{tier: db}"),
      "bad.yaml": cm("{x: 1}"),
      "web1.yaml": web("web:1"),
      "web2.yaml": web("web:2", "      - name: side\n        image: side:1\n"),
      "web3.yaml": web("web:3").replace('{name: A, value: "1"}, ', ""),
      "plain.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\ndata: {x: '1', z: '1'}\n",
      "gen.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: gen-}\n",
      "two.yaml": `${cm("{x: '3'}")}---\n${cm("{x: '3'}").replace("name: a", "name: a2")}`,
      "recreate.yaml": web("web:1").replace("  replicas: 0\n", "  replicas: 0\n  strategy: {type: Recreate}\n"),
      "whole.yaml": `${cm("{x: '1'}").replace("name: a", "name: whole")}immutable: false\n`,
      "bare.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: whole}\n",
      "empty.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: whole, labels: {}}\ndata: {}\n",
      "no-rules.yaml": "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: none}\nrules: []\n",
      "selector.yaml": web("web:1").replaceAll("{app: web}", "{app: other}"),
    },
    steps: [
      "apply",
      "apply foo",
      "apply -f nope",
      "apply -f a1.yaml --dry-run=client",
      "apply -f a1.yaml --dry-run=server",
      "apply -f a1.yaml",
      "apply -f a1.yaml",
      "get cm a -o yaml",
      "apply -f a1.yaml --dry-run=client",
      "apply -f a1.yaml --dry-run=server",
      "apply -f a2.yaml",
      "get cm a -o yaml",
      "apply -f a2.yaml -o name",
      "apply -f a2.yaml -o json",
      "apply -f bad.yaml",
      "apply -f bad.yaml --validate=false",
      "apply -f two.yaml",
      "apply -f two.yaml -o yaml",
      "apply -f plain.yaml",
      "apply -f plain.yaml",
      "apply -f gen.yaml",
      "apply -f web1.yaml",
      "apply -f web1.yaml",
      "scale deploy web --replicas=2",
      "label deploy web own=label",
      "apply -f web2.yaml",
      "get deploy web -o yaml",
      "apply -f web3.yaml",
      "apply -f recreate.yaml",
      "get deploy web -o jsonpath={.spec.strategy}",
      "apply -f selector.yaml",
      // Nothing but fields that go, and fields that are there and empty.
      "apply -f whole.yaml",
      "apply -f bare.yaml",
      "get cm whole -o yaml",
      "apply -f bare.yaml",
      "apply -f empty.yaml",
      "apply -f no-rules.yaml",
      "apply -f no-rules.yaml",
      "apply -f a1.yaml --force-conflicts",
      "apply -f a1.yaml --prune",
      "apply view-last-applied cm a",
      "apply view-last-applied cm a -o json",
      "apply view-last-applied cm a -o name",
      "apply view-last-applied cm other",
      "apply view-last-applied deploy other",
      "apply view-last-applied cm",
      "apply set-last-applied -f a1.yaml",
      "apply set-last-applied -f a1.yaml",
      "apply set-last-applied -f a2.yaml --dry-run=client",
      "delete cm plain -o name",
      "apply set-last-applied -f plain.yaml",
    ],
  }),
  story({
    name: "apply on the server's side",
    files: {
      "a1.yaml": cm("{x: '1'}"),
      "a2.yaml": cm("{x: '2'}"),
      "web1.yaml": web("web:1"),
      "web2.yaml": web("web:2"),
    },
    steps: [
      "apply -f a1.yaml --server-side",
      "apply -f a1.yaml --server-side",
      "apply -f a2.yaml --server-side --field-manager=other",
      "apply -f a2.yaml --server-side --field-manager=other --force-conflicts",
      "apply -f a1.yaml --server-side --dry-run=client",
      "apply -f a2.yaml --server-side --dry-run=server",
      "apply -f web1.yaml --server-side",
      "apply -f web2.yaml --server-side -o name",
      "get cm a -o yaml --show-managed-fields",
    ],
  }),
  story({
    name: "apply moves from the client's side to the server's",
    files: { "a1.yaml": cm("{x: '1', z: '2'}", "{app: web}"), "a2.yaml": cm("{x: '2'}") },
    steps: [
      "apply -f a1.yaml",
      "apply -f a2.yaml --server-side --dry-run=server",
      "apply -f a2.yaml --server-side",
      "apply -f a2.yaml --server-side --force-conflicts",
      // Who wrote in which second decides the order of owners.
      { line: "get cm a -o yaml --show-managed-fields", unordered: true },
      "apply -f a1.yaml --server-side",
      "get cm a -o jsonpath={.data}{.metadata.labels}",
      "apply -f a1.yaml --server-side --field-manager=other --force-conflicts",
      { line: "get cm a -o yaml --show-managed-fields", unordered: true },
    ],
  }),
  story({
    name: "apply prunes",
    files: {
      "all/a.yaml": cm("{x: '1'}", "{app: p}"),
      "all/b.yaml": cm("{x: '1'}", "{app: p}").replace("name: a", "name: b"),
      "one.yaml": cm("{x: '1'}", "{app: p}"),
    },
    steps: [
      "apply -f all",
      "apply -f one.yaml --prune -l app=p --dry-run=client",
      "apply -f one.yaml --prune -l app=p --dry-run=server",
      "apply -f one.yaml --prune -l app=p --prune-allowlist=core/v1/Secret",
      "apply -f one.yaml --prune -l app=p --prune-allowlist=x",
      "apply -f one.yaml --prune -l app=p",
      "apply -f one.yaml --prune -l app=q",
      "get cm -o name",
    ],
  }),
];
