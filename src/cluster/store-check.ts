import { errorMessage } from "../lib/fault.ts";
import { type CheckedContents, type CheckReport, checkDataDirectory } from "../store/check.ts";
import { entriesAt } from "../store/copy.ts";
import { type ClusterConfig, storeFolder } from "./config.ts";
import { openClusterStore, type StoreParts, storePlace, usesEtcd } from "./history/cluster-store.ts";

export interface StoreCheck {
  readonly sound: boolean;
  readonly problems: readonly string[];
  /** For people. */
  readonly text: string;
}

/** Verifies a cluster's data, wherever it is; changes nothing. A data directory is read in a process of its own. */
export async function checkStore(config: ClusterConfig, parts: StoreParts): Promise<StoreCheck> {
  const place = storePlace(config);
  const { ok, problems, contents }: Found = usesEtcd(config)
    ? await checkEtcd(config, parts)
    : await checkDataDirectory(storeFolder(config));
  const counted = contents ? `: ${countedText(contents)}` : "";
  const text = ok
    ? `${place} is sound${counted}`
    : [
        `${place} ${usesEtcd(config) ? "cannot be read" : "is damaged"}${counted}`,
        ...problems.map((problem) => `  - ${problem}`),
        `Restore it from a backup, or forget this cluster with: navarch down --wipe --name ${config.name}`,
      ].join("\n");
  return { sound: ok, problems, text };
}

type Contents = Pick<CheckedContents, "keys" | "bytes" | "revision"> & Partial<CheckedContents>;

interface Found extends Pick<CheckReport, "ok" | "problems"> {
  readonly contents?: Contents;
}

function countedText({ keys, records, bytes, revision }: Contents): string {
  const history = records === undefined ? [] : [`${records} records of history`];
  return [`${keys} keys`, ...history, `${(bytes / 1e6).toFixed(1)} MB`, `revision ${revision}`].join(", ");
}

/** Reads everything; that it is whole is etcd's own affair, which keeps checksums. */
async function checkEtcd(config: ClusterConfig, parts: StoreParts): Promise<Found> {
  try {
    await using store = await openClusterStore(config, parts);
    const revision = await store.revision();
    let [keys, bytes] = [0, 0];
    for await (const { key, value } of entriesAt(store, revision)) {
      keys += 1;
      bytes += key.length + value.length;
    }
    return { ok: true, problems: [], contents: { revision: Number(revision), keys, bytes } };
  } catch (error) {
    return { ok: false, problems: [errorMessage(error)] };
  }
}
