import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { silentLog } from "../lib/log.ts";
import { Metrics } from "../lib/metrics.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import type { JwtIssuer } from "../server/authentication/oidc.ts";
import type { AuthorizerChoice } from "../server/authorization/open-authorizers.ts";
import { followAccessFiles } from "./access-files.ts";

const folder = mkdtempSync(join(tmpdir(), "navarch-access-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const issuer = (host: string) =>
  `{ issuer: { url: "https://${host}", audiences: [a] }, claimMappings: { username: { claim: sub, prefix: "" } } }`;
const authentication = (hosts: readonly string[], rest = "") =>
  `apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt: [${hosts.map(issuer).join(", ")}]\n${rest}`;
const authorization = (types: readonly string[]) =>
  `apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\nauthorizers: [${types
    .map((type) => `{ type: ${type}, name: ${type.toLowerCase()} }`)
    .join(", ")}]\n`;

interface Used {
  readonly issuers: string[][];
  readonly authorizers: string[][];
}

async function follow(flag: string, first: string, later: readonly string[]): Promise<Used & { failures: number }> {
  const path = join(folder, `${flag}.yaml`);
  writeFileSync(path, first);
  const used: Used = { issuers: [], authorizers: [] };
  const server = {
    async useIssuers(issuers: readonly JwtIssuer[]) {
      used.issuers.push(issuers.map((one) => one.issuer.url));
    },
    useAuthorizers: (choices: readonly AuthorizerChoice[]) =>
      void used.authorizers.push(choices.map(({ type }) => type)),
  };
  const clock = new VirtualClock();
  const metrics = new Metrics();
  using _following = followAccessFiles({ [flag]: path }, server, { clock, log: silentLog, metrics });
  const looks = async () => {
    const counted = [...(await metrics.text()).matchAll(/reloads_total\{status="(\w+)"\} (\d+)/g)];
    return new Map(counted.map(([, status, count]) => [status, Number(count)]));
  };
  const total = async () => [...(await looks()).values()].reduce((sum, count) => sum + count, 0);
  const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
  for (const [index, text] of later.entries()) {
    writeFileSync(path, text);
    await clock.pass(60_000, settled);
    await vi.waitFor(async () => expect(await total()).toBe(index + 1), { timeout: 30_000 });
    await settled(); // the next look is asked for after the count
  }
  return { ...used, failures: (await looks()).get("failure") ?? 0 };
}

test("other issuers are believed once the file names them; what makes no sense leaves those before", async () => {
  const { issuers, failures } = await follow("authentication-config", authentication(["one.example.com"]), [
    authentication(["one.example.com", "two.example.com"]),
    "kind: Nonsense",
    authentication(["three.example.com"]),
  ]);
  expect(issuers).toEqual([["https://one.example.com", "https://two.example.com"], ["https://three.example.com"]]);
  expect(failures).toBe(1);
});

test("who may be anonymous stays as it was at the start", async () => {
  const later = [authentication(["two.example.com"], "anonymous: { enabled: true }\n")];
  const { issuers, failures } = await follow("authentication-config", authentication(["one.example.com"]), later);
  expect({ issuers, failures }).toEqual({ issuers: [], failures: 1 });
});

test("authorizers may change their order, and none but webhooks may come or go", async () => {
  const { authorizers, failures } = await follow("authorization-config", authorization(["Node", "RBAC"]), [
    authorization(["RBAC", "Node"]),
    authorization(["RBAC"]),
  ]);
  expect({ authorizers, failures }).toEqual({ authorizers: [["RBAC", "Node"]], failures: 1 });
});
