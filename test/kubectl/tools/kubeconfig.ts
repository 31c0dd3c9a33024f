import { writeFileSync } from "node:fs";
import type { KeyPair } from "../../../src/cluster/certificates.ts";

/** Writes a kubeconfig whose only context has this namespace; returns the file's path. */
export function kubeconfigIn(
  file: string,
  {
    server,
    ca,
    client,
    namespace,
  }: { readonly server: string; readonly ca: string; readonly client: KeyPair; readonly namespace: string },
): string {
  const base64 = (text: string | Buffer) => Buffer.from(text).toString("base64");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster: { server, "certificate-authority-data": base64(ca) } }],
    users: [
      {
        name: "admin",
        user: { "client-certificate-data": base64(client.cert), "client-key-data": base64(client.key) },
      },
    ],
    contexts: [{ name: "test", context: { cluster: "test", user: "admin", namespace } }],
    "current-context": "test",
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}
