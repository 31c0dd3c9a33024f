import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { expect, test, vi } from "vitest";
import { connect } from "./connect.ts";

const whole = {
  clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:1" } }],
  users: [{ name: "u", user: { token: "t" } }],
  contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
  "current-context": "x",
};
const text = (other: object = {}) => JSON.stringify({ ...whole, ...other });

test.each([
  { lacks: "a current context", kubeconfig: text({ "current-context": "" }), says: "current-context is not set" },
  { lacks: "its context", kubeconfig: text({ contexts: [] }), says: 'kubeconfig: contexts has no "x"' },
  { lacks: "its cluster", kubeconfig: text({ clusters: [] }), says: 'kubeconfig: clusters has no "c"' },
  { lacks: "its user", kubeconfig: text({ users: [] }), says: 'kubeconfig: users has no "u"' },
  {
    lacks: "a server",
    kubeconfig: text({ clusters: [{ name: "c", cluster: {} }] }),
    says: "the cluster of context x has no server",
  },
  {
    lacks: "a way to sign in that is known here",
    kubeconfig: text({ users: [{ name: "u", user: { exec: { command: "sso" } } }] }),
    says: "users that sign in by exec are not supported here",
  },
  {
    lacks: "a file that it names",
    kubeconfig: text({
      clusters: [{ name: "c", cluster: { server: "https://a", "certificate-authority": "/no/ca" } }],
    }),
    says: "/no/ca",
  },
])("a kubeconfig without $lacks is refused", ({ kubeconfig, says }) => {
  expect(() => connect({ kubeconfig })).toThrow(says);
});

test("another context can be asked for", () => {
  expect(() => connect({ kubeconfig: text(), context: "y" })).toThrow('kubeconfig: contexts has no "y"');
});

test("outside of a pod the kubeconfig of the environment is taken, or that of the home", async () => {
  const folder = mkdtempSync(join(tmpdir(), "navarch-connect-"));
  try {
    const file = join(folder, "one");
    writeFileSync(file, text());
    vi.stubEnv("KUBERNETES_SERVICE_HOST", "");
    vi.stubEnv("KUBECONFIG", file);
    await connect()[Symbol.asyncDispose]();
    expect(() => connect({ context: "y" })).toThrow('kubeconfig: contexts has no "y"');
    vi.stubEnv("KUBECONFIG", `${file}${delimiter}${join(folder, "two")}`);
    expect(() => connect()).toThrow("KUBECONFIG names several files");
    vi.stubEnv("KUBECONFIG", "");
    vi.stubEnv("HOME", folder);
    expect(() => connect()).toThrow(`in no pod and there is no ${folder}/.kube/config; say which kubeconfig to use`);
  } finally {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  }
});

test("nobody is called before the first request, and a server that is not there is told as such", async () => {
  await using connection = connect({ kubeconfig: text() });
  const kind = { group: "", version: "v1", kind: "Pod", plural: "pods", namespaced: true };
  await expect(connection.client.list(kind)).rejects.toMatchObject({ code: "unavailable" });
});
