import { expect, test } from "vitest";
import { silentLog } from "../lib/log.ts";
import { seededRandom } from "../lib/random.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { keyText } from "../machinery/object.ts";
import { defineController } from "./define-controller.ts";
import { createInformers } from "./informer.ts";
import { ScriptedClient, thing, things, turns } from "./testing/scripted-client.ts";

test("a defined controller is run in surroundings, is handed them with the object, and ends when it is disposed", async () => {
  const scripted = new ScriptedClient();
  scripted.objects = [thing("a", 3)];
  const clock = new VirtualClock();
  const shared = { clock, random: seededRandom(1), log: silentLog };
  await using informers = createInformers({ client: scripted.client, ...shared });
  const seen: string[] = [];
  const controller = defineController({
    name: "counting",
    for: things,
    async reconcile(key, { object, client, clock: given }) {
      expect([client, given]).toEqual([scripted.client, clock]);
      seen.push(`${keyText(key)} ${object?.metadata.name}`);
      return { requeueAfter: 1000 };
    },
  });
  expect(controller.name).toBe("counting");
  const running = controller.run({ client: scripted.client, informers, ...shared });
  await informers.synced();
  await turns();
  clock.advance(1000);
  await turns();
  await running[Symbol.asyncDispose]();
  clock.advance(10_000);
  await turns();
  expect(seen).toEqual(["default/a a", "default/a a"]);
});
