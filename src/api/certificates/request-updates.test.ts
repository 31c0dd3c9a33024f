import { rootCertificates } from "node:tls";
import { expect, test } from "vitest";
import type { CertificateSigningRequest } from "../generated/certificates-v1.ts";
import { validateRequestChange, withDecisionsOf } from "./request-updates.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const certificate = base64(rootCertificates[0] ?? "");
const request = (certificate: string, ...types: readonly string[]) =>
  ({
    metadata: { name: "c" },
    spec: { request: "", signerName: "a/b" },
    status: { certificate, conditions: types.map((type) => ({ type, status: "True" })) },
  }) as unknown as CertificateSigningRequest;

test("what is decided stays word for word when its signer writes", () => {
  const decided = request("", "Approved");
  const repeated = {
    conditions: [
      { type: "Approved", status: "True", message: "mine" },
      { type: "Failed", status: "True" },
    ],
  };
  expect(withDecisionsOf(decided, repeated as never)).toEqual({
    conditions: [
      { type: "Approved", status: "True" },
      { type: "Failed", status: "True" },
    ],
  });
});

test.each([
  { name: "is approved", by: "approval", before: request(""), after: request("", "Approved"), faults: [] },
  {
    name: "gets its certificate",
    by: "status",
    before: request("", "Approved"),
    after: request(certificate, "Approved"),
    faults: [],
  },
  { name: "has failed", by: "status", before: request(""), after: request("", "Failed"), faults: [] },
  {
    name: "is approved where only its signer writes",
    by: "status",
    before: request(""),
    after: request("", "Approved"),
    faults: ['updates may not add a condition of type "Approved"'],
  },
  {
    name: "is denied no more",
    by: "approval",
    before: request("", "Denied"),
    after: request(""),
    faults: ['updates may not remove a condition of type "Denied"'],
  },
  {
    name: "gets another certificate",
    by: "status",
    before: request(certificate),
    after: request(base64(rootCertificates[1] ?? "")),
    faults: ["updates may not modify existing certificate content"],
  },
  {
    name: "gets something else",
    by: "status",
    before: request(""),
    after: request(base64("x")),
    faults: ["must contain at least one CERTIFICATE PEM block"],
  },
  {
    name: "gets a key",
    by: "status",
    before: request(""),
    after: request(base64("-----BEGIN KEY-----\nAAAA\n-----END KEY-----\n")),
    faults: ['only CERTIFICATE PEM blocks are allowed, found "KEY"'],
  },
] as const)("a request that $name by $by", ({ by, before, after, faults }) => {
  const found = validateRequestChange(after, before, by).map(({ message }) => message);
  expect(found).toHaveLength(faults.length);
  for (const [index, fault] of faults.entries()) expect(found[index]).toContain(fault);
});
