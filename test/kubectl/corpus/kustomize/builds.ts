import { config, generatedData, manifests, runner, web, webService } from "./objects.ts";

/** Kustomizations that gather, generate and mark. */
export const buildFiles = {
  "plain/kustomization.yaml": "resources: [all.yaml]\n",
  "plain/all.yaml": manifests(web, webService, runner, config),
  "generated/kustomization.yaml": `resources: [all.yaml]${generatedData}`,
  "generated/all.yaml": manifests(web, runner),
  "files/kustomization.yaml": `
configMapGenerator:
- name: files
  files: [a.txt, renamed=a.txt]
  envs: [settings.env]
- name: env
  env: settings.env
- {name: empty}
secretGenerator:
- name: tls
  type: kubernetes.io/tls
  namespace: other
  files: [tls.crt=a.txt, tls.key=long.txt]`,
  "files/a.txt": "line one\nline two  \n",
  "files/long.txt": "0123456789".repeat(20),
  "files/settings.env": '# words\nA=1\n  B=two words \n\nC\nD="q"\nE==x\n',
  "options/kustomization.yaml": `
generatorOptions:
  disableNameSuffixHash: true
  labels: {made: "yes"}
  annotations: {note: generated}
configMapGenerator:
- {name: one, literals: [a=b]}
- name: two
  literals: ["a10=ten", "a9=nine", "html=<a&b>"]
  options: {labels: {made: "no", more: x}, immutable: true}`,
  "hash/kustomization.yaml": `
configMapGenerator:
- name: two
  literals: ["a10=ten", "a9=nine", "html=<a&b>", "u=ü€"]
  options: {immutable: true}
secretGenerator:
- {name: typed, type: x/y, literals: [a=b]}`,
  "labelled/kustomization.yaml": `
resources: [all.yaml]
labels:
- pairs: {plain: label}
- pairs: {deep: label}
  includeSelectors: true
- pairs: {mid: label}
  includeTemplates: true
- pairs: {own: label}
  fields:
  - {path: spec/own/labels, create: true, kind: ServiceAccount}
commonAnnotations: {note: "1", "a.b/c": d}`,
  "labelled/all.yaml": manifests(web, webService, runner),
  "selectors/kustomization.yaml": "resources: [all.yaml]\ncommonLabels: {team: blue, tier: '2'}\n",
  "selectors/all.yaml": manifests(
    web,
    webService,
    `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  selector: {matchLabels: {app: db}}
  template:
    spec:
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
          - labelSelector: {matchLabels: {app: db}}
            topologyKey: zone
      topologySpreadConstraints:
      - labelSelector: {matchLabels: {app: db}}
  volumeClaimTemplates:
  - metadata: {name: data}`,
    `
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a}]}}}}}`,
    `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: walls}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{from: [{podSelector: {matchLabels: {app: db}}}, {namespaceSelector: {}}]}]`,
    `
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: few}
spec: {selector: {matchLabels: {app: web}}}`,
    "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: thing}\nspec: {selector: {a: b}}",
  ),
  "images/kustomization.yaml": `
resources: [all.yaml]
images:
- {name: nginx, newTag: "1.27"}
- {name: registry.local:5000/side, newName: other/side, digest: sha256:ff}
- {name: busybox, newName: box}
- {name: nothing, newTag: x}`,
  "images/all.yaml": manifests(
    web,
    `
apiVersion: example.com/v1
kind: Thing
metadata: {name: thing}
spec: {deep: [{containers: [{image: "busybox:1@sha256:11"}, {name: none}], image: nginx}]}`,
  ),
  "replicas/kustomization.yaml": "resources: [all.yaml]\nreplicas: [{name: web, count: 5}, {name: rc, count: 0}]\n",
  "replicas/all.yaml": manifests(
    web,
    "apiVersion: v1\nkind: ReplicationController\nmetadata: {name: rc}\nspec: {template: {}}",
  ),
  "order/kustomization.yaml": "resources: [all.yaml]\n",
  "order/all.yaml": manifests(
    "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: hook}",
    "apiVersion: batch/v1\nkind: Job\nmetadata: {name: job}",
    webService,
    web,
    "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: b}",
    "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a, namespace: z}",
    "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}",
    "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.example.com}",
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: space}",
    "apiVersion: v1\nkind: Pod\nmetadata: {name: pod}",
  ),
  "fifo/kustomization.yaml": "resources: [all.yaml]\nsortOptions: {order: fifo}\n",
  "fifo/all.yaml": manifests(web, config, runner),
  "sorted/kustomization.yaml": `
resources: [all.yaml]
sortOptions:
  order: legacy
  legacySortOptions: {orderFirst: [Service, ConfigMap], orderLast: [ServiceAccount]}`,
  "sorted/all.yaml": manifests(runner, web, config, webService),
  "composed/kustomization.yaml": `
resources: [base, more.yaml]
components: [parts/scaled]
namePrefix: over-
configMapGenerator:
- {name: settings, behavior: merge, literals: [mode=medium, extra=1], options: {labels: {z: z}}}
secretGenerator:
- {name: keys, behavior: replace, literals: [other=1]}`,
  "composed/more.yaml": webService,
  "composed/base/kustomization.yaml": `
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [all.yaml]
nameSuffix: -base${generatedData}`,
  "composed/base/all.yaml": manifests(web, runner),
  "composed/parts/scaled/kustomization.yaml": `
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
resources: [extra.yaml]
replicas: [{name: web, count: 4}]
patches:
- target: {kind: Service}
  patch: |-
    - {op: add, path: /metadata/labels, value: {part: scaled}}`,
  "composed/parts/scaled/extra.yaml":
    "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {resources: {requests: {storage: 1Gi}}}",
  "metadata/kustomization.yaml": `
resources: [base]
namespace: space
labels: [{pairs: {a: b}}]
patches: [{path: p.yaml}]
buildMetadata: [originAnnotations, managedByLabel, transformerAnnotations]
configMapGenerator: [{name: made, literals: [a=b]}]`,
  "metadata/p.yaml": "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: runner, labels: {c: d}}",
  "metadata/base/kustomization.yaml": "resources: [all.yaml]\nnamePrefix: x-\n",
  "metadata/base/all.yaml": manifests(runner, config),
  "vars/kustomization.yaml": `
resources: [all.yaml]
namePrefix: p-
vars:
- {name: SERVICE, objref: {apiVersion: v1, kind: Service, name: web}}
- {name: PORT, objref: {apiVersion: v1, kind: Service, name: web}, fieldref: {fieldpath: "spec.ports[0].port"}}`,
  "vars/all.yaml": manifests(
    webService,
    `
apiVersion: v1
kind: Pod
metadata: {name: pod, annotations: {at: "$(SERVICE):$(PORT)"}}
spec:
  containers:
  - name: a
    command: [run, "$(SERVICE)", "$$(PORT)", "$(OTHER) $(PORT)"]
    args: ["$(PORT)"]
    env: [{name: S, value: "$(SERVICE)"}]`,
  ),
  "list/kustomization.yaml": "resources: [list.yaml, one.json]\n",
  "list/list.yaml": `
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Pod, metadata: {name: a, labels: {n: "1"}, annotations: null}}
- {apiVersion: v1, kind: Pod, metadata: {name: b}}`,
  "list/one.json":
    '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "c"}, "spec": {"x": 1.5, "y": null, "z": []}}',
  "texts/kustomization.yaml": "resources: [all.yaml]\n",
  "texts/all.yaml": `
# what a comment says is gone
apiVersion: v1
kind: ConfigMap
metadata: {name: texts}
data:
  long: ${"many words and ".repeat(12)}end
  quoted: ${`"it''s: ${"a long text with: colons ".repeat(8)}end"`}
  escaped: ${JSON.stringify(`\ttab ${"and words ".repeat(14)}`)}
  unbroken: ${"x".repeat(120)} ${"y".repeat(30)}
  word: yes
  number: "010"
  block: |
    one
      two
  folded: >-
    three
    four
  empty: ""
  tilde: "~"
  date: "2020-01-01"
  "y": "on"
other: {octal: 0o17, hex: 0x1f, old: 017, bool: True, none: ~, float: 1.50, exp: 1e3, list: [[a, [b]], {c: [d]}]}`,
  "nulls/kustomization.yaml": "resources: [all.yaml]\ncommonLabels: {a: b}\npatches: []\nimages:\nreplicas: ~\n",
  "nulls/all.yaml": `
apiVersion: apps/v1
kind: Deployment
metadata: {name: d, labels: null, annotations: {}, creationTimestamp: null}
spec: {selector: null, x: {}, "y": [], z: [null, {a: null}]}
---
---
# nothing`,
  "parts/kustomization.yaml": "resources: [all.yaml]\ncomponents: [one, two]\nnamePrefix: x-\n",
  "parts/all.yaml": config,
  "parts/one/kustomization.yaml": `
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
namePrefix: one-
configMapGenerator: [{name: settings, behavior: merge, literals: [c=1]}]`,
  "parts/two/kustomization.yaml": `
kind: Component
patches:
- target: {name: one-settings}
  patch: '[{"op": "add", "path": "/data/now", "value": "1"}]'
- target: {name: settings}
  patch: '[{"op": "add", "path": "/data/then", "value": "1"}]'`,
  "typed/kustomization.yaml": `
resources: [all.yaml]
replacements:
- source: {kind: ConfigMap, fieldPath: data.n}
  targets:
  - {select: {kind: Thing}, fieldPaths: [spec.number, spec.text, spec.object, spec.new], options: {create: true}}
- source: {kind: Thing, fieldPath: spec.list}
  targets:
  - {select: {kind: ConfigMap}, fieldPaths: [data.l], options: {create: true}}`,
  "typed/all.yaml": manifests(
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {n: "5"}',
    "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: d}\nspec: {number: 1, text: a, object: {a: b}, list: [a, {b: c}]}",
  ),
};
