import { config, manifests, runner, web, webService } from "./objects.ts";

/** Kustomizations that patch. */
export const patchFiles = {
  "merged/kustomization.yaml": "resources: [all.yaml]\npatches: [{path: p.yaml}]\n",
  "merged/all.yaml": manifests(web, webService),
  "merged/p.yaml": manifests(
    `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: null, new: label}
  finalizers: [x/y]
spec:
  replicas: null
  strategy: {type: Recreate, empty: {}, none: null}
  template:
    spec:
      containers:
      - name: new
        image: new:1
      - name: side
        $patch: delete
      - name: web
        args: [a, b]
        ports: [{containerPort: 80, protocol: TCP}, {containerPort: 81}]
        env: [{name: MODE, value: x, valueFrom: null}, {name: LAST, value: y}]
        resources: {limits: {cpu: 1}}
      tolerations: [{key: a}]
      volumes:
      - name: all
        projected: {sources: [{secret: {name: other}}]}
      - name: fresh
        emptyDir: {}`,
    `
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {$patch: replace, only: this}
  ports: [{port: 443, name: https}, {port: 80, name: http}]`,
  ),
  "deleted/kustomization.yaml": `
resources: [all.yaml]
patches:
- patch: |-
    $patch: delete
    apiVersion: v1
    kind: Service
    metadata: {name: web}
- patch: |-
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec:
      template:
        spec:
          containers: [{$patch: replace}, {name: only, image: one}]
          volumes: null`,
  "deleted/all.yaml": manifests(web, webService),
  "custom/kustomization.yaml": `
resources: [all.yaml]
patches:
- patch: |-
    apiVersion: example.com/v1
    kind: Thing
    metadata: {name: thing}
    spec: {items: [{name: a, v: 2}], map: {x: null, y: 1}, gone: {$patch: delete}}`,
  "custom/all.yaml": `
apiVersion: example.com/v1
kind: Thing
metadata: {name: thing}
spec: {items: [{name: a, w: 1}, {name: b}], map: {x: 1, z: 2}, gone: {a: b}, kept: [1]}`,
  "json/kustomization.yaml": `
resources: [all.yaml]
patches:
- target: {kind: Deployment, name: web}
  patch: |-
    - {op: replace, path: /spec/replicas, value: 7}
    - {op: add, path: /spec/template/spec/containers/-, value: {name: c}}
    - {op: remove, path: /spec/template/spec/volumes/0}
    - {op: copy, from: /metadata/name, path: /metadata/annotations~1x}
    - {op: test, path: /kind, value: Deployment}
- target: {version: v1}
  patch: '[{"op": "add", "path": "/metadata/labels", "value": {"v": "1"}}]'
- target: {kind: Service}
  path: p.json`,
  "json/p.json": '[{"op": "move", "from": "/spec/ports/0/port", "path": "/spec/ports/0/nodePort"}]',
  "json/all.yaml": manifests(web, webService, runner),
  "targets/kustomization.yaml": `
resources: [all.yaml]
namePrefix: n-
patches:
- target: {kind: "Ser.*", name: "w.b"}
  patch: |-
    - {op: add, path: /spec/regex, value: 1}
- target: {labelSelector: "app in (web),!gone"}
  patch: |-
    apiVersion: x
    kind: y
    metadata: {name: z, annotations: {by: label}}
- target: {annotationSelector: "mark=1", group: ""}
  patch: |-
    - {op: add, path: /by, value: annotation}
- target: {namespace: other}
  patch: |-
    - {op: add, path: /by, value: namespace}
- target: {group: apps, version: v1}
  patch: |-
    - {op: add, path: /by, value: group}
- target: {name: we}
  patch: |-
    - {op: add, path: /by, value: nobody}`,
  "targets/all.yaml": manifests(
    web,
    webService,
    config.replace("metadata: {", 'metadata: {annotations: {mark: "1"}, namespace: other, '),
  ),
  "renamed/kustomization.yaml": `
resources: [all.yaml]
patches:
- options: {allowNameChange: true}
  target: {kind: ConfigMap}
  patch: |-
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: renamed}
- options: {allowKindChange: true}
  target: {kind: Service}
  patch: |-
    apiVersion: v1
    kind: Served
    metadata: {name: ignored}
- target: {kind: Deployment}
  patch: |-
    apiVersion: v9
    kind: Other
    metadata: {name: other, namespace: nowhere}
    spec: {paused: true}`,
  "renamed/all.yaml": manifests(web, webService, config),
  "older/kustomization.yaml": `
resources: [all.yaml]
patchesStrategicMerge:
- p.yaml
- |-
  apiVersion: v1
  kind: Service
  metadata: {name: web}
  spec: {type: NodePort}
patchesJson6902:
- target: {group: apps, version: v1, kind: Deployment, name: web}
  path: j.yaml
- target: {version: v1, kind: Service, name: web}
  patch: '[{"op": "add", "path": "/x", "value": 1}]'`,
  "older/all.yaml": manifests(web, webService),
  "older/p.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {paused: true}\n",
  "older/j.yaml": "- op: remove\n  path: /spec/replicas\n",
  "layered/kustomization.yaml": `
resources: [base]
nameSuffix: -top
patches:
- patch: |-
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec: {replicas: 9}
- target: {name: base-web}
  patch: |-
    - {op: add, path: /by, value: name of now}`,
  "layered/base/kustomization.yaml": "resources: [all.yaml]\nnamePrefix: base-\n",
  "layered/base/all.yaml": manifests(web, webService),
  "ports/kustomization.yaml": `
resources: [all.yaml]
patches:
- patch: |-
    apiVersion: v1
    kind: Pod
    metadata: {name: a}
    spec: {containers: [{name: c, ports: [{containerPort: 80, protocol: UDP, name: x}, {containerPort: 90, protocol: TCP}]}]}
- patch: |-
    apiVersion: v1
    kind: Pod
    metadata: {name: b}
    spec: {containers: [{name: c, ports: [{containerPort: 80, hostPort: 1}]}], hostAliases: [{ip: "1", hostnames: [b]}]}
- patch: |-
    apiVersion: v1
    kind: Pod
    metadata: {name: c}
    spec: {containers: [], topologySpreadConstraints: [{topologyKey: z, whenUnsatisfiable: r}], imagePullSecrets: [{name: b}]}`,
  "ports/all.yaml": manifests(
    `
apiVersion: v1
kind: Pod
metadata: {name: a}
spec: {containers: [{name: c, ports: [{containerPort: 80, protocol: TCP}, {containerPort: 80, protocol: UDP}]}]}`,
    `
apiVersion: v1
kind: Pod
metadata: {name: b}
spec: {containers: [{name: c, ports: [{containerPort: 80, name: y}]}], hostAliases: [{ip: "1", hostnames: [a]}]}`,
    `
apiVersion: v1
kind: Pod
metadata: {name: c}
spec: {containers: [{name: c}], topologySpreadConstraints: [{topologyKey: z, whenUnsatisfiable: q}], imagePullSecrets: [{name: a}]}`,
  ),
};
