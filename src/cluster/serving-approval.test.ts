import { expect, test } from "vitest";
import type { CertificateSigningRequest } from "../api/certificates/certificate-signing-request.ts";
import type { Node } from "../api/core/node.ts";
import { makeRequest } from "./certificates.ts";
import { isOwnServing } from "./serving-approval.ts";

const nodes = [
  { metadata: { name: "n1" }, status: { addresses: [{ type: "InternalIP", address: "10.0.0.1" }] } },
  { metadata: { name: "n2" }, status: { addresses: [{ type: "InternalIP", address: "10.0.0.2" }] } },
  { metadata: { name: "n3" }, status: { addresses: [{ type: "InternalIP", address: "fd00::3" }] } },
] as unknown as readonly Node[];
const reserved = ["127.0.0.0/8", "::1", "10.96.0.0/16", "fd00:96::/112", "10.0.0.9"];

async function asked(names: readonly string[], changes: object = {}, commonName = "system:node:n1") {
  const organizations = ["system:nodes"];
  const { pem } = await makeRequest({ commonName, organizations, usage: "server", names });
  const spec = {
    request: Buffer.from(pem).toString("base64"),
    signerName: "kubernetes.io/kubelet-serving",
    usages: ["digital signature", "server auth"],
    username: "system:node:n1",
    groups: ["system:nodes", "system:authenticated"],
    ...changes,
  };
  return isOwnServing({ request: { spec } as unknown as CertificateSigningRequest, reserved, nodes });
}

test.each([
  { what: "its name and address", names: ["n1", "10.0.0.1"], own: true },
  { what: "an address that is nobody's yet", names: ["n1", "10.0.0.7"], own: true },
  { what: "another node's name", names: ["n2", "10.0.0.1"], own: false },
  { what: "another node's address", names: ["n1", "10.0.0.2"], own: false },
  { what: "the API server's address", names: ["n1", "10.0.0.9"], own: false },
  { what: "a Service's address", names: ["n1", "10.96.0.1"], own: false },
  { what: "loopback", names: ["127.0.0.1"], own: false },
  { what: "an address of each family", names: ["n1", "10.0.0.1", "fd00::1"], own: true },
  { what: "another node's address of IPv6", names: ["n1", "fd00:0::3"], own: false },
  { what: "a Service's address of IPv6", names: ["n1", "fd00:96::1"], own: false },
  { what: "no name at all", names: [], own: false },
])("a node that asks for $what: approved $own", async ({ names, own }) => {
  expect(await asked(names)).toBe(own);
});

test.each([
  { what: "somebody who is no node", changes: { groups: ["system:authenticated"] } },
  { what: "another node", changes: { username: "system:node:n2" } },
  { what: "a node that would be a client too", changes: { usages: ["server auth", "client auth"] } },
  { what: "a text that is no request", changes: { request: "aGk=" } },
])("$what gets nothing", async ({ changes }) => {
  expect(await asked(["n1"], changes)).toBe(false);
});
