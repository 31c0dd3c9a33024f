import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { GlobalFlags } from "../flags/global.ts";
import { globalFlags } from "../flags/global.ts";
import { resolveAccess } from "./access.ts";
import { loadKubeconfig } from "./kubeconfig.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "navarch-kubeconfig-"));
  writeFileSync(join(folder, "ca.pem"), "CA");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, config: object): string => {
  const file = join(folder, name);
  writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "Config", ...config }));
  return file;
};
const context = (name: string, cluster: string, user: string, namespace?: string) => ({
  name,
  context: { cluster, user, namespace },
});
const defaults = Object.fromEntries(
  Object.entries(globalFlags).map(([name, flag]) => [name, flag.default]),
) as GlobalFlags;
const load = (env: Record<string, string>, explicit = "") =>
  loadKubeconfig({ explicit, env: { HOME: folder, ...env }, cwd: folder });

const first = () =>
  write("first", {
    clusters: [{ name: "one", cluster: { server: "https://one", "certificate-authority": "ca.pem" } }],
    users: [{ name: "me", user: { token: "first" } }],
    contexts: [context("one", "one", "me", "shop")],
  });
const second = () =>
  write("second", {
    clusters: [
      { name: "one", cluster: { server: "https://other" } },
      { name: "two", cluster: { server: "https://two" } },
    ],
    users: [{ name: "me", user: { token: "second" } }],
    contexts: [context("two", "two", "me")],
    "current-context": "two",
  });

describe("several files", () => {
  test("the first that names something decides it, and what only a later one has counts too", () => {
    const merged = load({ KUBECONFIG: `${first()}:${join(folder, "missing")}:${second()}` });
    expect(merged.currentContext).toBe("two");
    expect(merged.clusters.get("one")?.server).toBe("https://one");
    expect(merged.clusters.get("two")?.server).toBe("https://two");
    expect(merged.users.get("me")?.token).toBe("first");
  });

  test("paths are meant from the folder of the file that has them", () => {
    const { clusters } = load({ KUBECONFIG: first() });
    expect(clusters.get("one")?.["certificate-authority"]).toBe(join(folder, "ca.pem"));
  });

  test("an explicit file stands alone and must be there", () => {
    expect(load({ KUBECONFIG: first() }, second()).contexts.has("one")).toBe(false);
    expect(() => load({}, "nope")).toThrow("stat nope: no such file or directory");
  });
});

describe("what a command connects with", () => {
  const access = (flags: Partial<GlobalFlags>, files = `${first()}:${second()}`) =>
    resolveAccess(load({ KUBECONFIG: files }), { ...defaults, ...flags }, { env: {}, cwd: folder });

  test("is the current context's, and flags win over it", () => {
    expect(access({})).toMatchObject({
      cluster: { server: "https://two" },
      namespace: "default",
      namespaceGiven: false,
    });
    expect(access({ context: "one" })).toMatchObject({ cluster: { server: "https://one" }, namespace: "shop" });
    expect(access({ context: "one", namespace: "x", server: "https://three" })).toMatchObject({
      cluster: { server: "https://three" },
      namespace: "x",
      namespaceGiven: true,
    });
  });

  test("a token by flag replaces what the file says about who one is", () => {
    expect(access({ token: "flag" }).user).toEqual({ token: "flag" });
    expect(access({ username: "a", password: "b" }).user).toEqual({ username: "a", password: "b" });
  });

  test("asking for an insecure connection drops the authority", () => {
    expect(access({ context: "one", "insecure-skip-tls-verify": true }).cluster).toEqual({
      server: "https://one",
      "insecure-skip-tls-verify": true,
    });
  });

  test.each([
    { flags: { context: "nope" }, says: "context was not found for specified context: nope" },
    { flags: { cluster: "nope" }, says: 'no server found for cluster "nope"' },
    { flags: { user: "nope" }, says: 'auth info "nope" does not exist' },
    { flags: { "request-timeout": "x" }, says: "Invalid timeout value" },
  ])("$says", ({ flags, says }) => {
    expect(() => access(flags)).toThrow(says);
  });

  test.each([
    { written: "0", ms: 0 },
    { written: "5", ms: 5000 },
    { written: "1m", ms: 60_000 },
  ])("--request-timeout=$written is $ms milliseconds", ({ written, ms }) => {
    expect(access({ "request-timeout": written }).timeout).toBe(ms);
  });

  test("without any kubeconfig it is the port of old on this machine", () => {
    expect(access({}, join(folder, "missing")).cluster.server).toBe("http://localhost:8080");
  });
});
