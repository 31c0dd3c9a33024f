import { configMap } from "../tools/objects.ts";
import { story } from "../tools/story.ts";

const cm = (name: string, more = "") =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}${more}}\ndata: {x: '1'}\n`;
const several = (...documents: readonly string[]) => documents.join("---\n");
const role =
  "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: apply-sets-role}\nrules: []\n";
const crd = (labels: string) => `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: crates.sets.example.com, labels: {${labels}}}
spec:
  group: sets.example.com
  scope: Cluster
  names: {plural: crates, singular: crate, kind: Crate}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
`;
const crateId = "applyset--XN0ZrFuWH1Gw4JnLbbo-Xfkp_h20M391iaySlElqvc-v1";
const prefix = "applyset.kubernetes.io";
const env = { KUBECTL_APPLYSET: "true" };
/** The parent tells the version of the program that wrote it. */
const parent = (line: string) => ({ line, without: /kubectl\/v[\d.]+/g });

/** `kubectl apply --applyset` */
export const applySetStories = [
  story({
    name: "apply sets are asked for",
    files: { "a.yaml": cm("a") },
    steps: ["apply -f a.yaml --prune --applyset=x", "__complete apply --appl"],
  }),
  story({
    name: "apply sets",
    env,
    files: {
      "all.yaml": several(cm("a"), cm("b"), role),
      "one.yaml": cm("a"),
      "secret.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n",
      "own.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n",
      "bad.yaml": cm("Bad"),
    },
    steps: [
      "apply -f all.yaml --prune --applyset=x -n apply-sets --dry-run=client",
      "apply -f all.yaml --prune --applyset=x -n apply-sets --dry-run=server",
      "get secret x",
      "apply -f all.yaml --prune --applyset=x -n apply-sets",
      parent("get secret x -o yaml"),
      "get cm a -o yaml",
      "get clusterrole apply-sets-role -o yaml",
      "apply -f all.yaml --prune --applyset=x -n apply-sets",
      "create cm apart",
      { line: "apply -f one.yaml --prune --applyset=x -n apply-sets --dry-run=client", unordered: true },
      { line: "apply -f one.yaml --prune --applyset=x -n apply-sets --dry-run=server", unordered: true },
      // Nothing is pruned when something was not applied, and the parent goes on to tell of all.
      "apply -f one.yaml -f bad.yaml --prune --applyset=x -n apply-sets",
      parent("get secret x -o yaml"),
      { line: "apply -f one.yaml --prune --applyset=x -n apply-sets", unordered: true },
      parent("get secret x -o yaml"),
      "get cm -o name",
      "apply -f secret.yaml --prune --applyset=x -n apply-sets -o name",
      "apply -f one.yaml --prune --applyset=secrets/x -n apply-sets -o yaml",
      // A parent that is its own member is pruned, and made anew.
      "apply -f own.yaml -f one.yaml --prune --applyset=x -n apply-sets",
      "apply -f one.yaml --prune --applyset=x -n apply-sets",
      parent("get secret x -o yaml"),
      "get cm,secret -o name",
    ],
  }),
  story({
    name: "apply sets on the server's side",
    env,
    files: { "two.yaml": several(cm("a"), cm("b")), "one.yaml": cm("a") },
    steps: [
      "apply -f two.yaml --prune --applyset=configmap/x -n apply-sets-on-the-server-s-side --server-side",
      parent("get cm x -o yaml --show-managed-fields"),
      "get cm a -o yaml --show-managed-fields",
      "apply -f one.yaml --prune --applyset=cm/x -n apply-sets-on-the-server-s-side --server-side --dry-run=server",
      "apply -f one.yaml --prune --applyset=cm/x -n apply-sets-on-the-server-s-side --server-side --cascade=foreground",
      "get cm -o name",
      "apply -f one.yaml --prune --applyset=cm/x -n apply-sets-on-the-server-s-side",
    ],
  }),
  story({
    name: "apply sets of custom resources",
    env,
    objects: [{ apiVersion: "v1", kind: "Namespace", metadata: { name: "apply-sets-elsewhere" } }],
    files: {
      "crd.yaml": crd(`${prefix}/is-parent-type: "true"`),
      "plain-crd.yaml": crd(""),
      "crate.yaml": "apiVersion: sets.example.com/v1\nkind: Crate\nmetadata: {name: my}\n",
      "two.yaml": several(cm("a"), cm("b", ", namespace: apply-sets-elsewhere")),
      "one.yaml": cm("a"),
    },
    steps: [
      "apply -f plain-crd.yaml",
      { line: "get crates", until: /No resources/ },
      "apply -f two.yaml --prune --applyset=crates.sets.example.com/my",
      "apply -f crd.yaml",
      "apply -f two.yaml --prune --applyset=crates.sets.example.com/my",
      "create -f crate.yaml",
      "apply -f two.yaml --prune --applyset=crates.sets.example.com/my",
      `annotate crate my ${prefix}/tooling=helm/v3`,
      "apply -f two.yaml --prune --applyset=crates.sets.example.com/my",
      `annotate --overwrite crate my ${prefix}/tooling=kubectl/v1.27`,
      "apply -f two.yaml --prune --applyset=crates.sets.example.com/my",
      `label crate my ${prefix}/id=other`,
      "apply -f two.yaml --prune --applyset=crates.sets.example.com/my",
      `label --overwrite crate my ${prefix}/id=${crateId}`,
      "apply -f two.yaml --prune --applyset=crates.sets.example.com/my",
      `annotate crate my ${prefix}/contains-group-kinds=Foo.bar`,
      "apply -f two.yaml --prune --applyset=crates.sets.example.com/my",
      `annotate --overwrite crate my ${prefix}/contains-group-kinds=Foo`,
      "apply -f two.yaml --prune --applyset=crates.sets.example.com/my",
      `annotate crate my ${prefix}/contains-group-kinds- ${prefix}/contains-group-resources=foos.bar`,
      "apply -f two.yaml --prune --applyset=crates.sets.example.com/my",
      `annotate crate my --overwrite ${prefix}/contains-group-resources=configmaps,secrets`,
      "apply -f two.yaml --prune --applyset=crates.sets.example.com/my",
      parent("get crate my -o yaml"),
      "apply -f one.yaml --prune --applyset=crate.sets/my",
      parent("get crate my -o yaml"),
      "get cm -o name",
      "get cm -n apply-sets-elsewhere -o name",
      // Fields that somebody else wrote to the parent are taken back.
      `annotate --overwrite crate my ${prefix}/contains-group-kinds=ConfigMap,Secret`,
      "apply -f one.yaml --prune --applyset=crates.sets.example.com/my",
      "delete crd crates.sets.example.com -o name",
    ],
  }),
  story({
    name: "apply sets refuse",
    env,
    objects: [configMap("taken")],
    files: {
      "a.yaml": cm("a"),
      "member.yaml": cm("a", `, labels: {${prefix}/part-of: other}`),
      "elsewhere.yaml": cm("a", ", namespace: default"),
      "broken.yaml": "a: b: c",
    },
    steps: [
      "apply -f a.yaml --applyset=x",
      "apply -f a.yaml --prune --applyset=",
      "apply -f a.yaml --prune --applyset",
      "apply -f a.yaml --prune --applyset=x",
      "apply -f a.yaml --prune --applyset=/",
      "apply -f a.yaml --prune --applyset=/x",
      "apply -f a.yaml --prune --applyset=secrets/",
      "apply -f a.yaml --prune --applyset=foos/x",
      "apply -f a.yaml --prune --applyset=foos.bar/x",
      "apply -f a.yaml --prune --applyset=secrets.v1/x",
      "apply -f a.yaml --prune --applyset=a/b/c",
      "apply -f a.yaml --prune --applyset=cm/b/c -n apply-sets-refuse",
      "apply -f a.yaml --prune --applyset=.. -n apply-sets-refuse",
      "apply -f a.yaml --prune --applyset=deploy.apps/x",
      "apply -f a.yaml --prune --applyset=nodes/x",
      "apply -f a.yaml --prune --applyset=x -n apply-sets-refuse --all",
      "apply -f a.yaml --prune --applyset=x -n apply-sets-refuse -l a=b",
      "apply -f a.yaml --prune --applyset=x -n apply-sets-refuse --prune-allowlist=core/v1/ConfigMap",
      "apply -f a.yaml --prune --applyset=x -n apply-sets-refuse --prune-allowlist=core/v1/Foo",
      "apply -f a.yaml --prune --applyset=x -n apply-sets-refuse --prune-allowlist=Foo",
      "apply -f a.yaml --prune --applyset=x -n apply-sets-refuse --force",
      "apply -f a.yaml --prune --applyset=x -n apply-sets-refuse --cascade=whatever",
      "apply -f a.yaml --prune --applyset=x -n nowhere-at-all",
      "apply -f a.yaml --prune --applyset=Not_a_name -n apply-sets-refuse",
      "apply -f a.yaml --prune --applyset=cm/taken -n apply-sets-refuse",
      "apply -f elsewhere.yaml --prune --applyset=x -n apply-sets-refuse",
      "apply -f member.yaml --prune --applyset=x -n apply-sets-refuse",
      "apply -f broken.yaml --prune --applyset=y -n apply-sets-refuse",
      "apply -f nope.yaml --prune --applyset=z -n apply-sets-refuse",
      "get cm -o name",
    ],
  }),
  story({
    name: "apply refuses to prune",
    files: { "a.yaml": cm("a") },
    steps: [
      "apply -f a.yaml --prune -l a=b --server-side",
      "apply -f a.yaml --prune -l a=b --force",
      "apply -f a.yaml --all -l a=b",
      "apply -f a.yaml --prune -l a=b --prune-allowlist=core/v1/Foo",
      "apply -f a.yaml --prune -l a=b --prune-allowlist=apps/v7/Deployment",
      "apply -f a.yaml --cascade=whatever",
      "apply -f a.yaml --cascade=false --dry-run=client",
      "apply --cascade=whatever",
      "replace -f a.yaml --cascade=whatever",
      "replace -f a.yaml --cascade=true",
    ],
  }),
];
