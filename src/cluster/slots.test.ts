import { createServer } from "node:net";
import { expect, test } from "vitest";
import { firstFreeSlot, listeningPorts, readMachineUse, slotCount } from "./slots.ts";

const nothing = { listening: new Set<number>(), interfaces: new Set<string>() };

test.each([
  { name: "the first cluster of a machine gets the first slot", known: [], use: nothing, slot: 0 },
  { name: "a second cluster gets another slot, though the first is not running", known: [0], use: nothing, slot: 1 },
  {
    name: "a slot is passed over whose API port somebody listens on",
    known: [],
    use: { ...nothing, listening: new Set([6443]) },
    slot: 1,
  },
  {
    name: "a slot is passed over whose agent port somebody listens on",
    known: [0],
    use: { ...nothing, listening: new Set([10260]) },
    slot: 2,
  },
  {
    name: "a slot is passed over whose interface is there, as of a cluster in another folder",
    known: [],
    use: { ...nothing, interfaces: new Set(["lo", "navarch0"]) },
    slot: 1,
  },
])("$name", ({ known, use, slot }) => {
  expect(firstFreeSlot(new Set<number>(known), use)).toBe(slot);
});

test("no slot is left once every one is a cluster's", () => {
  expect(firstFreeSlot(new Set(Array.from({ length: slotCount }, (_, slot) => slot)), nothing)).toBeUndefined();
});

test("of the kernel's table only listening sockets count", () => {
  const table = [
    "  sl  local_address rem_address   st tx_queue rx_queue",
    "   0: 0100007F:192B 00000000:0000 0A 00000000:00000000",
    "   1: 0100007F:A35D 0100007F:B972 06 00000000:00000000",
    "   2: 00000000000000000000000000000000:280A 00000000000000000000000000000000:0000 0A 00000000:00000000",
  ].join("\n");
  expect(listeningPorts(table)).toEqual([6443, 10250]);
});

test.runIf(process.platform === "linux")("a port that this process listens on is seen", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  expect([...readMachineUse().listening]).toContain(port);
  await new Promise((resolve) => server.close(resolve));
});
