/** Images that every test cluster has: see shared-cluster.ts. */
export const images = {
  web: "navarch.local/guestbook:v1",
  redis: "navarch.local/redis:7",
  busybox: "navarch.local/busybox:1.35",
} as const;

/** A pod whose one container, `main`, runs a shell script. */
export function scriptPod(name: string, script: string, spec: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: "main", image: images.busybox, command: ["sh", "-c", script] }],
      ...spec,
    },
  };
}

/** A Deployment of the guestbook's page: its `/env` needs no database. */
export function webDeployment(name: string, replicas: number): object {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, labels: { app: name } },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          // The program goes on answering for two seconds after it was asked to stop.
          terminationGracePeriodSeconds: 5,
          containers: [
            {
              name: "web",
              image: images.web,
              env: [{ name: "RELEASE", value: "1" }],
              ports: [{ name: "http", containerPort: 3000 }],
              readinessProbe: { httpGet: { path: "/healthz", port: "http" }, periodSeconds: 1 },
            },
          ],
        },
      },
    },
  };
}

/** A Service before the pods of `webDeployment`. */
export function webService(name: string, spec: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 3000 }], ...spec },
  };
}
