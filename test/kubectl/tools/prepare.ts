import { kinds } from "../../../src/api/kinds.ts";
import type { Client } from "../../../src/client/client.ts";
import type { KindRef, KubeObject } from "../../../src/machinery/object.ts";
import { isStatus } from "../../../src/machinery/status-error.ts";
import type { Story } from "./story.ts";

/**
 * Makes a story's namespace and objects. An object's `status` is written after it. In their texts `OWN-NAMESPACE` is the
 * story's namespace, and `UID-OF:Kind/name` the identifier that the server gave to an object made before.
 */
export async function prepare(client: Client, namespace: string, { objects = [] }: Story): Promise<void> {
  await client.create(refOf("v1", "Namespace"), { metadata: { name: namespace } });
  try {
    await client.create(refOf("v1", "ServiceAccount"), { metadata: { name: "default", namespace } });
  } catch (error) {
    // A controller was faster.
    if (!isStatus(error, "AlreadyExists")) throw error;
  }
  const uids = new Map<string, string>();
  for (const object of objects) {
    const { status, ...told } = withNames(object, namespace, uids) as KubeObject & { readonly status?: object };
    const ref = refOf(told.apiVersion, told.kind);
    const metadata = { ...(ref.namespaced ? { namespace } : {}), ...told.metadata };
    const made = await client.create(ref, { ...told, metadata });
    uids.set(`${told.kind}/${told.metadata.name}`, made.metadata.uid);
    if (status) await client.updateStatus(ref, { ...made, status } as KubeObject);
  }
}

function withNames(object: object, namespace: string, uids: ReadonlyMap<string, string>): object {
  const text = JSON.stringify(object)
    .replaceAll("OWN-NAMESPACE", namespace)
    .replace(/UID-OF:(\w+\/[\w.-]+)/g, (_, name: string) => uids.get(name) ?? "");
  return JSON.parse(text) as object;
}

/** Of a built-in kind, or of one that the story defines, which has the plural of its definition's habit. */
function refOf(apiVersion: string, kind: string): KindRef {
  const [group = "", version = ""] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
  const known = kinds.find((one) => one.group === group && one.kind === kind);
  const { plural = `${kind.toLowerCase()}s`, namespaced = true } = known ?? {};
  return { group, version, kind, plural, namespaced };
}
