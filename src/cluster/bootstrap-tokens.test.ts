import { expect, test } from "vitest";
import type { Secret } from "../api/core/secret.ts";
import { signingToken } from "../controllers/service-account/bootstrap-signer.ts";
import { seededRandom } from "../lib/random.ts";
import { generateToken, parseToken, tokenId, tokenIn, tokenSecret, tokenText } from "./bootstrap-tokens.ts";

const now = Date.parse("2026-01-01T00:00:00Z");

test("random tokens have the form that Kubernetes asks for, and differ", () => {
  const random = seededRandom(1);
  const made = Array.from({ length: 50 }, () => tokenText(generateToken(random)));
  expect(new Set(made).size).toBe(50);
  for (const text of made) expect(text).toMatch(/^[a-z0-9]{6}\.[a-z0-9]{16}$/);
});

test.each([
  "",
  "abcdef",
  "abcdef.0123456789abcde",
  "ABCDEF.0123456789abcdef",
  "abcdef.0123456789abcdef.x",
])('"%s" is no token', (text) => {
  expect(() => parseToken(text)).toThrow(/is not of the form \[a-z0-9\]\{6\}\.\[a-z0-9\]\{16\}/);
});

test("a token is named by itself or by its id", () => {
  expect(tokenId("abcdef.0123456789abcdef")).toBe("abcdef");
  expect(tokenId("abcdef")).toBe("abcdef");
  expect(() => tokenId("abc")).toThrow();
});

test("what a Secret keeps of a token is what is read of it, and what the signer signs with", () => {
  const token = { id: "abcdef", secret: "0123456789abcdef" };
  const terms = {
    description: "for the attic",
    expires: now + 3_600_000,
    usages: ["authentication", "signing"],
    groups: ["system:bootstrappers:attic"],
  };
  const secret = tokenSecret(token, terms) as Secret;
  expect(secret.metadata).toEqual({ namespace: "kube-system", name: "bootstrap-token-abcdef" });
  expect(tokenIn(secret)).toEqual({ ...token, ...terms });
  expect(signingToken(secret, now)).toEqual(token);
  expect(signingToken(secret, now + 3_600_001)).toBeUndefined();
  expect(tokenIn({ ...secret, type: "Opaque" })).toBeUndefined();
});
