/** Bodies of requests; the load generator puts a name in for each `@NAME@`. */
const name = "@NAME@";

/** A Pod as a Deployment's template makes one; no scheduler takes it, so that one create is one write. */
export const podBody = JSON.stringify({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name,
    namespace: "default",
    labels: { app: "bench", tier: "frontend", "app.kubernetes.io/name": "bench", "pod-template-hash": "5f7d8c9b6d" },
    annotations: { "example.com/config-checksum": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" },
  },
  spec: {
    schedulerName: "bench",
    containers: [
      {
        name: "web",
        image: "registry.example.com/shop/frontend:1.24.3",
        imagePullPolicy: "IfNotPresent",
        args: ["--listen=:8080", "--log-level=info"],
        ports: [
          { name: "http", containerPort: 8080 },
          { name: "metrics", containerPort: 9090 },
        ],
        env: [
          { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
          { name: "BACKEND", value: "http://backend.default.svc:8080" },
          { name: "TOKEN", valueFrom: { secretKeyRef: { name: "frontend", key: "token" } } },
        ],
        resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "256Mi" } },
        readinessProbe: { httpGet: { path: "/ready", port: "http" }, periodSeconds: 5 },
        livenessProbe: { httpGet: { path: "/live", port: "http" }, initialDelaySeconds: 10 },
        volumeMounts: [
          { name: "config", mountPath: "/etc/frontend" },
          { name: "scratch", mountPath: "/tmp" },
        ],
      },
    ],
    volumes: [
      { name: "config", configMap: { name: "frontend" } },
      { name: "scratch", emptyDir: {} },
    ],
  },
});

/** A ConfigMap with 1 KB of data; what makes each one different stands in it too. */
export const configMapBody = JSON.stringify({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default" },
  data: { id: name, text: "0123456789abcdef".repeat(64) },
});

/** The same ConfigMap with other data at every write. */
export const busyBody = (namespace: string) =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "busy", namespace },
    data: { id: name, text: "0123456789abcdef".repeat(64) },
  });
