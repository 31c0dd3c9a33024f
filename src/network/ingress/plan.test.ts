import { describe, expect, test } from "vitest";
import { decide } from "./routing-table.ts";
import { type Given, ingressOf, ownClass, planOf, serviceOf, slicesOf, to } from "./testing/objects.ts";

const services = ["a", "b", "c"].map((name) => serviceOf(name));
const path = (text: string, pathType: string, name: string) => ({ path: text, pathType, backend: to(name) });
const route = (given: Given, host: string, asked: string, secure = false) => {
  const decision = decide(planOf({ services, ...given }).table, { host, path: asked, secure });
  return decision.kind === "forward" ? decision.route.backend.key : decision.kind;
};

describe("paths", () => {
  // The table of the Kubernetes documents on path types.
  test.each([
    ["Prefix", "/", "/anything", true],
    ["Exact", "/foo", "/foo", true],
    ["Exact", "/foo", "/bar", false],
    ["Exact", "/foo", "/foo/", false],
    ["Exact", "/foo/", "/foo", false],
    ["Prefix", "/foo", "/foo", true],
    ["Prefix", "/foo", "/foo/", true],
    ["Prefix", "/foo/", "/foo", true],
    ["Prefix", "/foo/", "/foo/", true],
    ["Prefix", "/aaa/bb", "/aaa/bbb", false],
    ["Prefix", "/aaa/bbb", "/aaa/bbb", true],
    ["Prefix", "/aaa/bbb/", "/aaa/bbb", true],
    ["Prefix", "/aaa/bbb", "/aaa/bbb/", true],
    ["Prefix", "/aaa/bbb", "/aaa/bbb/ccc", true],
    ["Prefix", "/aaa/bbb", "/aaa/bbbxyz", false],
    ["Prefix", "/aaa/bbb", "/AAA/bbb", false],
    ["ImplementationSpecific", "/foo", "/foo/bar", true],
    ["ImplementationSpecific", "/foo/*", "/foo/bar", true],
    ["ImplementationSpecific", "/*", "/foo", true],
    ["ImplementationSpecific", "", "/foo", true],
  ])("%s %s asked for %s", (pathType, rule, asked, matches) => {
    const ingresses = [ingressOf("web", { rules: [{ http: { paths: [path(rule, pathType, "a")] } }] })];
    expect(route({ ingresses }, "x.com", asked)).toBe(matches ? "default/a:80" : "not-found");
  });

  test("the longest path counts, and of equally long ones the exact one", () => {
    const paths = [path("/", "Prefix", "a"), path("/foo", "Prefix", "b"), path("/foo", "Exact", "c")];
    const ingresses = [ingressOf("web", { rules: [{ http: { paths } }] })];
    expect(route({ ingresses }, "x.com", "/")).toBe("default/a:80");
    expect(route({ ingresses }, "x.com", "/foo/bar")).toBe("default/b:80");
    expect(route({ ingresses }, "x.com", "/foo")).toBe("default/c:80");
  });
});

describe("hosts", () => {
  const rule = (host: string | undefined, name: string, text = "/") => ({
    ...(host ? { host } : {}),
    http: { paths: [path(text, "Prefix", name)] },
  });

  test("an exact host counts before its wildcard, and that before rules for all hosts", () => {
    const ingresses = [
      ingressOf("web", { rules: [rule(undefined, "a"), rule("*.foo.com", "b"), rule("x.foo.com", "c")] }),
    ];
    expect(route({ ingresses }, "x.foo.com", "/")).toBe("default/c:80");
    expect(route({ ingresses }, "y.foo.com", "/")).toBe("default/b:80");
    expect(route({ ingresses }, "foo.com", "/")).toBe("default/a:80");
    // A wildcard is one label.
    expect(route({ ingresses }, "y.x.foo.com", "/")).toBe("default/a:80");
  });

  test("a host without a path for the request goes to the default back end of its Ingress, then to that of all", () => {
    const ingresses = [
      ingressOf("all", { defaultBackend: to("a") }),
      ingressOf("own", { defaultBackend: to("b"), rules: [rule("own.com", "c", "/c")] }, { age: -5 }),
      ingressOf("none", { rules: [rule("none.com", "c", "/c")] }),
    ];
    expect(route({ ingresses }, "own.com", "/c")).toBe("default/c:80");
    expect(route({ ingresses }, "own.com", "/")).toBe("default/b:80");
    expect(route({ ingresses }, "none.com", "/")).toBe("default/a:80");
    expect(route({ ingresses }, "nobody.com", "/")).toBe("default/a:80");
  });

  test("what two Ingresses want is the older one's", () => {
    const ingresses = [
      ingressOf("young", { rules: [rule("x.com", "a")] }),
      ingressOf("old", { rules: [rule("x.com", "b")] }, { age: 60 }),
    ];
    expect(route({ ingresses }, "x.com", "/")).toBe("default/b:80");
  });
});

describe("classes", () => {
  const rules = [{ http: { paths: [path("/", "Prefix", "a")] } }];
  const other = { metadata: { name: "other" }, spec: { controller: "example.com/other" } };
  const unmarked = { ...ownClass, metadata: { name: "navarch" } };
  test.each([
    { name: "our class by name", spec: {}, classes: [ownClass], served: true },
    {
      name: "another controller's class",
      spec: { ingressClassName: "other" },
      classes: [ownClass, other],
      served: false,
    },
    { name: "a class that does not exist", spec: { ingressClassName: "gone" }, classes: [ownClass], served: false },
    { name: "no class, ours is the default", spec: { ingressClassName: "" }, classes: [ownClass], served: true },
    { name: "no class and no default", spec: { ingressClassName: "" }, classes: [unmarked], served: false },
    {
      name: "the old annotation",
      spec: { ingressClassName: "" },
      annotation: "navarch",
      classes: [unmarked],
      served: true,
    },
    {
      name: "the old annotation of others",
      spec: { ingressClassName: "" },
      annotation: "gce",
      classes: [ownClass],
      served: false,
    },
  ])("$name", ({ spec, classes, annotation, served }) => {
    const annotations = annotation ? { annotations: { "kubernetes.io/ingress.class": annotation } } : {};
    const ingresses = [ingressOf("web", { rules, ...spec }, annotations)];
    expect(route({ ingresses, classes }, "x.com", "/")).toBe(served ? "default/a:80" : "not-found");
  });
});

describe("back ends", () => {
  const endpoints = (given: Given) => {
    const decision = decide(planOf(given).table, { host: "", path: "/", secure: false });
    return decision.kind === "forward" ? decision.route.backend.endpoints.map(({ ip, port }) => `${ip}:${port}`) : [];
  };
  const ready = { ip: "10.0.0.1", port: 8080 };
  const ending = { ip: "10.0.0.2", port: 8080, ready: false, terminating: true };
  const starting = { ip: "10.0.0.3", port: 8080, ready: false };
  const ingresses = [ingressOf("web", { defaultBackend: to("a") })];

  test("only ready endpoints get requests", () => {
    const slices = slicesOf("a", [ready, ending, starting]);
    expect(endpoints({ ingresses, services, slices })).toEqual(["10.0.0.1:8080"]);
  });

  test("while none is ready, those that end but serve do", () => {
    expect(endpoints({ ingresses, services, slices: slicesOf("a", [ending, starting]) })).toEqual(["10.0.0.2:8080"]);
  });

  test("a port is found by its name, and by its number", () => {
    const named = [serviceOf("a", { name: "http" })];
    const slices = slicesOf("a", [ready], "http");
    const byName = [ingressOf("web", { defaultBackend: { service: { name: "a", port: { name: "http" } } } })];
    expect(endpoints({ ingresses: byName, services: named, slices })).toEqual(["10.0.0.1:8080"]);
    expect(endpoints({ ingresses, services: named, slices })).toEqual(["10.0.0.1:8080"]);
  });

  test("a back end is spoken to as its port's appProtocol says", () => {
    for (const [appProtocol, protocol] of [
      ["kubernetes.io/h2c", "h2c"],
      ["grpc", "h2c"],
      ["kubernetes.io/ws", "http"],
      ["kubernetes.io/wss", "https"],
      ["https", "https"],
      ["HTTPS", "https"],
      ["grpcs", "h2"],
      ["postgresql", "http"],
    ] as const) {
      const { table } = planOf({ ingresses, services: [serviceOf("a", { appProtocol })] });
      expect(table.fallback?.backend.protocol).toBe(protocol);
    }
  });

  test.each([
    ["a resource", { resource: { kind: "Bucket", name: "pictures" } }, "UnsupportedBackend"],
    ["a Service that does not exist", to("nobody"), "ServiceNotFound"],
    ["a port that the Service has not", to("a", 81), "ServicePortNotFound"],
  ])("%s keeps its path, which nobody answers, and is told", (_, backend, reason) => {
    const paths = [{ path: "/x", pathType: "Prefix", backend }, path("/", "Prefix", "b")];
    const given = { ingresses: [ingressOf("web", { rules: [{ http: { paths } }] })], services };
    const { table, troubles } = planOf({ ...given, slices: slicesOf("b", [ready]) });
    expect(troubles.map((trouble) => trouble.reason)).toEqual([reason]);
    const decision = decide(table, { host: "", path: "/x", secure: false });
    expect(decision.kind === "forward" && decision.route.backend.endpoints).toEqual([]);
  });
});

describe("TLS", () => {
  const rules = ["a.com", "b.com"].map((host) => ({ host, http: { paths: [path("/", "Prefix", "a")] } }));

  test("hosts with a certificate are for HTTPS only, others of the same Ingress are not", () => {
    const ingresses = [ingressOf("web", { rules, tls: [{ hosts: ["a.com"], secretName: "s" }] })];
    expect(route({ ingresses }, "a.com", "/")).toBe("redirect");
    expect(route({ ingresses }, "a.com", "/", true)).toBe("default/a:80");
    expect(route({ ingresses }, "b.com", "/")).toBe("default/a:80");
    expect([...planOf({ ingresses }).secrets.keys()]).toEqual(["default/s"]);
  });

  test("without hosts it is for all of them", () => {
    const ingresses = [ingressOf("web", { defaultBackend: to("a"), tls: [{ secretName: "s" }] })];
    expect(route({ ingresses }, "any.com", "/")).toBe("redirect");
    expect(planOf({ ingresses }).table.certificates.get("*")).toBe("default/s");
  });

  test("an annotation leaves plain HTTP open", () => {
    const annotations = { "ingress.kubernetes.io/ssl-redirect": "false" };
    const ingresses = [ingressOf("web", { rules, tls: [{ secretName: "s" }] }, { annotations })];
    expect(route({ ingresses }, "a.com", "/")).toBe("default/a:80");
  });
});

test.each([
  ["https", { secret: "default/ca", name: "web.internal" }],
  ["grpcs", { secret: "default/ca", name: "web.internal" }],
  ["http", undefined],
])("an Ingress says by which Secret and as whom its back ends of protocol %s are verified", (appProtocol, trust) => {
  const annotations = {
    "ingress.navarch.io/backend-ca-secret": "ca",
    "ingress.navarch.io/backend-server-name": "Web.Internal",
  };
  const plan = planOf({
    ingresses: [
      ingressOf("sure", { rules: [{ host: "sure.com", http: { paths: [{ backend: to("a") }] } }] }, { annotations }),
      ingressOf("usual", { rules: [{ host: "usual.com", http: { paths: [{ backend: to("a") }] } }] }),
    ],
    services: [serviceOf("a", { appProtocol })],
  });
  const trustAt = (host: string) => plan.table.hosts.get(host)?.paths[0]?.backend.trust;
  expect(trustAt("sure.com")).toEqual(trust);
  expect(trustAt("usual.com")).toBeUndefined();
  expect([...plan.authorities.keys()]).toEqual(trust ? ["default/ca"] : []);
});
