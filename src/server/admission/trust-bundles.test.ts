import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ClusterRoleBinding } from "../../api/rbac/cluster-role-binding.ts";
import { selfSigned } from "../../wire/certificate-fixture.ts";
import { alice, type CallOptions, openServerFixture, type ServerFixture } from "../server-fixture.ts";

const bundles = "/apis/certificates.k8s.io/v1beta1/clustertrustbundles";
const rbac = "/apis/rbac.authorization.k8s.io/v1";
let fixture: ServerFixture;
let authority: string;
let other: string;
beforeAll(async () => {
  fixture = await openServerFixture({
    switches: {
      gates: { ClusterTrustBundle: true, ClusterTrustBundleProjection: true },
      runtime: { "certificates.k8s.io/v1beta1": true },
    },
  });
  authority = (await selfSigned("CN=one")).cert;
  other = (await selfSigned("CN=two")).cert;
});
afterAll(() => fixture[Symbol.asyncDispose]());

const write = async (name: string, spec: object, options: CallOptions = {}) => {
  const { status, body } = await fixture.call("POST", bundles, { body: { metadata: { name }, spec }, ...options });
  return { status, message: body.message as unknown as string };
};
const refused = (name: string, why: string) => ({
  status: 422,
  message: `ClusterTrustBundle.certificates.k8s.io "${name}" is invalid: ${why}`,
});
const contents = (why: string) => refused("c", `spec.trustBundle: Invalid value: "<value omitted>": ${why}`);

describe("trust bundles", () => {
  test("a signer's bundle has a name that begins with the signer's, another one no colon", async () => {
    const spec = { signerName: "example.com/mesh", trustBundle: authority };
    expect(await write("example.com:mesh:v1", spec)).toMatchObject({ status: 201 });
    expect(await write("wrong", spec)).toEqual(
      refused(
        "wrong",
        'metadata.name: Invalid value: "wrong": ClusterTrustBundle for signerName example.com/mesh must be named with prefix example.com:mesh:',
      ),
    );
    expect(await write("free", { trustBundle: authority })).toMatchObject({ status: 201 });
    expect(await write("a:b", { trustBundle: authority })).toEqual(
      refused(
        "a:b",
        'metadata.name: Invalid value: "a:b": ClusterTrustBundle without signer name must not have ":" in its name',
      ),
    );
  });

  test("they hold certificates of authorities, each once, and nothing else", async () => {
    const told = (trustBundle: string) => write("c", { trustBundle });
    expect(await told("")).toEqual(contents("at least one trust anchor must be provided"));
    expect(await told("-----BEGIN THING-----\nAAAA\n-----END THING-----\n")).toEqual(
      contents("entry 0 has bad block type: THING"),
    );
    expect(await told("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")).toEqual(
      contents("entry 0 does not parse as X.509"),
    );
    const headed = authority.replace("CERTIFICATE-----\n", "CERTIFICATE-----\nKey: value\n\n");
    expect(await told(headed)).toEqual(contents("entry 0 has PEM block headers"));
    expect(await told(`${authority}\nwords\n${other}\n${authority}\n`)).toEqual(
      contents("duplicate trust anchor (indices [0 2])"),
    );
    expect(await told(`${authority}\n${other}`)).toMatchObject({ status: 201 });
  });

  test("a bundle keeps its signer, and is found by it", async () => {
    await write("example.com:kept:v1", { signerName: "example.com/kept", trustBundle: authority });
    const path = `${bundles}/example.com:kept:v1`;
    const headers = { "content-type": "application/merge-patch+json" };
    const change = await fixture.call("PATCH", path, { headers, body: { spec: { signerName: "example.com/mesh" } } });
    expect(change.status).toBe(422);
    expect(String(change.body.message)).toContain(
      'spec.signerName: Invalid value: "example.com/mesh": field is immutable',
    );
    const list = await fixture.call("GET", `${bundles}?fieldSelector=spec.signerName%3Dexample.com/kept`);
    const { items } = list.body as unknown as { items: readonly { readonly metadata: { readonly name: string } }[] };
    expect(items.map(({ metadata }) => metadata.name)).toEqual(["example.com:kept:v1"]);
  });

  test("only who may attest for a signer writes its bundles; readers of all are the service accounts", async () => {
    const rules = [{ apiGroups: ["certificates.k8s.io"], resources: ["clustertrustbundles"], verbs: ["create"] }];
    const binding = (name: string) => ({
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
      subjects: [{ kind: "User", name: alice.name }],
    });
    await fixture.make(
      [`${rbac}/clusterroles`, { metadata: { name: "writer" }, rules }],
      [`${rbac}/clusterrolebindings`, binding("writer")],
    );
    await fixture.server.registry.of(ClusterRoleBinding).cache.current();
    const spec = { signerName: "example.com/guarded", trustBundle: authority };
    expect(await write("example.com:guarded:v1", spec, { as: alice })).toEqual({
      status: 403,
      message:
        'clustertrustbundles.certificates.k8s.io "example.com:guarded:v1" is forbidden: user not permitted to attest for signerName "example.com/guarded"',
    });
    expect(await write("unsigned", { trustBundle: authority }, { as: alice })).toMatchObject({ status: 201 });
    const attest = [
      {
        apiGroups: ["certificates.k8s.io"],
        resources: ["signers"],
        resourceNames: ["example.com/*"],
        verbs: ["attest"],
      },
    ];
    await fixture.make(
      [`${rbac}/clusterroles`, { metadata: { name: "attester" }, rules: attest }],
      [`${rbac}/clusterrolebindings`, binding("attester")],
    );
    await fixture.server.registry.of(ClusterRoleBinding).cache.current();
    expect(await write("example.com:guarded:v1", spec, { as: alice })).toMatchObject({ status: 201 });
    const account = { name: "system:serviceaccount:default:default", groups: ["system:serviceaccounts"] };
    expect((await fixture.call("GET", bundles, { as: account })).status).toBe(200);
  });

  test("pods may have them as files, which nodes may read; without the gate the field is dropped", async () => {
    const pod = (clusterTrustBundle: object) => ({
      metadata: { name: "p" },
      spec: {
        containers: [{ name: "c", image: "x" }],
        volumes: [
          { name: "ca", projected: { sources: [{ clusterTrustBundle: { path: "ca.pem", ...clusterTrustBundle } }] } },
        ],
      },
    });
    const make = async (bundle: object, { call }: Pick<ServerFixture, "call"> = fixture) => {
      const answer = await call("POST", "/api/v1/namespaces/default/pods?dryRun=All", { body: pod(bundle) });
      const { message, spec } = answer.body as unknown as {
        message?: string;
        spec?: { volumes: readonly { readonly projected: object }[] };
      };
      return message ?? spec?.volumes[0]?.projected;
    };
    const place = "spec.volumes[0].projected.sources[0].clusterTrustBundle";
    expect(await make({ name: "free" })).toMatchObject({
      sources: [{ clusterTrustBundle: { name: "free", path: "ca.pem" } }],
    });
    expect(await make({})).toContain(`${place}: Required value: either name or signerName must be specified`);
    expect(await make({ name: "a", signerName: "example.com/b" })).toContain(
      "only one of name and signerName may be used",
    );
    const node = { name: "system:node:n1", groups: ["system:nodes"] };
    expect((await fixture.call("GET", bundles, { as: node })).status).toBe(200);
    await using usual = await openServerFixture();
    expect(await make({ name: "free" }, usual)).toEqual({ defaultMode: 420, sources: [{}] });
  });
});
