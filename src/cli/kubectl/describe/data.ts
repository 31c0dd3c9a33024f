import type { ConfigMap, Secret, ServiceAccount } from "../../../api/generated/core-v1.ts";
import { type DescribeContext, defineDescriber, listAll } from "./describer.ts";
import { marks, nameRows } from "./metadata.ts";
import { row, sortedKeys, type Text } from "./text.ts";

const bytesOf = (encoded: string) => Buffer.from(encoded, "base64");

/** `kubectl describe configmap` */
export const configMap = defineDescriber<ConfigMap>("v1", (map) => [
  nameRows(map),
  marks(map),
  ["", "Data", "===="],
  sortedKeys(map.data).map((key) => [`${key}:`, "----", map.data?.[key] ?? "", ""]),
  ["", "BinaryData", "===="],
  sortedKeys(map.binaryData).map((key) => `${key}: ${bytesOf(map.binaryData?.[key] ?? "").length} bytes`),
  "",
]);

/** `kubectl describe secret`: how large its values are; only a service account's token is told. */
export const secret = defineDescriber<Secret>(
  "v1",
  (secret) => [
    nameRows(secret),
    marks(secret),
    ["", row("Type", secret.type)],
    ["", "Data", "===="],
    sortedKeys(secret.data).map((key) => {
      const value = bytesOf(secret.data?.[key] ?? "");
      const isToken = key === "token" && secret.type === "kubernetes.io/service-account-token";
      return row(key, isToken ? value.toString() : `${value.length} bytes`);
    }),
  ],
  false,
);

/** `kubectl describe serviceaccount` */
export const serviceAccount = defineDescriber<ServiceAccount>("v1", async (account, context) => {
  const { secrets = [], imagePullSecrets = [] } = account;
  const known = await secretsOf(account, context);
  const names = (list: readonly { readonly name?: string }[]) =>
    list.map(({ name = "" }) => (known && !known.names.has(name) ? `${name} (not found)` : name));
  return [
    nameRows(account),
    marks(account),
    secretRows("Image pull secrets:", names(imagePullSecrets)),
    secretRows("Mountable secrets: ", names(secrets)),
    secretRows("Tokens:            ", known?.tokens ?? []),
  ];
});

/** The secrets of the namespace, and which are the account's tokens; undefined where nobody may look. */
async function secretsOf({ metadata }: ServiceAccount, context: DescribeContext) {
  try {
    const all = await listAll<Secret>(context, { plural: "secrets" }, metadata.namespace);
    const tokens = all.filter(
      ({ type, metadata: { annotations } }) =>
        type === "kubernetes.io/service-account-token" &&
        annotations?.["kubernetes.io/service-account.name"] === metadata.name &&
        annotations["kubernetes.io/service-account.uid"] === metadata.uid,
    );
    return {
      names: new Set(all.map(({ metadata }) => metadata.name)),
      tokens: tokens.map(({ metadata }) => metadata.name),
    };
  } catch {
    return undefined;
  }
}

function secretRows(head: string, names: readonly string[]): Text {
  if (names.length === 0) return `${head}\t<none>`;
  return names.map((name, at) => `${at === 0 ? head : " ".repeat(head.length)}\t${name}`);
}
