import { expect, test } from "vitest";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { Metrics } from "../../lib/metrics.ts";
import { systemRandom } from "../../lib/random.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import { openMemoryStore } from "../../store/memory.ts";
import { readEncryptionConfiguration } from "./configuration.ts";
import { encryptedStore } from "./encrypted-store.ts";
import { newEncryptionConfiguration, reloadEncryption } from "./encryption-file.ts";

const key = "/registry/secrets/default/a";

test("a changed file is used at the next look and what was kept is written anew; one that makes no sense is not", async () => {
  await using inner = openMemoryStore({ clock: systemClock });
  const clock = new VirtualClock();
  const metrics = new Metrics();
  let text = newEncryptionConfiguration(systemRandom);
  const read = async () => text;
  const store = encryptedStore({
    store: inner,
    rules: readEncryptionConfiguration(text),
    random: systemRandom,
    log: silentLog,
  });
  await store.commit({ key, value: Buffer.from("{}"), expected: 0n });
  using _reload = reloadEncryption({ store, read, text, clock, log: silentLog, metrics });
  const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
  const kept = async () =>
    Buffer.from((await inner.read({ start: key, end: "/s" })).entries[0]?.value ?? []).toString();

  const second = newEncryptionConfiguration(systemRandom).replace("key1", "key2");
  const old = /- name: key1\n.*\n/.exec(text)?.[0] ?? "";
  text = second.replace(/(secret: .*\n)/, `$1            ${old}`);
  await clock.pass(60_000, settled);
  expect(await kept()).toContain("k8s:enc:aesgcm:v1:key2:");

  text = "kind: Nonsense";
  await clock.pass(60_000, settled);
  const { entries } = await store.read({ start: key, end: "/s" });
  expect(Buffer.from(entries[0]?.value ?? []).toString()).toBe("{}");
  expect(await metrics.text()).toContain('automatic_reloads_total{status="failure"} 1');
});
