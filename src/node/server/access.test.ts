import { describe, expect, test } from "vitest";
import type { TokenReview } from "../../api/generated/authentication-v1.ts";
import type { SubjectAccessReview } from "../../api/generated/authorization-v1.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import type { HttpPeer } from "../../wire/http-server.ts";
import { FakeApi } from "../testing/fake-api.ts";
import { dawn } from "../testing/samples.ts";
import { NodeAccess } from "./access.ts";

/** Access to a node whose API server knows the token `good`, and lets those users in who are in `allowed`. */
function openAccess(allowed: ReadonlySet<string> = new Set(["admin"])) {
  const clock = new VirtualClock(dawn);
  const api = new FakeApi({ clock });
  const asked: SubjectAccessReview["spec"][] = [];
  api.answer = (kind, object) => {
    if (kind === "TokenReview") {
      const { token } = (object as TokenReview).spec;
      return { status: token === "good" ? { authenticated: true, user: { username: "ann" } } : {} };
    }
    const { spec } = object as SubjectAccessReview;
    asked.push(spec);
    return { status: { allowed: allowed.has(spec.user ?? "") } };
  };
  return { access: new NodeAccess(api.client, clock), asked, clock };
}

const peerWith = (subject: object): HttpPeer =>
  ({ address: "192.0.2.9", certificate: { subject } }) as unknown as HttpPeer;
const stranger: HttpPeer = { address: "192.0.2.9" };

describe("who calls a node", () => {
  test.each([
    { name: "a certificate", subject: { CN: "kube", O: ["a", "b"] }, user: { name: "kube", groups: ["a", "b"] } },
    { name: "one organization", subject: { CN: "kube", O: "a" }, user: { name: "kube", groups: ["a"] } },
    { name: "no organization", subject: { CN: "kube" }, user: { name: "kube", groups: [] } },
  ])("is said by its certificate: $name", async ({ subject, user }) => {
    expect(await openAccess().access.authenticate(peerWith(subject), "Bearer good")).toEqual(user);
  });

  test("is said by its token, if the API server knows it", async () => {
    const { access } = openAccess();
    expect(await access.authenticate(stranger, "Bearer good")).toEqual({ name: "ann", groups: [] });
    expect(await access.authenticate(stranger, "Bearer bad")).toBeUndefined();
  });

  test.each([undefined, "", "Basic Z29vZA==", "Bearer "])("is nobody with the header %j", async (authorization) => {
    expect(await openAccess().access.authenticate(stranger, authorization)).toBeUndefined();
  });
});

describe("what a caller may do", () => {
  const admin = { name: "admin", groups: ["g"] };

  test.each([
    ["GET", "/containerLogs/default/web/main", "get", "proxy"],
    ["POST", "/exec/default/web/main", "create", "proxy"],
    ["GET", "/stats/summary", "get", "stats"],
    ["GET", "/metrics/resource", "get", "metrics"],
    ["GET", "/logs/", "get", "log"],
    ["GET", "/healthz", "get", "healthz"],
    ["GET", "/pods", "get", "pods"],
    ["GET", "/configz", "get", "configz"],
    ["DELETE", "/localVolumes/v", "delete", "proxy"],
  ])("%s %s is to %s nodes/%s", async (method, path, verb, subresource) => {
    const { access, asked } = openAccess();
    expect(await access.authorize(admin, "node-1", method, path)).toBe(true);
    const resourceAttributes = { verb, group: "", version: "v1", resource: "nodes", subresource, name: "node-1" };
    expect(asked).toEqual([{ user: "admin", groups: ["g"], resourceAttributes }]);
  });

  test("is remembered for five minutes, and that it may not for half a minute", async () => {
    const allowed = new Set(["admin"]);
    const { access, asked, clock } = openAccess(allowed);
    const may = (name: string) => access.authorize({ name, groups: [] }, "node-1", "GET", "/stats/summary");
    expect([await may("admin"), await may("bob")]).toEqual([true, false]);
    allowed.clear();
    allowed.add("bob");
    expect([await may("admin"), await may("bob")]).toEqual([true, false]);
    clock.advance(30_000);
    expect([await may("admin"), await may("bob")]).toEqual([true, true]);
    clock.advance(270_000);
    expect(await may("admin")).toBe(false);
    expect(asked).toHaveLength(4);
  });

  test.each(["/pods", "/healthz", "/configz"])("includes %s for whoever may do anything to the node", async (path) => {
    const { access, asked } = openAccess(new Set());
    expect(await access.authorize(admin, "node-1", "GET", path)).toBe(false);
    const parts = asked.map(({ resourceAttributes }) => resourceAttributes?.subresource);
    expect(parts).toEqual([path.slice(1), "proxy"]);
  });

  test("is remembered for each user, group, verb and part apart", async () => {
    const { access } = openAccess();
    expect(await access.authorize(admin, "node-1", "GET", "/pods")).toBe(true);
    expect(await access.authorize({ name: "bob", groups: ["g"] }, "node-1", "GET", "/pods")).toBe(false);
  });
});
