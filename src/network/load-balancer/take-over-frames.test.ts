import { expect, test } from "vitest";
import { takeOverFrames } from "./take-over-frames.ts";

const mac = "0a:58:cb:00:71:01";

test("an address of IPv4 is told by an ARP request and an answer about itself", () => {
  const frames = takeOverFrames({ address: "203.0.113.50", mac, own: "203.0.113.1" });
  expect(frames.map((frame) => frame.toString("hex"))).toEqual([
    "ffffffffffff0a58cb00710108060001080006040001" + "0a58cb007101cb007132" + "000000000000cb007132",
    "ffffffffffff0a58cb00710108060001080006040002" + "0a58cb007101cb007132" + "0a58cb007101cb007132",
  ]);
});

test("an address of IPv6 is told to all nodes by an advertisement whose sum is right", () => {
  const [frame, ...more] = takeOverFrames({ address: "2001:db8::50", mac, own: "2001:db8::1" });
  expect(more).toEqual([]);
  expect(frame!.subarray(0, 22).toString("hex")).toBe("3333000000010a58cb00710186dd6000000000203aff");
  const [addresses, message] = [frame!.subarray(22, 54), frame!.subarray(54)];
  expect(addresses.toString("hex")).toBe("20010db8000000000000000000000001ff020000000000000000000000000001");
  expect(message.subarray(0, 2).toString("hex")).toBe("8800");
  expect(message.subarray(4).toString("hex")).toBe(
    "20000000" + "20010db8000000000000000000000050" + "02010a58cb007101",
  );
  // With its checksum in place, the whole adds up to nothing.
  const summed = Buffer.concat([addresses, Buffer.from([0, 0, 0, 32, 0, 0, 0, 58]), message]);
  let sum = 0;
  for (let at = 0; at < summed.length; at += 2) sum += summed.readUInt16BE(at);
  expect(((sum & 0xffff) + (sum >>> 16)) & 0xffff).toBe(0xffff);
});
