import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type GlobalFlags, globalFlags } from "../flags/global.ts";
import type { Host, Terminal } from "../host.ts";
import { hostIn } from "../host-fixture.ts";
import { resolveAccess } from "./access.ts";
import { connect } from "./connect.ts";
import type { ExecEntry, UserEntry } from "./kubeconfig.ts";
import type { PluginPolicy } from "./plugin-policy.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "navarch-credentials-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const start = Date.parse("2030-01-01T00:00:00Z");

/** A plug-in that counts its calls, keeps what it was told, and answers with this. */
function plugin(answer: string, more: Partial<ExecEntry> = {}): ExecEntry {
  writeFileSync(join(folder, "answer"), answer);
  const script = 'echo call >> calls; printf %s "$KUBERNETES_EXEC_INFO" > told; sed "s/CALL/$(wc -l < calls)/g" answer';
  return { apiVersion: "client.authentication.k8s.io/v1", command: "sh", args: ["-c", script], ...more };
}

const credential = (status: object, apiVersion = "client.authentication.k8s.io/v1") =>
  JSON.stringify({ kind: "ExecCredential", apiVersion, status });

async function headersOf(user: UserEntry, host: Host) {
  await using connection = connect(
    { cluster: { server: "https://one" }, user, namespace: "", namespaceGiven: false, timeout: 0 },
    host,
  );
  return (await connection.upgrade("/x")).headers ?? {};
}

describe("a credential plug-in", () => {
  test("does not run where the preferences forbid it", async () => {
    const user = { exec: plugin(credential({ token: "secret" })) };
    const access = { cluster: { server: "https://one" }, user, namespace: "", namespaceGiven: false, timeout: 0 };
    const calling = (policy: PluginPolicy) => connect(access, hostIn(folder, start), policy).upgrade("/x");
    await expect(calling({ type: "DenyAll", allowlist: undefined })).rejects.toThrow(
      'Unable to connect to the server: getting credentials: plugin "sh" not allowed: policy set to "DenyAll"',
    );
    expect(existsSync(join(folder, "calls"))).toBe(false);
  });

  test("gives the token, and is told what the kubeconfig lets it know", async () => {
    const exec = plugin(credential({ token: "secret" }), { provideClusterInfo: true });
    expect(await headersOf({ exec }, hostIn(folder, start))).toMatchObject({ authorization: "Bearer secret" });
    expect(JSON.parse(readFileSync(join(folder, "told"), "utf8"))).toEqual({
      kind: "ExecCredential",
      apiVersion: "client.authentication.k8s.io/v1",
      spec: { cluster: { server: "https://one", config: null }, interactive: false },
    });
  });

  test("is asked again when its answer has expired, and not before", async () => {
    const host = hostIn(folder, start);
    const exec = plugin(credential({ token: "tokenCALL", expirationTimestamp: "203CALL-01-01T00:00:00Z" }));
    await using connection = connect(
      { cluster: { server: "https://one" }, user: { exec }, namespace: "", namespaceGiven: false, timeout: 0 },
      host,
    );
    const token = async () => (await connection.upgrade("/x")).headers?.authorization;
    expect([await token(), await token()]).toEqual(["Bearer token1", "Bearer token1"]);
    host.clock.advance(Date.parse("2031-01-01T00:00:00Z") - start - 5_000);
    expect(await token()).toBe("Bearer token1");
    host.clock.advance(5_001);
    expect(await token()).toBe("Bearer token2");
  });

  test("has the variables that the kubeconfig adds", async () => {
    const script = `printf '%s' '${credential({ token: "CALL" })}' | sed "s/CALL/$REGION/"`;
    const exec = plugin("", { args: ["-c", script], env: [{ name: "REGION", value: "north" }] });
    expect(await headersOf({ exec }, hostIn(folder, start))).toMatchObject({ authorization: "Bearer north" });
  });

  test.each([
    {
      name: "one that is not there is named, with the hint of the kubeconfig",
      exec: () => plugin("", { command: "no-such-plugin", installHint: "Install it." }),
      says: "#client-go-credential-plugins\n\nInstall it.",
    },
    {
      name: "one that fails is told of with its exit code",
      exec: () => plugin("", { args: ["-c", "exit 3"] }),
      says: "executable sh failed with exit code 3",
    },
    { name: "what is no JSON is refused", exec: () => plugin("hello"), says: "getting credentials: decoding stdout" },
    {
      name: "an answer of another version is refused",
      exec: () => plugin(credential({ token: "a" }, "client.authentication.k8s.io/v1beta1")),
      says: "plugin returned version client.authentication.k8s.io/v1beta1",
    },
    {
      name: "an answer without a credential is refused",
      exec: () => plugin(credential({})),
      says: "didn't return a token or cert/key pair",
    },
    {
      name: "a certificate without its key is refused",
      exec: () => plugin(credential({ clientCertificateData: "pem" })),
      says: "returned only certificate or key, not both",
    },
    {
      name: "a version that is long gone is refused",
      exec: () => plugin("", { apiVersion: "client.authentication.k8s.io/v1alpha1" }),
      says: 'exec plugin: invalid apiVersion "client.authentication.k8s.io/v1alpha1"',
    },
    {
      name: "one that must talk to a person needs a terminal",
      exec: () => plugin("", { interactiveMode: "Always" }),
      says: "exec plugin cannot support interactive mode: standard input is not a terminal",
    },
  ])("$name", async ({ exec, says }) => {
    await expect(headersOf({ exec: exec() }, hostIn(folder, start))).rejects.toThrow(says);
  });
});

describe("a file with a token", () => {
  test("is read at each call, so that a token that is renewed counts", async () => {
    const tokenFile = join(folder, "token");
    await using connection = connect(
      {
        cluster: { server: "https://one" },
        user: { tokenFile, token: "old" },
        namespace: "",
        namespaceGiven: false,
        timeout: 0,
      },
      hostIn(folder, start),
    );
    const token = async () => (await connection.upgrade("/x")).headers?.authorization;
    expect(await token()).toBe("Bearer old");
    writeFileSync(tokenFile, "first\n");
    expect(await token()).toBe("Bearer first");
    writeFileSync(tokenFile, "second\n");
    expect(await token()).toBe("Bearer second");
  });
});

describe("who one is", () => {
  const over = async (server: string, user: UserEntry, host: Host) => {
    const access = { cluster: { server }, user, namespace: "", namespaceGiven: false, timeout: 0 };
    await using connection = connect(access, host);
    return (await connection.upgrade("/x")).headers ?? {};
  };

  test.each(["http://one", "one:8080"])("is no secret that goes over %s", async (server) => {
    const user = { token: "secret", as: "jo" };
    const headers = await over(server, user, hostIn(folder, start));
    expect(headers).toMatchObject({ "impersonate-user": "jo" });
    expect(headers).not.toHaveProperty("authorization");
  });

  test("is asked of the person where the kubeconfig says nothing of it, the password unseen", async () => {
    const said: string[] = [];
    const modes: string[] = [];
    const terminal: Terminal = {
      size: () => undefined,
      onResize: () => ({ [Symbol.dispose]: () => {} }),
      raw() {
        modes.push("raw");
        return { [Symbol.dispose]: () => void modes.push("plain") };
      },
    };
    const stdin = Readable.from([Buffer.from("\n jo x\npass"), Buffer.from("word\r")]);
    const stdout = { write: (text: string | Uint8Array) => void said.push(String(text)), isTerminal: true };
    const headers = await over("https://one", {}, { ...hostIn(folder, start), terminal, stdin, stdout });
    expect(headers).toMatchObject({ authorization: `Basic ${Buffer.from("jo:password").toString("base64")}` });
    expect(said.join("")).toBe("Please enter Username: Please enter Password: \n");
    expect(modes).toEqual(["raw", "plain"]);
  });

  test("a plug-in is not asked where the kubeconfig has a token", async () => {
    const exec = plugin(credential({ token: "told" }));
    expect(await headersOf({ exec, token: "own" }, hostIn(folder, start))).toMatchObject({
      authorization: "Bearer own",
    });
    expect(existsSync(join(folder, "calls"))).toBe(false);
  });
});

describe("inside a pod", () => {
  const nothing = { clusters: new Map(), users: new Map(), contexts: new Map(), currentContext: "" };
  const defaults = Object.fromEntries(
    Object.entries(globalFlags).map(([name, flag]) => [name, flag.default]),
  ) as GlobalFlags;
  const env = { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };
  const resolve = (surroundings: Record<string, string>, accountFolder: string, flags = defaults) =>
    resolveAccess(nothing as never, flags, { env: surroundings, cwd: folder, accountFolder });
  const account = () => {
    const place = join(folder, "account");
    mkdirSync(place);
    for (const [name, text] of Object.entries({ token: "t", "ca.crt": "pem", namespace: "shop\n" })) {
      writeFileSync(join(place, name), text);
    }
    return place;
  };

  test("the pod's own account is used where no kubeconfig says anything", () => {
    const place = account();
    expect(resolve(env, place)).toMatchObject({
      cluster: { server: "https://10.96.0.1:443", "certificate-authority": join(place, "ca.crt") },
      user: { tokenFile: join(place, "token") },
      namespace: "shop",
    });
  });

  test("an address of IPv6 stands in brackets, and a namespace that is asked for wins", () => {
    const found = resolve({ ...env, KUBERNETES_SERVICE_HOST: "fd00::1" }, account(), { ...defaults, namespace: "own" });
    expect(found.cluster.server).toBe("https://[fd00::1]:443");
    expect(found.namespace).toBe("own");
  });

  test("without a token, or with a server that is named, it is not", () => {
    expect(resolve(env, join(folder, "none")).cluster.server).toBe("http://localhost:8080");
    const named = resolve(env, account(), { ...defaults, server: "https://elsewhere" });
    expect(named.cluster.server).toBe("https://elsewhere");
    expect(named.user).toEqual({});
  });
});
