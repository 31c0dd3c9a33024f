import { generatedData, manifests, runner, web, webService } from "./objects.ts";

const everything = manifests(
  web,
  webService,
  runner,
  `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {storageClassName: fast, volumeName: disk}`,
  "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: disk}\nspec: {storageClassName: fast}",
  "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: fast}\nparameters: {secretName: keys}",
  "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: high}",
  `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: door, annotations: {nginx.ingress.kubernetes.io/auth-secret: keys}}
spec:
  ingressClassName: front
  defaultBackend: {service: {name: web, port: {number: 80}}}
  tls: [{secretName: keys}]
  rules: [{http: {paths: [{path: /, backend: {service: {name: web}}}]}}]`,
  "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: front}",
  `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: grow}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}`,
  `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{resourceNames: [settings, keys, other], resources: [configmaps, secrets]}]`,
  "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: reader}",
  `
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
subjects: [{kind: ServiceAccount, name: runner}, {kind: ServiceAccount, name: default}, {kind: User, name: ann}]`,
  `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: all}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
subjects: [{kind: ServiceAccount, name: runner, namespace: default}]`,
  `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: hook}
webhooks: [{clientConfig: {service: {name: web, namespace: default}}}, {clientConfig: {service: {name: web}}}]`,
  `
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.example.com}
spec: {service: {name: web, namespace: default}}`,
  `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec: {conversion: {webhook: {clientConfig: {service: {name: web, namespace: default}}}}}`,
  `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec: {serviceName: web, template: {spec: {priorityClassName: high}}, volumeClaimTemplates: [{spec: {storageClassName: fast}}]}`,
  `
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec: {jobTemplate: {spec: {template: {spec: {serviceAccountName: runner, containers: [{envFrom: [{configMapRef: {name: settings}}]}]}}}}}`,
  "apiVersion: v1\nkind: Namespace\nmetadata: {name: space}",
  "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: web}\nspec: {configMap: settings}",
);

/** Kustomizations that give names and namespaces, and follow them. */
export const namingFiles = {
  "affixes/kustomization.yaml": `resources: [all.yaml]\nnamePrefix: a-\nnameSuffix: -z${generatedData}`,
  "affixes/all.yaml": everything,
  "namespace/kustomization.yaml": `resources: [all.yaml]\nnamespace: home${generatedData}`,
  "namespace/all.yaml": everything,
  "both/kustomization.yaml": `resources: [all.yaml]\nnamespace: home\nnamePrefix: b-\ncommonLabels: {x: "y"}${generatedData}`,
  "both/all.yaml": everything,
  "nested/kustomization.yaml": "resources: [mid]\nnamePrefix: c-\nnamespace: outer\n",
  "nested/mid/kustomization.yaml": "resources: [../inner, more.yaml]\nnamePrefix: b-\nnameSuffix: -y\n",
  "nested/mid/more.yaml": webService,
  "nested/inner/kustomization.yaml": `resources: [all.yaml]\nnamespace: deep\nnameSuffix: -x${generatedData}`,
  "nested/inner/all.yaml": manifests(web, runner),
  "siblings/kustomization.yaml": "resources: [blue, green]\nnamePrefix: all-\n",
  "siblings/blue/kustomization.yaml": "resources: [../base]\nnamePrefix: blue-\n",
  "siblings/green/kustomization.yaml": "resources: [../base]\nnamePrefix: green-\n",
  "siblings/base/kustomization.yaml": `resources: [all.yaml]${generatedData}`,
  "siblings/base/all.yaml": manifests(web, webService, runner),
  "spaces/kustomization.yaml": "resources: [one, two]\n",
  "spaces/one/kustomization.yaml": "resources: [../base]\nnamespace: one\n",
  "spaces/two/kustomization.yaml": "resources: [../base]\nnamespace: two\n",
  "spaces/base/kustomization.yaml": `resources: [all.yaml]${generatedData}`,
  "spaces/base/all.yaml": manifests(
    web,
    runner,
    `
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: runner, namespace: one}]`,
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: reader}",
  ),
  "conflict/kustomization.yaml": "resources: [all.yaml]\nnamespace: x\n",
  "conflict/all.yaml": manifests(
    "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: a}",
    "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: b}",
  ),
  "replaced/kustomization.yaml": `
resources: [all.yaml]
namePrefix: r-
replacements:
- source: {kind: Service, name: web}
  targets:
  - select: {kind: Deployment}
    fieldPaths: ["spec.template.spec.containers.[name=web].env.[name=HOST].value", "metadata.annotations.a\\\\.b"]
    options: {create: true}
- source: {kind: Service, fieldPath: spec.ports.0.port}
  targets:
  - select: {kind: Deployment, name: web}
    fieldPaths: ["spec.template.spec.containers.*.ports.*.containerPort"]
    reject: [{name: other}]
  - select: {kind: Deployment}
    fieldPaths: [spec.template.spec.containers.0.image]
    options: {delimiter: ":", index: 1}
- source: {kind: Deployment, fieldPath: "spec.template.spec.containers.[name=web].image", options: {delimiter: ":"}}
  targets:
  - select: {kind: Service}
    fieldPaths: ["metadata.labels.[app.kubernetes.io/name]"]
    options: {create: true}
- path: more.yaml`,
  "replaced/more.yaml": `
source: {kind: Deployment, fieldPath: metadata.labels}
targets:
- select: {kind: Service}
  fieldPaths: [spec.selector]`,
  "replaced/all.yaml": manifests(
    web.replace("      - name: side\n        image: registry.local:5000/side@sha256:0123\n", ""),
    webService,
  ),
};
