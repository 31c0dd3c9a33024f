import { story } from "../../tools/story.ts";
import { trafficSince133 } from "./differences.ts";

const slice = (name: string, service: string, addresses: readonly string[], ports: readonly object[]) => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { name, labels: { "kubernetes.io/service-name": service } },
  addressType: "IPv4",
  endpoints: addresses.map((address, at) => ({ addresses: [address], conditions: { ready: at !== 1 } })),
  ports,
});

/** `kubectl describe` of services and what belongs to them. */
export const networkDescriptions = [
  story({
    name: "describe services",
    objects: [
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "web", labels: { app: "web" }, annotations: { a: "b" } },
        spec: {
          type: "LoadBalancer",
          clusterIP: "10.96.0.77",
          selector: { app: "web", tier: "front" },
          externalIPs: ["192.0.2.1", "192.0.2.2"],
          loadBalancerIP: "203.0.113.9",
          loadBalancerSourceRanges: ["10.0.0.0/8"],
          externalTrafficPolicy: "Local",
          healthCheckNodePort: 32100,
          sessionAffinity: "ClientIP",
          trafficDistribution: "PreferClose",
          ports: [
            { name: "http", port: 80, targetPort: 8080, nodePort: 32101 },
            { name: "dns", port: 53, protocol: "UDP", targetPort: "dns", nodePort: 32102 },
          ],
        },
        status: { loadBalancer: { ingress: [{ ip: "203.0.113.9", ipMode: "VIP" }, { hostname: "lb.example.com" }] } },
      },
      slice(
        "web-a",
        "web",
        ["10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5"],
        [
          { name: "http", port: 8080 },
          { name: "dns", port: 5353, protocol: "UDP" },
        ],
      ),
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "none" },
        spec: { clusterIP: "None", ports: [{ port: 80 }] },
      },
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "outside" },
        spec: { type: "ExternalName", externalName: "example.com" },
      },
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "portless" },
        spec: { clusterIP: "None", selector: { a: "b" } },
      },
      slice("portless-a", "portless", ["10.1.0.1"], []),
      {
        apiVersion: "v1",
        kind: "Endpoints",
        metadata: { name: "outside" },
        subsets: [
          {
            addresses: [{ ip: "10.2.0.1" }, { ip: "10.2.0.2" }],
            notReadyAddresses: [{ ip: "10.2.0.3" }],
            ports: [{ port: 80 }],
          },
          { addresses: [{ ip: "10.3.0.1" }] },
          {
            addresses: [{ ip: "10.4.0.1" }],
            ports: [
              { name: "a", port: 1 },
              { name: "x", port: 81, protocol: "UDP" },
            ],
          },
        ],
      },
      {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { name: "full" },
        addressType: "IPv6",
        endpoints: [
          {
            addresses: ["fd00::1"],
            conditions: { ready: true, serving: true, terminating: false },
            hostname: "h",
            nodeName: "n",
            zone: "z",
            targetRef: { kind: "Pod", name: "p" },
          },
          { addresses: ["fd00::2"] },
        ],
        ports: [{ name: "", port: 80 }],
      },
      {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { name: "empty" },
        addressType: "IPv4",
        endpoints: [],
      },
    ],
    steps: [
      trafficSince133("describe svc web"),
      "describe svc none",
      "describe svc outside",
      "describe svc portless",
      "describe endpoints outside",
      "describe endpointslice full",
      "describe endpointslice empty",
      "describe endpointslice web-a",
      trafficSince133("describe svc"),
    ],
  }),
  story({
    name: "describe ingresses",
    objects: [
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "web" },
        spec: { clusterIP: "None", ports: [{ name: "http", port: 80 }] },
      },
      slice("web-a", "web", ["10.1.0.1"], [{ name: "http", port: 8080 }]),
      {
        apiVersion: "networking.k8s.io/v1",
        kind: "Ingress",
        metadata: { name: "site", annotations: { a: "b", c: "d" }, labels: { x: "y" } },
        spec: {
          ingressClassName: "main",
          defaultBackend: { service: { name: "missing", port: { number: 80 } } },
          tls: [{ hosts: ["a.example.com", "b.example.com"], secretName: "cert" }, { hosts: ["c.example.com"] }],
          rules: [
            {
              host: "a.example.com",
              http: {
                paths: [
                  { path: "/", pathType: "Prefix", backend: { service: { name: "web", port: { number: 80 } } } },
                  { path: "/named", pathType: "Exact", backend: { service: { name: "web", port: { name: "http" } } } },
                  {
                    path: "/static",
                    pathType: "Exact",
                    backend: { resource: { apiGroup: "example.com", kind: "Bucket", name: "b" } },
                  },
                ],
              },
            },
            {
              http: {
                paths: [
                  { pathType: "ImplementationSpecific", backend: { service: { name: "none", port: { name: "x" } } } },
                ],
              },
            },
          ],
        },
        status: {
          loadBalancer: { ingress: [{ ip: "203.0.113.9" }, { hostname: "a.example.com" }, { ip: "203.0.113.1" }] },
        },
      },
      {
        apiVersion: "networking.k8s.io/v1",
        kind: "Ingress",
        metadata: { name: "bare" },
        spec: { defaultBackend: { resource: { kind: "Bucket", name: "b" } } },
      },
      {
        apiVersion: "networking.k8s.io/v1",
        kind: "IngressClass",
        metadata: { name: "describe-class", labels: { a: "b" } },
        spec: {
          controller: "example.com/ingress",
          parameters: { apiGroup: "example.com", kind: "Parameters", name: "p", scope: "Cluster" },
        },
      },
      {
        apiVersion: "networking.k8s.io/v1",
        kind: "IngressClass",
        metadata: { name: "describe-bare" },
        spec: { controller: "example.com/ingress" },
      },
    ],
    steps: [
      "describe ing site",
      "describe ing bare",
      "describe ingressclass describe-class",
      "describe ingressclass describe-bare",
    ],
  }),
  story({
    name: "describe network policies",
    objects: [
      {
        apiVersion: "networking.k8s.io/v1",
        kind: "NetworkPolicy",
        metadata: { name: "deny" },
        spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
      },
      {
        apiVersion: "networking.k8s.io/v1",
        kind: "NetworkPolicy",
        metadata: { name: "allow", annotations: { a: "b" } },
        spec: {
          podSelector: {
            matchLabels: { app: "web" },
            matchExpressions: [{ key: "x", operator: "NotIn", values: ["a", "b"] }],
          },
          ingress: [
            {
              ports: [{ port: 80 }, { port: "dns", protocol: "UDP" }, { port: 1000, endPort: 2000 }],
              from: [
                { podSelector: { matchLabels: { a: "b" } } },
                { namespaceSelector: {} },
                { namespaceSelector: { matchLabels: { n: "s" } }, podSelector: { matchLabels: { a: "b" } } },
                { ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.0.0/16", "10.2.0.0/16"] } },
              ],
            },
            {},
          ],
          policyTypes: ["Ingress"],
        },
      },
      {
        apiVersion: "networking.k8s.io/v1",
        kind: "NetworkPolicy",
        metadata: { name: "out" },
        spec: {
          podSelector: {},
          egress: [{ ports: [{ protocol: "TCP" }], to: [{ ipBlock: { cidr: "10.0.0.0/8" } }] }, {}],
          policyTypes: ["Egress"],
        },
      },
    ],
    steps: ["describe netpol deny", "describe netpol allow", "describe netpol out"],
  }),
  story({
    name: "describe addresses",
    objects: [
      {
        apiVersion: "networking.k8s.io/v1",
        kind: "ServiceCIDR",
        metadata: { name: "describe-range", labels: { a: "b" } },
        spec: { cidrs: ["10.200.0.0/16", "fd01::/112"] },
        status: {
          conditions: [
            {
              type: "Ready",
              status: "True",
              reason: "Fine",
              message: "all good",
              lastTransitionTime: "2016-03-17T10:00:00Z",
            },
          ],
        },
      },
      {
        apiVersion: "networking.k8s.io/v1",
        kind: "IPAddress",
        metadata: { name: "10.200.0.9" },
        spec: { parentRef: { resource: "services", namespace: "default", name: "web" } },
      },
    ],
    steps: ["describe servicecidr describe-range", "describe ipaddress 10.200.0.9"],
  }),
];
