import { ownHelp } from "../tools/own-help.ts";
import { story } from "../tools/story.ts";

const roles = (verb: string, user: string, name = "rec") => `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: ${name}, namespace: auth-reconcile}
rules:
- {apiGroups: ["", apps], resources: [pods, deployments], verbs: [${verb}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: ${name}, namespace: auth-reconcile}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: ${name}}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: ${user}}
- {kind: ServiceAccount, name: default, namespace: x}
`;

type Printed = { readonly code: number; readonly stdout: string; readonly stderr: string };

const noCreation = {
  why: "1.35 leaves out a time of creation that is not there",
  instead: (reference: Printed) => ({
    ...reference,
    stdout: reference.stdout.replace('"metadata": {\n        "creationTimestamp": null\n    }', '"metadata": {}'),
  }),
};

/** `kubectl auth`, `kubectl certificate` */
export const authStories = [
  story({
    name: "auth can-i and whoami",
    steps: [
      { line: "auth", differs: ownHelp },
      "auth can-i",
      "auth can-i get",
      "auth can-i get pods",
      "auth can-i get pods x y",
      "auth can-i get pod/web --as alice",
      "auth can-i get pods --as alice -q",
      "auth can-i get pods web --as alice",
      "auth can-i get foo",
      "auth can-i get foo.example.com --as alice",
      "auth can-i foo pods",
      "auth can-i get nodes",
      "auth can-i get nodes -A",
      "auth can-i list clusterroles.rbac.authorization.k8s.io",
      "auth can-i get deployments.apps/x -A",
      "auth can-i get pods --subresource=log",
      "auth can-i get pods/log --as alice",
      "auth can-i '*' '*'",
      "auth can-i get /healthz --as alice",
      "auth can-i post /healthz --as alice",
      "auth can-i make /healthz",
      "auth can-i get /healthz --subresource=x",
      "auth can-i --list",
      "auth can-i --list --as alice",
      "auth can-i --list --as alice --no-headers",
      "auth can-i --list --as system:kube-scheduler",
      "auth can-i --list get",
      "auth whoami",
      "auth whoami --as alice --as-group g1 --as-group g2 --as-uid 7",
      { line: "auth whoami --as alice -o json", differs: noCreation },
      "auth whoami -o name",
      "auth whoami -o jsonpath={.status.userInfo.username}",
    ],
  }),
  story({
    name: "auth reconcile",
    files: {
      "a.yaml": roles("get", "a"),
      "b.yaml": roles("list", "b"),
      "c.yaml": roles("list", "b").replace("kind: Role, name: rec", "kind: Role, name: other"),
      "kept.yaml": roles("get", "a", "kept").replaceAll(
        "metadata: {name: kept, namespace: auth-reconcile}",
        "metadata: {name: kept, namespace: auth-reconcile, annotations: {rbac.authorization.kubernetes.io/autoupdate: 'false'}}",
      ),
      "kept2.yaml": roles("list", "b", "kept"),
      "config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n",
    },
    steps: [
      "auth reconcile",
      "auth reconcile -f a.yaml --dry-run=client",
      "auth reconcile -f a.yaml",
      "auth reconcile -f a.yaml",
      "auth reconcile -f b.yaml --dry-run=client",
      "auth reconcile -f b.yaml --dry-run=server",
      "auth reconcile -f b.yaml",
      "get role rec -o jsonpath={.rules}",
      "auth reconcile -f b.yaml --remove-extra-permissions --remove-extra-subjects",
      "get role rec -o jsonpath={.rules}",
      "get rolebinding rec -o jsonpath={.subjects}",
      "auth reconcile -f c.yaml -o name",
      "auth reconcile -f kept.yaml",
      "auth reconcile -f kept2.yaml",
      "auth reconcile -f config.yaml",
      "auth reconcile -f none.yaml",
    ],
  }),
];
