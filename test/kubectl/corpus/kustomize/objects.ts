/** A file of several manifests. */
export const manifests = (...documents: readonly string[]) => documents.map((text) => text.trim()).join("\n---\n");

export const web = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web}
spec:
  replicas: 1
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      serviceAccountName: runner
      containers:
      - name: web
        image: nginx:1.25
        ports:
        - {containerPort: 80, name: http}
        envFrom:
        - configMapRef: {name: settings}
        - secretRef: {name: keys}
        env:
        - name: MODE
          valueFrom: {configMapKeyRef: {name: settings, key: mode}}
      - name: side
        image: registry.local:5000/side@sha256:0123
      volumes:
      - name: data
        persistentVolumeClaim: {claimName: data}
      - name: all
        projected:
          sources:
          - configMap: {name: settings}
          - secret: {name: keys}`;

export const webService = `
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports:
  - {port: 80, targetPort: http}`;

export const runner = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: runner}
imagePullSecrets: [{name: keys}]`;

export const config = `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {mode: slow, host: "web.local:80"}`;

export const generatedData = `
configMapGenerator:
- name: settings
  literals: [mode=fast, "quoted='text'"]
secretGenerator:
- name: keys
  literals: [password=secret]`;
