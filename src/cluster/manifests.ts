import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { loadAll } from "js-yaml";
import { kinds } from "../api/kinds.ts";
import type { Client } from "../client/client.ts";
import { errorMessage, Fault } from "../lib/fault.ts";
import type { Draft, KubeObject } from "../machinery/object.ts";
import { isStatus } from "../machinery/status-error.ts";

/** The objects of a manifest file, or of all manifests of a folder in the order of their names. */
export function readManifests(path: string): readonly Draft<KubeObject>[] {
  const files = statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((name) => /\.(ya?ml|json)$/.test(name))
        .sort()
        .map((name) => join(path, name))
    : [path];
  return files.flatMap((file) => {
    try {
      return loadAll(readFileSync(file, "utf8")).filter(
        (object) => object !== null && object !== undefined,
      ) as Draft<KubeObject>[];
    } catch (error) {
      throw new Fault("invalid", `${file}: ${errorMessage(error)}`);
    }
  });
}

/** Creates what is not there yet, in the namespace `default` unless an object says otherwise; returns how many it made. */
export async function createMissing(client: Client, objects: readonly Draft<KubeObject>[]): Promise<number> {
  let created = 0;
  for (const object of objects) {
    const kind = kinds.find((known) => known.kind === object.kind && known.apiVersion === object.apiVersion);
    if (!kind) throw new Fault("invalid", `no kind ${object.kind} in ${object.apiVersion} is known`);
    const metadata = kind.namespaced ? { namespace: "default", ...object.metadata } : object.metadata;
    try {
      await client.create(kind, { ...object, metadata });
      created += 1;
    } catch (error) {
      if (!isStatus(error, "AlreadyExists")) throw error;
    }
  }
  return created;
}
