import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { storeContract } from "./contract.ts";
import { openLmdbStore } from "./lmdb.ts";

const folder = mkdtempSync(join(tmpdir(), "navarch-store-"));
let stores = 0;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

storeContract("lmdb", (clock) => openLmdbStore({ path: join(folder, `store-${stores++}`), clock, patience: 0 }));
