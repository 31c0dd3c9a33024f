import { expect, test } from "vitest";
import type { Log, LogFields } from "../../src/lib/log.ts";
import { openServerFixture } from "../../src/server/server-fixture.ts";

/** A log that remembers every line of every level. */
function rememberingLog(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  const write = (message: string, fields?: LogFields) => {
    const shown = Object.entries(fields ?? {}).map(([name, value]) => {
      return `${name}=${value instanceof Error ? `${value.message} ${value.stack}` : JSON.stringify(value)}`;
    });
    lines.push(`${message} ${shown.join(" ")}`);
  };
  const log: Log = { debug: write, info: write, warn: write, error: write, child: () => log };
  return { log, lines };
}

test("no log line of any level has a secret, a token or a password in it", async () => {
  const { log, lines } = rememberingLog();
  await using fixture = await openServerFixture({ log });
  const { call } = fixture;
  const password = "correct-horse-battery";
  const path = "/api/v1/namespaces/default/secrets";
  const secret = { metadata: { name: "s" }, stringData: { password } };
  expect((await call("POST", path, { body: secret })).status).toBe(201);
  // What goes wrong is where texts slip out.
  await call("POST", path, { body: secret });
  await call("POST", path, { body: { ...secret, metadata: { name: "Not A Name" } } });
  await call("POST", path, { body: `{"stringData": {"password": "${password}"` });
  await call("POST", path, { body: `{"stringData": "${password}"}`, headers: { "content-type": "application/yaml" } });
  await call("PATCH", `${path}/s`, {
    body: [{ op: "test", path: "/data/password", value: password }],
    headers: { "content-type": "application/json-patch+json" },
  });
  const requested = await call("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", {
    body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { audiences: [] } },
  });
  const token = String(requested.body.status?.token);
  await call("GET", path, { headers: { authorization: `Bearer ${token}` } });
  await call("GET", path, { headers: { authorization: `Bearer ${token}x` } });
  await call("GET", path, { headers: { authorization: `Basic ${Buffer.from(`a:${password}`).toString("base64")}` } });
  await call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {
    body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token: `${token}y` } },
  });
  const all = lines.join("\n");
  for (const text of [password, Buffer.from(password).toString("base64"), token.split(".")[2] ?? token]) {
    expect(all).not.toContain(text);
  }
});
