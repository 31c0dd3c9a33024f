import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openServerFixture, type ServerFixture } from "../server-fixture.ts";

let fixture: ServerFixture;
beforeAll(async () => {
  fixture = await openServerFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const maps = "/api/v1/namespaces/default/configmaps";
const pods = "/api/v1/namespaces/default/pods";
const pod = (name: string, spec: object = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels: { name } },
  spec: { containers: [{ name: "c", image: "img:1" }], ...spec },
});

describe("service account tokens", () => {
  test("a token speaks for its account until the account is gone", async () => {
    await fixture.make(["/api/v1/namespaces/default/serviceaccounts", { metadata: { name: "robot" } }]);
    const issued = await fixture.call("POST", "/api/v1/namespaces/default/serviceaccounts/robot/token", {
      body: { spec: {} },
    });
    expect(issued.status).toBe(201);
    const headers = { authorization: `Bearer ${issued.body.status?.token}` };
    expect((await fixture.call("GET", maps, { headers })).body.message).toContain(
      '"system:serviceaccount:default:robot"',
    );
    await fixture.call("DELETE", "/api/v1/namespaces/default/serviceaccounts/robot");
    await fixture.server.registry
      .of({ group: "", version: "v1", kind: "ServiceAccount", plural: "serviceaccounts", namespaced: true })
      .cache.current();
    expect((await fixture.call("GET", maps, { headers })).status).toBe(401);
  });

  test("a token bound to a pod ends with the pod", async () => {
    await fixture.make([pods, pod("bound")]);
    const boundObjectRef = { kind: "Pod", apiVersion: "v1", name: "bound" };
    const issued = await fixture.call("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", {
      body: { spec: { boundObjectRef, expirationSeconds: 3607 } },
    });
    const review = async () =>
      (
        await fixture.call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {
          body: { spec: { token: issued.body.status?.token } },
        })
      ).body.status;
    expect((await review())?.user?.extra).toMatchObject({ "authentication.kubernetes.io/pod-name": ["bound"] });
    await fixture.call("DELETE", `${pods}/bound`);
    await fixture.call("GET", pods);
    expect(await review()).toEqual({
      user: {},
      error: "[invalid bearer token, service account token has been invalidated]",
    });
  });

  test.each([
    {
      metadata: { name: "other" },
      why: 'metadata.name: Invalid value: "other": must match the service account name if specified',
    },
    {
      metadata: { name: "default", namespace: "kube-system" },
      why: 'metadata.namespace: Invalid value: "kube-system": must match the service account namespace if specified',
    },
  ])("a token for another account than the address names is refused: $why", async ({ metadata, why }) => {
    const path = "/api/v1/namespaces/default/serviceaccounts/default/token";
    const answer = await fixture.call("POST", path, { body: { metadata, spec: {} } });
    expect(answer.body.message).toBe(`TokenRequest.authentication.k8s.io "default" is invalid: ${why}`);
  });

  test("a token for less than ten minutes is refused", async () => {
    const answer = await fixture.call("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", {
      body: { spec: { expirationSeconds: 5 } },
    });
    expect(answer.body.message).toBe(
      'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes',
    );
  });
});
