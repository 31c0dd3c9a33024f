import { afterAll, beforeAll } from "vitest";
import { systemRandom } from "../lib/random.ts";
import { storeContract } from "./contract.ts";
import { openEtcdStore } from "./etcd.ts";
import { type EtcdServer, startEtcd } from "./etcd-server.ts";

let server: EtcdServer;
let stores = 0;
beforeAll(async () => {
  server = await startEtcd();
});
afterAll(() => server[Symbol.asyncDispose]());

const open = (clock: Parameters<Parameters<typeof storeContract>[1]>[0]) =>
  openEtcdStore({ endpoints: server.endpoints, prefix: `/store-${stores++}:`, clock, random: systemRandom });

storeContract("etcd", open, { realTime: true });
