import { afterEach, beforeAll, expect, test } from "vitest";
import { detachedSignature } from "../controllers/service-account/bootstrap-signer.ts";
import { systemClock } from "../lib/clock.ts";
import { systemRandom } from "../lib/random.ts";
import { type HttpServer, openHttpServer } from "../wire/http-server.ts";
import { createAuthority, type KeyPair, openAuthority } from "./certificates.ts";
import { caHash, discoverAuthority, joinCommand } from "./discovery.ts";

const tools = { clock: systemClock, random: systemRandom };
const token = { id: "abcdef", secret: "0123456789abcdef" };
const path = "/api/v1/namespaces/kube-public/configmaps/cluster-info";
let authority: KeyPair;
let serving: KeyPair;
let server: HttpServer | undefined;

beforeAll(async () => {
  authority = await createAuthority("right", tools);
  serving = await openAuthority(authority, tools).issue({ commonName: "s", usage: "server", names: ["127.0.0.1"] });
});
afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  server = undefined;
});

const kubeconfigOf = (ca: string) =>
  JSON.stringify({ clusters: [{ cluster: { "certificate-authority-data": Buffer.from(ca).toString("base64") } }] });

/** Serves a cluster-info; another one from the second call on, if there is one. */
async function serve(first: Readonly<Record<string, string>>, later = first): Promise<string> {
  let calls = 0;
  server = await openHttpServer({
    host: "127.0.0.1",
    port: 0,
    tls: serving,
    handle: async (request) => {
      if (request.target !== path) return { status: 404 };
      const data = calls++ === 0 ? first : later;
      const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "cluster-info" }, data };
      return {
        status: 200,
        headers: { "content-type": "application/json" },
        body: Buffer.from(JSON.stringify(body)),
      };
    },
  });
  return `https://127.0.0.1:${server.port}`;
}

const discover = (url: string, caHashes: readonly string[] = []) =>
  discoverAuthority({ server: url, token, caHashes, clock: systemClock, patience: 0 });

function signed(ca: string, by = token) {
  const kubeconfig = kubeconfigOf(ca);
  return { kubeconfig, [`jws-kubeconfig-${by.id}`]: detachedSignature(kubeconfig, by) };
}

test("the authority of who knows the token counts, and of the hash that was given", async () => {
  const url = await serve(signed(authority.cert));
  expect(await discover(url)).toBe(authority.cert);
  expect(await discover(url, [`sha256:${"0".repeat(64)}`, caHash(authority.cert)])).toBe(authority.cert);
  expect(joinCommand(url, token, authority.cert)).toBe(
    `navarch join ${url} --token abcdef.0123456789abcdef --discovery-token-ca-cert-hash ${caHash(authority.cert)}`,
  );
});

test.each([
  { what: "a hash of another key", hashes: [`sha256:${"0".repeat(64)}`], says: /which is not the one that was given/ },
  { what: "a hash of another form", hashes: ["md5:00"], says: /is not of the form sha256:HEX/ },
])("$what is refused", async ({ hashes, says }) => {
  await expect(discover(await serve(signed(authority.cert)), hashes)).rejects.toThrow(says);
});

test("a server that does not know the secret is not believed", async () => {
  const info = signed(authority.cert, { ...token, secret: "f".repeat(16) });
  await expect(discover(await serve(info))).rejects.toThrow(/does not know the secret of token abcdef/);
});

test("a cluster that does not know the token is told by its id", async () => {
  await expect(discover(await serve({ kubeconfig: kubeconfigOf(authority.cert) }))).rejects.toThrow(
    'could not find a JWS signature in the cluster-info ConfigMap for token ID "abcdef"',
  );
});

test("a server whose certificate is another authority's is not believed", async () => {
  const other = await createAuthority("other", tools);
  await expect(discover(await serve(signed(other.cert)))).rejects.toThrow(/does not tell of its cluster/);
});

test("a server that tells something else under its authority is not believed", async () => {
  const url = await serve(signed(authority.cert), { kubeconfig: "another" });
  await expect(discover(url)).rejects.toThrow(/tells another cluster-info under its own authority/);
});
