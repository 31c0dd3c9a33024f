import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { openServerFixture, type ServerFixture } from "../server-fixture.ts";
import { type JwtIssuer, oidcTokens } from "./oidc.ts";
import { clientId, type OidcFixture, openOidcFixture } from "./oidc-fixture.ts";

let provider: OidcFixture;
beforeAll(async () => {
  // The provider tells at length that it is not set up for production.
  for (const method of ["info", "warn"] as const) vi.spyOn(console, method).mockImplementation(() => {});
  provider = await openOidcFixture();
}, 60_000);
afterAll(() => provider[Symbol.asyncDispose]());

const jane = {
  sub: "jane",
  groups: ["devs", "ops"],
  email: "jane@example.com",
  email_verified: true,
  department: "rnd",
};

/** The provider as an issuer, with the usual mappings unless others are given. */
function issuer(rules: Partial<JwtIssuer> = {}): JwtIssuer {
  return {
    issuer: { url: provider.issuer, certificateAuthority: provider.ca, audiences: [clientId] },
    claimMappings: { username: { claim: "sub", prefix: "oidc:" }, groups: { claim: "groups", prefix: "oidc:" } },
    ...rules,
  };
}

/** A clock that can be set ahead. */
function movable(): Clock & { ahead: number } {
  const clock = {
    ...systemClock,
    ahead: 0,
    now: () => systemClock.now() + clock.ahead,
    monotonic: () => systemClock.monotonic() + clock.ahead,
  };
  return clock;
}

describe("tokens of an OpenID Connect provider", () => {
  test("whoever logged in there is known here, by a request as by a review", async () => {
    const token = await provider.logIn(jane);
    await using fixture: ServerFixture = await openServerFixture({ authentication: { jwt: [issuer()] } });
    const headers = { authorization: `Bearer ${token}` };
    const self = await fixture.call("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", { headers, body: {} });
    expect(self.body.status?.userInfo).toEqual({
      username: "oidc:jane",
      groups: ["oidc:devs", "oidc:ops", "system:authenticated"],
    });
    const review = await fixture.call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {
      body: { spec: { token } },
    });
    expect(review.body.status).toMatchObject({ authenticated: true, user: { username: "oidc:jane" } });
    const tampered = `${token.slice(0, -6)}AAAAAA`;
    const refused = await fixture.call("GET", "/api/v1/pods", { headers: { authorization: `Bearer ${tampered}` } });
    expect(refused.status).toBe(401);
  });

  test("a token for another application is refused", async () => {
    const token = await provider.logIn(jane);
    const find = oidcTokens([issuer({ issuer: { ...issuer().issuer, audiences: ["somebody-else"] } })], systemClock);
    expect(await find(token)).toEqual({ fault: expect.stringContaining('unexpected "aud" claim value') });
  });

  test("a token that has ended is refused, although it was good before", async () => {
    const token = await provider.logIn(jane);
    const clock = movable();
    const find = oidcTokens([issuer()], clock);
    expect(await find(token)).toMatchObject({ name: "oidc:jane" });
    clock.ahead = 7_200_000;
    expect(await find(token)).toEqual({ fault: expect.stringContaining('"exp" claim timestamp check failed') });
  });

  test("new keys are fetched when the provider changes its own, and old ones no longer count", async () => {
    await using own = await openOidcFixture();
    const about = issuer({ issuer: { url: own.issuer, certificateAuthority: own.ca, audiences: [clientId] } });
    const clock = movable();
    const find = oidcTokens([about], clock);
    const old = await own.logIn(jane);
    expect(await find(old)).toMatchObject({ name: "oidc:jane" });
    own.rotate();
    const renewed = await own.logIn(jane);
    // At once nobody looks again: whoever sends made-up keys cannot make the server ask without end.
    expect(await find(renewed)).toEqual({ fault: expect.stringContaining("no applicable key found") });
    expect(own.keyRequests).toBe(1);
    clock.ahead = 30_000;
    expect(await find(renewed)).toMatchObject({ name: "oidc:jane" });
    expect(await find(old)).toEqual({ fault: expect.stringContaining("no applicable key found") });
    expect(own.keyRequests).toBe(2);
  });

  test("several issuers each vouch for their own", async () => {
    await using second = await openOidcFixture();
    const other = issuer({
      issuer: { url: second.issuer, certificateAuthority: second.ca, audiences: [clientId] },
      claimMappings: { username: { claim: "email", prefix: "" } },
    });
    const find = oidcTokens([issuer(), other], systemClock);
    expect(await find(await provider.logIn(jane))).toMatchObject({ name: "oidc:jane" });
    expect(await find(await second.logIn(jane))).toMatchObject({ name: "jane@example.com", groups: [] });
    await using stranger = await openOidcFixture();
    expect(await find(await stranger.logIn(jane))).toBeUndefined();
  });

  test("other issuers are believed only once they have told their keys; until then those before stay", async () => {
    await using fixture = await openServerFixture({ authentication: { jwt: [issuer()] } });
    const whoIs = async (token: string) => {
      const { body } = await fixture.call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {
        body: { spec: { token } },
      });
      return body.status?.user?.username as unknown;
    };
    await using second = await openOidcFixture();
    const other = (rest: object) => issuer({ issuer: { ...issuer().issuer, ...rest } });
    const gone = await openOidcFixture();
    await gone[Symbol.asyncDispose]();
    const tokens = [await provider.logIn(jane), await second.logIn(jane)] as const;
    await expect(fixture.server.useIssuers([other({ url: gone.issuer })])).rejects.toMatchObject({
      code: "unavailable",
    });
    const misnamed = { url: "https://127.0.0.1:1", discoveryURL: `${second.issuer}/.well-known/openid-configuration` };
    await expect(fixture.server.useIssuers([other({ ...misnamed, certificateAuthority: second.ca })])).rejects.toThrow(
      "issuer did not match the issuer returned by provider",
    );
    expect(await Promise.all(tokens.map(whoIs))).toEqual(["oidc:jane", undefined]);
    await fixture.server.useIssuers([other({ url: second.issuer, certificateAuthority: second.ca })]);
    expect(await Promise.all(tokens.map(whoIs))).toEqual([undefined, "oidc:jane"]);
  });

  test("an address that nobody has verified names nobody", async () => {
    const find = oidcTokens([issuer({ claimMappings: { username: { claim: "email" } } })], systemClock);
    const token = await provider.logIn({ ...jane, sub: "mallory", email_verified: false });
    expect(await find(token)).toEqual({ fault: "oidc: verify token: oidc: email not verified" });
  });

  test("expressions map claims, and refuse what they are told to refuse", async () => {
    const find = oidcTokens(
      [
        issuer({
          claimValidationRules: [{ expression: 'claims.department == "rnd"', message: "rnd only" }],
          claimMappings: {
            username: { expression: '"staff:" + claims.sub' },
            groups: { expression: 'claims.groups.map(group, "team-" + group)' },
            uid: { expression: "claims.sub" },
            extra: [{ key: "example.com/department", valueExpression: "claims.department" }],
          },
          userValidationRules: [{ expression: "!user.username.endsWith('root')", message: "no root" }],
        }),
      ],
      systemClock,
    );
    expect(await find(await provider.logIn(jane))).toEqual({
      name: "staff:jane",
      uid: "jane",
      groups: ["team-devs", "team-ops"],
      extra: { "example.com/department": ["rnd"] },
    });
    expect(await find(await provider.logIn({ ...jane, sub: "joe", department: "sales" }))).toEqual({
      fault: expect.stringContaining("rnd only"),
    });
    expect(await find(await provider.logIn({ ...jane, sub: "root" }))).toEqual({
      fault: expect.stringContaining("no root"),
    });
  });

  test("an expression that does not compile is refused at the start", () => {
    const rules = issuer({ claimMappings: { username: { expression: "claims.sub +" } } });
    expect(() => oidcTokens([rules], systemClock)).toThrow(
      "jwt[0].claimMappings.username.expression: compilation failed",
    );
  });
});
