import { deletedFrom } from "../../tools/versions.ts";
import { manifests, runner, web, webService } from "./objects.ts";

const overlay = {
  "over/kustomization.yaml": `
resources: [../base]
nameSuffix: -over
labels: [{pairs: {by: kustomize}}]
configMapGenerator:
- {name: settings, literals: [mode=fast]}`,
  "base/kustomization.yaml": "resources: [all.yaml]\n",
  "base/all.yaml": manifests(webService.replace("spec:", "spec:\n  clusterIP: None"), runner),
  "single/kustomization.yaml": "resources: [web.yaml]\nnameSuffix: -one\n",
  "single/web.yaml": web,
  "broken/kustomization.yaml": "resources: [nope.yaml]\n",
};

/** Every command that takes -k, and what it says when -k is misused. */
export const commandFiles = overlay;

export const commandLines = [
  "kustomize over -o out.yaml",
  "apply -f out.yaml --dry-run=server",
  "kustomize base over",
  "kustomize nowhere",
  "kustomize base/all.yaml",
  "kustomize base --load-restrictor=x",
  "kustomize base -x",
  "diff -k nowhere",
  "apply -k over --dry-run=client",
  "apply -k over",
  "apply -k over -o name",
  "apply -k over --server-side",
  "diff -k over",
  "create -k over",
  "create -k base -o name",
  "get -k over -o name",
  "get -k over --no-headers",
  "describe -k base",
  "label -k base a=b",
  "annotate -k base a=b",
  'patch -k base -p \'{"metadata":{"labels":{"c":"d"}}}\'',
  "create -k single",
  "set subject -k single --user=x",
  "replace -k base",
  "apply view-last-applied -k over",
  "auth reconcile -k base",
  "rollout status -k single --watch=false",
  "rollout pause -k single",
  "rollout history -k single",
  "rollout pause -k nowhere",
  "edit -k nowhere",
  "apply edit-last-applied -k nowhere",
  "certificate approve -k nowhere",
  "scale -k single --replicas=1",
  "autoscale -k single --max=2",
  "expose -k single --port=80 --name=shown",
  "set image -k single web=nginx:2",
  "wait -k base --for=delete",
  "set selector -k base a=b",
  "apply set-last-applied -k base",
  deletedFrom("delete -k over"),
  "delete -k over --ignore-not-found",
  deletedFrom("delete -k base --dry-run=client"),
  ...["get", "apply", "create", "delete", "describe", "diff", "replace"].flatMap((command) => [
    `${command} -k base -f base`,
    `${command} -k base -R`,
    `${command} -k nowhere`,
    `${command} -k broken`,
    `${command} -k base svc web`,
  ]),
  "create --raw /api/v1/namespaces -k base",
  "apply -k base/all.yaml",
  "apply -k https://example.com/x",
];
