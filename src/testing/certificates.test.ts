import "reflect-metadata";
import { createPrivateKey, webcrypto, X509Certificate } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CertificateSigningRequest } from "../api/certificates/certificate-signing-request.ts";
import { ClusterRole } from "../api/rbac/cluster-role.ts";
import { ClusterRoleBinding } from "../api/rbac/cluster-role-binding.ts";
import { createAuthority, type KeyPair, openSigner } from "../cluster/certificates.ts";
import { ensureJoinRights } from "../cluster/join-rights.ts";
import { requestCertificate } from "../cluster/requested-certificate.ts";
import { certificateApprovingController } from "../controllers/certificates/approving.ts";
import { certificateCleaner } from "../controllers/certificates/cleaning.ts";
import type { CertificateSigner } from "../controllers/certificates/signer.ts";
import { certificateSigningController } from "../controllers/certificates/signing.ts";
import { systemClock } from "../lib/clock.ts";
import { systemRandom } from "../lib/random.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { openTestCluster, type TestCluster } from "./test-cluster.ts";

x509.cryptoProvider.set(webcrypto as unknown as Crypto);
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

let authority: KeyPair;
let cluster: TestCluster;
beforeAll(async () => {
  authority = await createAuthority("test-ca", { clock: new VirtualClock(), random: systemRandom });
  const sign: CertificateSigner["sign"] = (request, terms) =>
    openSigner(authority, { clock: cluster.clock, random: systemRandom }).sign(request, terms);
  cluster = await openTestCluster({
    controllers: [certificateApprovingController, certificateSigningController({ sign }), certificateCleaner],
  });
  const group = "rbac.authorization.k8s.io";
  await cluster.client.create(ClusterRoleBinding, {
    metadata: { name: "nodes-renew" },
    roleRef: {
      apiGroup: group,
      kind: "ClusterRole",
      name: "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
    },
    subjects: [{ apiGroup: group, kind: "Group", name: "system:nodes" }],
  });
});
afterAll(() => cluster[Symbol.asyncDispose]());

async function pemFor(name: string, alternatives: readonly string[] = []): Promise<string> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name,
    keys,
    signingAlgorithm: algorithm,
    extensions: alternatives.length
      ? [new x509.SubjectAlternativeNameExtension(alternatives.map((value) => ({ type: "ip", value })))]
      : [],
  });
  return request.toString("pem");
}

type Spec = CertificateSigningRequest["spec"];
const clientUsages = ["digital signature", "client auth"] as const;
const n1 = { name: "system:node:n1", groups: ["system:nodes"] };
const admin = { name: "admin", groups: ["system:masters"] };

async function submit(
  name: string,
  pem: string,
  signerName: string,
  usages: Spec["usages"],
  as = admin,
): Promise<void> {
  const request = Buffer.from(pem).toString("base64");
  const spec = { request, signerName, usages, expirationSeconds: 3600 } as Spec;
  await cluster.clientFor(as).create(CertificateSigningRequest, { metadata: { name }, spec });
}

/** Waits until a request is as wanted: keys are made by threads that virtual time knows nothing of. */
async function settled(name: string, wanted: (request: CertificateSigningRequest) => boolean) {
  const deadline = systemClock.monotonic() + 60_000;
  for (;;) {
    await cluster.settle();
    const request = await cluster.client.get(CertificateSigningRequest, { name });
    if (wanted(request) || systemClock.monotonic() > deadline) return request;
    await systemClock.sleep(5);
  }
}

async function approve(name: string): Promise<void> {
  const request = await cluster.client.get(CertificateSigningRequest, { name });
  const conditions = [{ type: "Approved", status: "True", reason: "Test", message: "" }];
  await cluster.client.updateSubresource(CertificateSigningRequest, { name }, "approval", {
    ...request,
    status: { ...request.status, conditions },
  });
}

const conditionOf = ({ status }: CertificateSigningRequest) => status?.conditions?.at(-1);

describe("certificate signing requests", () => {
  test("a node renews its client certificate by itself", async () => {
    await submit(
      "renew",
      await pemFor("O=system:nodes, CN=system:node:n1"),
      "kubernetes.io/kube-apiserver-client-kubelet",
      clientUsages,
      n1,
    );
    const request = await settled("renew", ({ status }) => status?.certificate !== undefined);
    expect(conditionOf(request)).toMatchObject({
      type: "Approved",
      reason: "AutoApproved",
      message: "Auto approving self kubelet client certificate after SubjectAccessReview.",
    });
    const certificate = new X509Certificate(Buffer.from(request.status?.certificate ?? "", "base64"));
    expect(certificate.subject).toBe("O=system:nodes\nCN=system:node:n1");
    expect(certificate.verify(new X509Certificate(authority.cert).publicKey)).toBe(true);
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
    expect(certificate.validToDate.getTime() - certificate.validFromDate.getTime()).toBe(3_900_000);
  });

  test("nobody's request is approved who lacks the right to it", async () => {
    const bob = { name: "bob", groups: ["system:masters"] };
    await submit(
      "steal",
      await pemFor("O=system:nodes, CN=system:node:n1"),
      "kubernetes.io/kube-apiserver-client-kubelet",
      clientUsages,
      { ...bob, groups: [] },
    ).catch(() => {});
    await cluster.settle();
    const found = await cluster.client.list(CertificateSigningRequest);
    expect(found.items.find(({ metadata }) => metadata.name === "steal")?.status?.conditions).toBeUndefined();
  });

  test("an approved serving certificate bears the addresses that were asked for", async () => {
    const usages = ["digital signature", "server auth"] as const;
    await submit(
      "serve",
      await pemFor("O=system:nodes, CN=system:node:n1", ["192.0.2.7"]),
      "kubernetes.io/kubelet-serving",
      usages,
      n1,
    );
    await approve("serve");
    const request = await settled("serve", ({ status }) => status?.certificate !== undefined);
    const certificate = new X509Certificate(Buffer.from(request.status?.certificate ?? "", "base64"));
    expect(certificate.checkIP("192.0.2.7")).toBe("192.0.2.7");
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
  });

  test.each([
    [
      "a serving certificate without an address",
      "O=system:nodes, CN=system:node:n1",
      "kubernetes.io/kubelet-serving",
      ["digital signature", "server auth"],
      "at least one DNS or IP subjectAltName is required",
    ],
    [
      "a client certificate that also serves",
      "CN=alice",
      "kubernetes.io/kube-apiserver-client",
      ["client auth", "server auth"],
      'invalid usages for client certificate: ["client auth","server auth"]',
    ],
  ])("%s fails for good, though approved", async (_, subject, signer, usages, why) => {
    const name = signer.split("/")[1] ?? "";
    await submit(name, await pemFor(subject), signer, usages as Spec["usages"]);
    await approve(name);
    const request = await settled(name, (one) => conditionOf(one)?.type === "Failed");
    expect(conditionOf(request)).toMatchObject({ type: "Failed", reason: "SignerValidationFailure", message: why });
    expect(request.status?.certificate).toBeUndefined();
  });

  test("a request that does not prove its key is not signed", async () => {
    const pem = await pemFor("CN=mallory");
    const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ""), "base64");
    der.write("victim!", der.indexOf("mallory"));
    const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`;
    await submit("forged", forged, "kubernetes.io/kube-apiserver-client", clientUsages);
    await approve("forged");
    const request = await settled("forged", (one) => conditionOf(one)?.type === "Failed");
    expect(conditionOf(request)?.message).toBe("unable to verify certificate request signature");
  });

  test("no client certificate makes a superuser, and a node names only itself", async () => {
    const masters = submit(
      "masters",
      await pemFor("O=system:masters, CN=eve"),
      "kubernetes.io/kube-apiserver-client",
      clientUsages,
    );
    await expect(masters).rejects.toThrow(
      "use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed",
    );
    const other = submit(
      "other",
      await pemFor("O=system:nodes, CN=system:node:n2"),
      "kubernetes.io/kube-apiserver-client-kubelet",
      clientUsages,
      n1,
    );
    await expect(other).rejects.toThrow("can only create a node CSR with CN=system:node:n1");
  });

  test("nobody approves or signs for a signer without the right to that signer", async () => {
    const approver = cluster.clientFor({ name: "approver", groups: [] });
    const group = "rbac.authorization.k8s.io";
    await cluster.client.create(ClusterRole, {
      metadata: { name: "requests" },
      rules: [
        {
          apiGroups: ["certificates.k8s.io"],
          resources: ["certificatesigningrequests/approval", "certificatesigningrequests/status"],
          verbs: ["update"],
        },
        {
          apiGroups: ["certificates.k8s.io"],
          resources: ["signers"],
          resourceNames: ["example.com/*"],
          verbs: ["approve"],
        },
      ],
    });
    await cluster.client.create(ClusterRoleBinding, {
      metadata: { name: "requests" },
      roleRef: { apiGroup: group, kind: "ClusterRole", name: "requests" },
      subjects: [{ apiGroup: group, kind: "User", name: "approver" }],
    });
    const attempt = async (name: string, signer: string) => {
      await submit(name, await pemFor("CN=alice"), signer, clientUsages);
      const request = await cluster.client.get(CertificateSigningRequest, { name });
      const status = { conditions: [{ type: "Approved", status: "True" }] };
      return approver.updateSubresource(CertificateSigningRequest, { name }, "approval", { ...request, status }).then(
        () => "approved",
        (error: Error) => error.message,
      );
    };
    expect(await attempt("theirs", "kubernetes.io/kube-apiserver-client")).toContain(
      'user not permitted to approve requests with signerName "kubernetes.io/kube-apiserver-client"',
    );
    expect(await attempt("own", "example.com/signer")).toBe("approved");
    const approved = await cluster.client.get(CertificateSigningRequest, { name: "own" });
    expect(approved.status?.conditions?.[0]?.lastUpdateTime).toEqual(expect.any(String));
    const certificate = Buffer.from(authority.cert).toString("base64");
    const signing = approver.updateStatus(CertificateSigningRequest, {
      ...approved,
      status: { ...approved.status, certificate },
    });
    await expect(signing).rejects.toThrow('user not permitted to sign requests with signerName "example.com/signer"');
  });

  test("a node that joins by a token gets its certificate, whose key it has kept", async () => {
    await ensureJoinRights(cluster.client);
    const joining = cluster.clientFor({ name: "system:bootstrap:abcdef", groups: ["system:bootstrappers"] });
    const tools = { clock: systemClock, random: systemRandom };
    const request = { commonName: "system:node:n7", organizations: ["system:nodes"], usage: "client" } as const;
    const signerName = "kubernetes.io/kube-apiserver-client-kubelet";
    const { cert, key } = await requestCertificate(joining, { signerName, request, patience: 60_000 }, tools);
    expect(new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(new X509Certificate(cert).subject).toBe("O=system:nodes\nCN=system:node:n7");
  });

  test("old requests are cleaned away, but for those that an outside signer may yet answer", async () => {
    await submit("forgotten", await pemFor("CN=alice"), "kubernetes.io/kube-apiserver-client", clientUsages);
    await cluster.pass(26 * 3_600_000);
    const { items } = await cluster.client.list(CertificateSigningRequest);
    expect(items.map(({ metadata }) => metadata.name)).toEqual(["own"]);
  });
});
