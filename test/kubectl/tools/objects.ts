/** Objects that stories start with. */
export const configMap = (name: string, labels: Readonly<Record<string, string>> = {}, data = { x: "1" }) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, labels },
  data,
});

export const pod = (name: string, labels: Readonly<Record<string, string>> = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels },
  spec: { containers: [{ name: "main", image: `${name}:1`, ports: [{ containerPort: 80 }] }] },
});

export const deployment = (name: string, replicas = 0) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name, labels: { app: name } },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: "web", image: `${name}:1`, ports: [{ containerPort: 8080 }] }] },
    },
  },
});

export const service = (name: string) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name },
  spec: { selector: { app: name }, ports: [{ port: 80 }], clusterIP: "None" },
});
