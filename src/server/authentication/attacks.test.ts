import type { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { type AnyBody, alice, openServerFixture, type ServerFixture } from "../server-fixture.ts";
import { type TestAuthority, testAuthority } from "./issued-certificates.ts";
import { parseBasicFile } from "./token-file.ts";

let ahead = 0;
const clock: Clock = {
  ...systemClock,
  now: () => systemClock.now() + ahead,
  monotonic: () => systemClock.monotonic() + ahead,
};
const day = 86_400_000;

let authority: TestAuthority;
let proxies: TestAuthority;
let fixture: ServerFixture;
beforeAll(async () => {
  [authority, proxies] = await Promise.all([testAuthority("CN=cluster"), testAuthority("CN=proxies")]);
  fixture = await openServerFixture({
    clock,
    clientCa: authority.pem,
    authentication: {
      anonymous: { paths: ["/healthz", "/livez", "/readyz"] },
      bootstrapTokens: true,
      basic: parseBasicFile('pass:word,olga,u-olga,"devs,ops"\n'),
      frontProxy: { clientCa: proxies.pem, allowedNames: ["front-proxy"] },
    },
  });
});
afterAll(() => fixture[Symbol.asyncDispose]());

interface Shown {
  readonly certificate?: X509Certificate;
  readonly headers?: Readonly<Record<string, string>>;
  readonly path?: string;
}

/** Whom the server takes a caller for, or what it answers instead. */
async function whoIs({ certificate, headers = {}, path }: Shown): Promise<string> {
  const body = path === undefined ? "{}" : undefined;
  const response = await fixture.server.handle({
    method: path === undefined ? "POST" : "GET",
    path: path ?? "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    headers: { ...(body ? { "content-type": "application/json" } : {}), ...headers },
    body: body
      ? {
          kind: "bytes",
          read: async () => Buffer.from(body),
          async *chunks() {
            yield Buffer.from(body);
          },
        }
      : { kind: "none" },
    ...(certificate ? { certificate } : {}),
    signal: new AbortController().signal,
  });
  if (response.status >= 300 || path !== undefined) return String(response.status);
  const answer = response.body.kind === "object" ? (response.body.value() as AnyBody) : undefined;
  const user = answer?.status?.userInfo as { username?: string; groups?: readonly string[] } | undefined;
  return [user?.username, ...(user?.groups ?? [])].filter((group) => group !== "system:authenticated").join(" ");
}

const bearer = (token: unknown) => ({ headers: { authorization: `Bearer ${String(token)}` } });

describe("client certificates", () => {
  test("one of the authority names its user and groups", async () => {
    expect(await whoIs({ certificate: await authority.issue("O=devs, CN=ann") })).toBe("ann devs");
  });

  test.each([
    ["has ended", { until: new Date(Date.now() - 1000) }],
    ["is not valid yet", { from: new Date(Date.now() + day) }],
    ["is for servers", { usage: "1.3.6.1.5.5.7.3.1" }],
  ])("one that %s is refused, even for a superuser", async (_, options) => {
    expect(await whoIs({ certificate: await authority.issue("O=system:masters, CN=ann", options) })).toBe("401");
  });

  test("one of another authority with the same name is refused", async () => {
    const impostor = await testAuthority("CN=cluster");
    expect(await whoIs({ certificate: await impostor.issue("O=system:masters, CN=ann") })).toBe("401");
  });

  test("one that ends while its connection stays open is refused from then on", async () => {
    const certificate = await authority.issue("CN=ann", { until: new Date(Date.now() + day) });
    expect(await whoIs({ certificate })).toBe("ann");
    ahead = 2 * day;
    expect(await whoIs({ certificate })).toBe("401");
    ahead = 0;
  });
});

describe("a front proxy's word", () => {
  const headers = { "x-remote-user": "zoe", "x-remote-group": "system:masters" };

  test("counts from the proxy", async () => {
    expect(await whoIs({ certificate: await proxies.issue("CN=front-proxy"), headers })).toBe("zoe system:masters");
  });

  test("counts from nobody else: not without a certificate, nor with a user's, nor with another proxy's", async () => {
    expect(await whoIs({ headers })).toBe("401");
    expect(await whoIs({ certificate: await authority.issue("CN=ann"), headers })).toBe("ann");
    expect(await whoIs({ certificate: await proxies.issue("CN=somebody"), headers })).toBe("401");
  });

  test("a proxy that names nobody is nobody itself", async () => {
    expect(await whoIs({ certificate: await proxies.issue("CN=front-proxy") })).toBe("401");
  });
});

test("without credentials there is health, and nothing else", async () => {
  expect(await whoIs({ path: "/readyz" })).toBe("200");
  expect(await whoIs({ path: "/version" })).toBe("401");
  expect(await whoIs({ path: "/api" })).toBe("401");
});

test("a name needs its password", async () => {
  const basic = (text: string) => ({ headers: { authorization: `Basic ${Buffer.from(text).toString("base64")}` } });
  expect(await whoIs(basic("olga:pass:word"))).toBe("olga devs ops");
  expect(await whoIs(basic("olga:"))).toBe("401");
  expect(await whoIs(basic("nobody:pass:word"))).toBe("401");
});

const accounts = "/api/v1/namespaces/default/serviceaccounts";
const secrets = "/api/v1/namespaces/default/secrets";

describe("tokens of service accounts", () => {
  const issue = async (spec: object) =>
    (await fixture.call("POST", `${accounts}/default/token`, { body: { spec } })).body.status?.token;

  test("one for somebody else's ears is refused here, and its own audience alone believes it", async () => {
    const token = await issue({ audiences: ["vault"] });
    expect(await whoIs(bearer(token))).toBe("401");
    const review = async (audiences?: readonly string[]) =>
      (
        await fixture.call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {
          body: { spec: { token, ...(audiences ? { audiences } : {}) } },
        })
      ).body.status;
    expect(await review()).toEqual({
      user: {},
      error:
        '[invalid bearer token, token audiences ["vault"] is invalid for the target audiences ["https://kubernetes.default.svc"]]',
    });
    expect(await review(["other"])).not.toHaveProperty("authenticated");
    expect(await review(["vault", "other"])).toMatchObject({ authenticated: true, audiences: ["vault"] });
  });

  test("one that has ended is refused", async () => {
    const token = await issue({ expirationSeconds: 600 });
    expect(await whoIs(bearer(token))).toContain("system:serviceaccount:default:default");
    ahead = 601_000;
    expect(await whoIs(bearer(token))).toBe("401");
    ahead = 0;
  });

  test("one without a signature, or with another's claims, is refused", async () => {
    const [head, body, signature] = String(await issue({})).split(".");
    const claims = JSON.parse(Buffer.from(body ?? "", "base64url").toString()) as object;
    const forged = Buffer.from(JSON.stringify({ ...claims, aud: "x" })).toString("base64url");
    const none = Buffer.from('{"alg":"none"}').toString("base64url");
    expect(await whoIs(bearer(`${head}.${forged}.${signature}`))).toBe("401");
    expect(await whoIs(bearer(`${none}.${body}.`))).toBe("401");
  });

  test("one bound to a Secret or a Node ends with it", async () => {
    await fixture.make(
      [secrets, { metadata: { name: "binding" } }],
      ["/api/v1/nodes", { metadata: { name: "worker" } }],
    );
    const bound = (kind: string, name: string) => issue({ boundObjectRef: { apiVersion: "v1", kind, name } });
    for (const [token, path] of [
      [await bound("Secret", "binding"), `${secrets}/binding`],
      [await bound("Node", "worker"), "/api/v1/nodes/worker"],
    ] as const) {
      expect(await whoIs(bearer(token))).toContain("system:serviceaccount:default:default");
      await fixture.call("DELETE", path);
      await fixture.call("GET", path);
      expect(await whoIs(bearer(token))).toBe("401");
    }
  });
});

describe("tokens to join with", () => {
  const secret = (id: string, data: object) =>
    [
      "/api/v1/namespaces/kube-system/secrets",
      {
        metadata: { name: `bootstrap-token-${id}` },
        type: "bootstrap.kubernetes.io/token",
        stringData: { "token-id": id, "token-secret": "0123456789abcdef", ...data },
      },
    ] as const;
  const usage = { "usage-bootstrap-authentication": "true" };

  test("one that is in its Secret makes a bootstrapper", async () => {
    await fixture.make(secret("abcdef", { ...usage, "auth-extra-groups": "system:bootstrappers:workers" }));
    expect(await whoIs(bearer("abcdef.0123456789abcdef"))).toBe(
      "system:bootstrap:abcdef system:bootstrappers system:bootstrappers:workers",
    );
    expect(await whoIs(bearer("abcdef.0123456789abcdee"))).toBe("401");
  });

  test.each([
    ["has ended", "expire", { ...usage, expiration: "2020-01-01T00:00:00Z" }],
    ["is for signing only", "signer", {}],
    ["claims a group that is no bootstrapper's", "master", { ...usage, "auth-extra-groups": "system:masters" }],
  ])("one that %s is refused", async (_, id, data) => {
    await fixture.make(secret(id, data));
    expect(await whoIs(bearer(`${id}.0123456789abcdef`))).toBe("401");
  });
});

const rbac = "/apis/rbac.authorization.k8s.io/v1";
const group = "rbac.authorization.k8s.io";

describe("more rights than one has", () => {
  beforeAll(() =>
    fixture.make(
      [
        `${rbac}/namespaces/default/roles`,
        {
          metadata: { name: "editor" },
          rules: [
            { verbs: ["get", "create", "update", "patch"], apiGroups: [group], resources: ["roles", "rolebindings"] },
            { verbs: ["get"], apiGroups: [""], resources: ["pods"] },
          ],
        },
      ],
      [
        `${rbac}/namespaces/default/rolebindings`,
        {
          metadata: { name: "editor" },
          roleRef: { apiGroup: group, kind: "Role", name: "editor" },
          subjects: [{ kind: "User", apiGroup: group, name: "alice" }],
        },
      ],
    ),
  );
  const message = (answer: { readonly body: AnyBody; readonly status: number }) =>
    answer.status < 300 ? "allowed" : String(answer.body.message);

  test("cannot be had by editing the role that one is bound to", async () => {
    const answer = await fixture.call("PATCH", `${rbac}/namespaces/default/roles/editor`, {
      as: alice,
      headers: { "content-type": "application/json-patch+json" },
      body: [{ op: "add", path: "/rules/-", value: { verbs: ["get"], apiGroups: [""], resources: ["secrets"] } }],
    });
    expect(message(answer)).toBe(
      'roles.rbac.authorization.k8s.io "editor" is forbidden: user "alice" (groups=["devs" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}',
    );
  });

  test("cannot be had by binding oneself to a greater role, but what one has may be passed on", async () => {
    const bind = (name: string, role: string, kind = "ClusterRole") =>
      fixture.call("POST", `${rbac}/namespaces/default/rolebindings`, {
        as: alice,
        body: {
          metadata: { name },
          roleRef: { apiGroup: group, kind, name: role },
          subjects: [{ kind: "User", apiGroup: group, name: "alice" }],
        },
      });
    expect(message(await bind("admin", "cluster-admin"))).toContain(
      "attempting to grant RBAC permissions not currently held",
    );
    expect(message(await bind("absent", "no-such-role"))).toContain(
      'clusterroles.rbac.authorization.k8s.io "no-such-role" not found',
    );
    expect(message(await bind("same", "editor", "Role"))).toBe("allowed");
  });
});

describe("acting as somebody else without the right to", () => {
  const rights = (name: string, rules: readonly object[]) =>
    fixture.make(
      [`${rbac}/clusterroles`, { metadata: { name }, rules }],
      [
        `${rbac}/clusterrolebindings`,
        {
          metadata: { name },
          roleRef: { apiGroup: group, kind: "ClusterRole", name },
          subjects: [{ kind: "User", apiGroup: group, name: "proxy" }],
        },
      ],
    );
  const act = async (headers: Readonly<Record<string, string>>) => {
    const path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    const answer = await fixture.call("POST", path, { as: { name: "proxy", groups: [] }, headers, body: {} });
    return answer.status < 300 ? "allowed" : String(answer.body.message);
  };

  test("is refused part by part", async () => {
    await rights("as-bob", [{ verbs: ["impersonate"], apiGroups: [""], resources: ["users"], resourceNames: ["bob"] }]);
    const bob = { "impersonate-user": "bob" };
    expect(await act(bob)).toBe("allowed");
    expect(await act({ "impersonate-user": "eve" })).toContain('users "eve" is forbidden');
    expect(await act({ ...bob, "impersonate-group": "system:masters" })).toContain(
      'groups "system:masters" is forbidden',
    );
    expect(await act({ ...bob, "impersonate-uid": "1" })).toContain('uids.authentication.k8s.io "1" is forbidden');
    expect(await act({ ...bob, "impersonate-extra-scopes": "all" })).toContain(
      'cannot impersonate resource "userextras/scopes" in API group "authentication.k8s.io" at the cluster scope',
    );
    expect(await act({ "impersonate-user": "system:serviceaccount:kube-system:robot" })).toContain(
      'cannot impersonate resource "serviceaccounts" in API group "" in the namespace "kube-system"',
    );
    await rights("as-anything", [
      { verbs: ["impersonate"], apiGroups: ["authentication.k8s.io"], resources: ["uids", "userextras/scopes"] },
    ]);
    expect(await act({ ...bob, "impersonate-uid": "1", "impersonate-extra-scopes": "all" })).toBe("allowed");
  });
});
