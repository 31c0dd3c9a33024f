import { expect, test } from "vitest";
import { requestInfo } from "./request-info.ts";

test.each([
  ["GET", "/api/v1/pods", { verb: "list", group: "", resource: "pods", namespace: "", name: "" }],
  ["GET", "/api/v1/namespaces/a/pods/p", { verb: "get", resource: "pods", namespace: "a", name: "p", named: true }],
  ["GET", "/api/v1/namespace/a/pods/p", { verb: "get", resource: "pods", namespace: "a", name: "p", named: true }],
  ["GET", "/api/v1/namespaces/a", { verb: "get", resource: "namespaces", namespace: "a", name: "a" }],
  ["GET", "/api/v1/namespaces", { verb: "list", resource: "namespaces", namespace: "", name: "" }],
  [
    "PUT",
    "/api/v1/namespaces/a/finalize",
    { verb: "update", resource: "namespaces", name: "a", subresource: "finalize" },
  ],
  ["DELETE", "/apis/apps/v1/namespaces/a/deployments", { verb: "deletecollection", apiVersion: "apps/v1" }],
  ["GET", "/apis/apps/v1/deployments?watch=1", { verb: "watch", resource: "deployments" }],
  ["GET", "/api/v1/watch/namespaces/a/pods", { verb: "watch", namespace: "a", resource: "pods" }],
  ["GET", "/api/v1/pods?fieldSelector=metadata.name%3Dx", { verb: "list", name: "x", named: false }],
  ["POST", "/api/v1/namespaces/a/pods/p/exec?command=ls", { verb: "create", subresource: "exec", name: "p" }],
  ["GET", "/api/v1/nodes/n/proxy/logs/a.log", { subresource: "proxy", name: "n", rest: "logs/a.log" }],
  ["GET", "/api/v1/namespaces/a/services/s/proxy/", { subresource: "proxy", rest: "" }],
  ["PATCH", "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode", { verb: "patch", name: "system:node" }],
])("%s %s", (method, target, expected) => {
  expect(requestInfo(method, target)).toMatchObject({ isResource: true, ...expected });
});

test.each([
  "/",
  "/api",
  "/api/v1",
  "/apis",
  "/apis/apps/v1",
  "/apis/apps/v1/",
  "/version",
  "/healthz/ping",
  "//api",
])("%s is no resource", (target) => {
  expect(requestInfo("GET", target)).toMatchObject({ isResource: false, verb: "get" });
});
