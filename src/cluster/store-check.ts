import { checkDataDirectory } from "../store/check.ts";
import { type ClusterConfig, storeFolder } from "./config.ts";

export interface StoreCheck {
  readonly sound: boolean;
  readonly problems: readonly string[];
  /** For people. */
  readonly text: string;
}

/** Verifies a cluster's data directory in a process of its own; changes nothing. */
export async function checkStore(config: ClusterConfig): Promise<StoreCheck> {
  const folder = storeFolder(config);
  const { ok, problems, contents } = await checkDataDirectory(folder);
  const counted = contents
    ? `: ${contents.keys} keys, ${contents.records} records of history, ${(contents.bytes / 1e6).toFixed(1)} MB, revision ${contents.revision}`
    : "";
  const text = ok
    ? `${folder} is sound${counted}`
    : [
        `${folder} is damaged${counted}`,
        ...problems.map((problem) => `  - ${problem}`),
        `Restore it from a backup, or forget this cluster with: navarch down --wipe --name ${config.name}`,
      ].join("\n");
  return { sound: ok, problems, text };
}
