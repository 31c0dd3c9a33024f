import type { ConformanceGroup } from "./group.ts";

const services = "test/e2e/85-conformance-network.e2e.test.ts";
const names = "test/e2e/86-conformance-names.e2e.test.ts";
const operations = "test/api/conformance-operations.test.ts";
const mirroring = "src/controllers/endpoints/mirror.test.ts";

/** What upstream's list asks of network. */
export const networkGroups: readonly ConformanceGroup[] = [
  {
    group: "[sig-network] DNS",
    file: names,
    names: [
      "should provide /etc/hosts entries for the cluster",
      "should provide DNS for ExternalName services",
      "should provide DNS for pods for Hostname",
      "should provide DNS for pods for Subdomain",
      "should provide DNS for services",
      "should provide DNS for the cluster",
      "should resolve DNS of partial qualified names for services",
      "should support configurable pod DNS nameservers",
    ],
  },
  {
    group: "[sig-network] Networking Granular Checks: Pods",
    file: services,
    names: [
      "should function for intra-pod communication: http",
      "should function for intra-pod communication: udp",
      "should function for node-pod communication: http",
      "should function for node-pod communication: udp",
    ],
  },
  {
    group: "[sig-network] Services",
    file: services,
    names: [
      "should be able to change the type from ClusterIP to ExternalName",
      "should be able to change the type from ExternalName to ClusterIP",
      "should be able to change the type from ExternalName to NodePort",
      "should be able to change the type from NodePort to ExternalName",
      "should be able to create a functioning NodePort service",
      "should be able to switch session affinity for NodePort service",
      "should be able to switch session affinity for service with type clusterIP",
      "should find a service from listing all namespaces",
      "should have session affinity timeout work for NodePort service",
      "should have session affinity timeout work for service with type clusterIP",
      "should have session affinity work for NodePort service",
      "should have session affinity work for service with type clusterIP",
      "should provide secure master service",
      "should serve a basic endpoint from pods",
      "should serve endpoints on same port and different protocols",
      "should serve multiport endpoints from pods",
    ],
    elsewhere: {
      "should delete a collection of services": {
        file: operations,
        test: "Services > should complete a service status lifecycle",
      },
    },
  },
  {
    group: "[sig-network] Services",
    file: operations,
    names: ["should complete a service status lifecycle", "should test the lifecycle of an Endpoint"],
  },
  { group: "[sig-network] Service endpoints latency", file: services, names: ["should not be very high"] },
  {
    group: "[sig-network] Proxy",
    file: services,
    names: [
      "version v1 A set of valid responses are returned for both pod and service Proxy",
      "version v1 A set of valid responses are returned for both pod and service ProxyWithPath",
      "version v1 should proxy through a service and a pod",
    ],
  },
  {
    group: "[sig-network] HostPort",
    file: services,
    names: ["validates that there is no conflict between pods with same hostPort but different hostIP and protocol"],
  },
  {
    group: "[sig-network] EndpointSlice",
    file: services,
    names: [
      "should create Endpoints and EndpointSlices for Pods matching a Service",
      "should have Endpoints and EndpointSlices pointing to API Server",
    ],
    elsewhere: {
      "should create and delete Endpoints and EndpointSlices for a Service with a selector specified": {
        file: "src/controllers/endpoints/endpoints.test.ts",
        test: "the older object goes with its Service, unless somebody made it by hand",
      },
    },
  },
  {
    group: "[sig-network] EndpointSlice",
    file: operations,
    names: ["should support creating EndpointSlice API operations"],
  },
  {
    group: "[sig-network] EndpointSliceMirroring",
    file: mirroring,
    names: [],
    elsewhere: {
      "should mirror a custom Endpoints resource through create update and delete": {
        file: mirroring,
        test: "hand-made Endpoints are mirrored by family, and followed",
      },
    },
  },
  { group: "[sig-network] Ingress API", file: operations, names: ["should support creating Ingress API operations"] },
  {
    group: "[sig-network] IngressClass API",
    file: operations,
    names: ["should support creating IngressClass API operations"],
  },
  {
    group: "[sig-network] ServiceCIDR and IPAddress API",
    file: operations,
    names: ["should support IPAddress API operations", "should support ServiceCIDR API operations"],
  },
];
