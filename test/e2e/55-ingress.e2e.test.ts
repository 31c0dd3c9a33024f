import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { get as getHttp, type IncomingMessage } from "node:http";
import { type Agent, get as getHttps } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "./tools/eventually.ts";
import { hammer } from "./tools/hammer.ts";
import { ownNamespace, sharedCluster } from "./tools/spec.ts";
import { webDeployment, webService } from "./tools/workloads.ts";

const cluster = sharedCluster();
const ns = ownNamespace(cluster, "ingress");
const kubectl = (...args: readonly string[]) => cluster.kubectl("-n", ns, ...args);
const examples = join(import.meta.dirname, "../../examples");
const folder = mkdtempSync(join(tmpdir(), "navarch-ingress-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const echoserver = "gcr.io/google_containers/echoserver:1.3";
let address: string;

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
  /** Whom the certificate is for. */
  readonly shown: string | undefined;
}

/** One request on a connection of its own, believing any certificate. */
function ask(url: string, host?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const answered = (answer: IncomingMessage) => {
      const { statusCode = 0, headers, socket } = answer;
      const shown = (socket as Partial<TLSSocket>).getPeerCertificate?.()?.subject?.CN;
      let body = "";
      answer.setEncoding("utf8").on("data", (part: string) => {
        body += part;
      });
      answer.on("end", () =>
        resolve({ status: statusCode, location: headers.location, body, shown: shown?.toString() }),
      );
    };
    const options = { agent: false as false | Agent, timeout: 10_000, ...(host ? { headers: { host } } : {}) };
    const asked = url.startsWith("https:")
      ? getHttps(url, { ...options, rejectUnauthorized: false, ...(host ? { servername: host } : {}) }, answered)
      : getHttp(url, { ...options, agent: false }, answered);
    asked.on("timeout", () => asked.destroy(new Error("no answer within 10 s")));
    asked.on("error", reject);
  });
}

/** The files that `openssl req` makes in the document of 2016. */
function certificateFor(name: string): { readonly cert: string; readonly key: string } {
  const [cert, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  const made = ["-x509", "-nodes", "-days", "365", "-newkey", "rsa:2048", "-subj", `/CN=${name}/O=${name}`];
  execFileSync("openssl", ["req", ...made, "-keyout", key, "-out", cert], { stdio: "ignore" });
  return { cert, key };
}

async function tlsSecret(name: string, subject: string): Promise<void> {
  const { cert, key } = certificateFor(subject);
  const text = await kubectl(
    "create",
    "secret",
    "tls",
    name,
    "--cert",
    cert,
    "--key",
    key,
    "--dry-run=client",
    "-o=json",
  );
  await cluster.apply(ns, JSON.parse(text) as object);
}

beforeAll(async () => {
  const built = await cluster.navarch(["image", "build", join(examples, "images/echoserver.yaml")], {
    patience: 300_000,
  });
  expect(built.code, built.stderr).toBe(0);
  const loaded = await cluster.navarch(["image", "load", echoserver, "--name", cluster.place.name], {
    patience: 120_000,
  });
  expect(loaded.code, loaded.stderr).toBe(0);
  await kubectl("create", "deployment", "echoheaders", `--image=${echoserver}`, "--port=8080");
  await kubectl("expose", "deployment", "echoheaders", "--target-port=8080", "--type=NodePort");
  await cluster.apply(ns, webDeployment("web", 2), webService("web"));
  await kubectl("rollout", "status", "deployment/echoheaders", "--timeout=90s");
  await kubectl("rollout", "status", "deployment/web", "--timeout=90s");
});

describe("the walk-through of 2016", () => {
  test("the Ingress is given the node's address", async () => {
    await tlsSecret("tls", "echoheaders");
    await kubectl("create", "-f", join(examples, "2016/ingress.yaml"));
    const [node] = (await cluster.get("nodes")).items;
    address = node?.status.addresses.find(({ type }: { type: string }) => type === "InternalIP").address;
    await eventually("kubectl get ing shows it", async () => {
      const [, row] = (await kubectl("get", "ing", "test")).split("\n");
      expect(row?.split(/\s+/)).toContain(address);
    });
  });

  test("port 80 answers with the printed page, and leads to 443", async () => {
    const answer = await eventually("it is answered for", async () => {
      const seen = await ask(`http://${address}/`);
      expect(seen.status).toBe(301);
      return seen;
    });
    expect(answer.location).toBe(`https://${address}/`);
    expect(answer.body).toContain(
      '<head><title>301 Moved Permanently</title></head><body bgcolor="white"><center><h1>301 Moved Permanently</h1></center>',
    );
  });

  test("port 443 ends TLS by the given certificate, and the pod sees who asked for what", async () => {
    const answer = await eventually("the Secret is used", async () => {
      const seen = await ask(`https://${address}/path?a=b`);
      expect(seen.shown).toBe("echoheaders");
      return seen;
    });
    expect(answer.body).toContain("CLIENT VALUES:");
    expect(answer.body).toContain("command=GET");
    expect(answer.body).toContain("real path=/path?a=b");
    expect(answer.body).toContain("x-forwarded-proto=https");
  });

  test("a Secret that changes is used by the next handshake; one that is broken is told, and the default is shown", async () => {
    await tlsSecret("tls", "renewed");
    await eventually("the new certificate is shown", async () =>
      expect((await ask(`https://${address}/`)).shown).toBe("renewed"),
    );
    const patch = JSON.stringify({ data: { "tls.crt": Buffer.from("nonsense").toString("base64") } });
    await kubectl("patch", "secret", "tls", "--type=merge", "-p", patch);
    await eventually("the default certificate is shown", async () =>
      expect((await ask(`https://${address}/`)).shown).toBe("Navarch Ingress Default Certificate"),
    );
    await eventually("an event says why", async () =>
      expect(await kubectl("get", "events", "--field-selector=reason=CertificateUnusable")).toContain("ingress/test"),
    );
  });

  test("whoever serves Ingresses reads the Secrets that these name, and no others", async () => {
    const may = async (...what: readonly string[]) =>
      (await cluster.tryKubectl(["auth", "can-i", ...what, "-n", ns, "--as=system:ingress"])).stdout.trim();
    expect(await may("get", "secrets/tls")).toBe("yes");
    expect(await may("get", "secrets/other")).toBe("no");
    expect(await may("list", "secrets")).toBe("no");
  });
});

describe("hosts, paths and classes", () => {
  const path = (text: string, pathType: string, name: string, number: number) => ({
    ...{ path: text, pathType },
    backend: { service: { name, port: { number } } },
  });
  const ingress = (name: string, spec: object) => ({
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name },
    spec,
  });

  test("names lead to different services, with certificates of their own", async () => {
    await tlsSecret("secure", "secure.example.com");
    await cluster.apply(
      ns,
      ingress("hosts", {
        tls: [{ hosts: ["secure.example.com"], secretName: "secure" }],
        rules: [
          { host: "*.example.com", http: { paths: [path("/", "Prefix", "echoheaders", 8080)] } },
          { host: "secure.example.com", http: { paths: [path("/env", "Exact", "web", 80)] } },
        ],
      }),
    );
    await eventually("the wildcard leads to the echoserver", async () =>
      expect((await ask(`http://${address}/env`, "any.example.com")).body).toContain("real path=/env"),
    );
    expect((await ask(`http://${address}/env`, "secure.example.com")).status).toBe(301);
    await eventually("the host has its certificate", async () => {
      const answer = await ask(`https://${address}/env`, "secure.example.com");
      expect(answer.shown).toBe("secure.example.com");
      expect(answer.body).toContain("HOSTNAME");
    });
  });

  test("an Ingress of another class is left alone", async () => {
    const rules = [{ host: "other.test", http: { paths: [path("/", "Prefix", "web", 80)] } }];
    await cluster.apply(ns, ingress("foreign", { ingressClassName: "foreign", rules }));
    const seen = await cluster.get("ingress", "foreign", "-n", ns);
    expect(seen.status.loadBalancer).toEqual({});
    // Nobody's host goes to the default back end, which is for HTTPS only.
    expect((await ask(`http://${address}/`, "other.test")).status).toBe(301);
  });

  test("a rolling update under load fails no request", async () => {
    await cluster.apply(ns, ingress("rolling", { rules: [{ http: { paths: [path("/env", "Exact", "web", 80)] } }] }));
    const url = `http://${address}/env`;
    await eventually("it is answered for", async () => expect((await ask(url)).status).toBe(200));
    await using hammering = hammer(url, { connections: 8 });
    await hammering.sees((body) => body.includes('"RELEASE": "1"'));
    await kubectl("set", "env", "deployment/web", "RELEASE=2");
    await kubectl("rollout", "status", "deployment/web", "--timeout=90s");
    await hammering.sees((body) => body.includes('"RELEASE": "2"'));
    const { answered, failures } = await hammering.stop();
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(50);
  });
});
