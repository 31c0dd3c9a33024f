import { addressToNumber, familyOf } from "../machine/address.ts";

/** An address that is answered for from now on, and the interface that its neighbours are on. */
export interface TakeOver {
  readonly address: string;
  /** The interface's MAC address, as `0a:58:0a:fe:00:01`. */
  readonly mac: string;
  /** An address that the interface has, of the same family. */
  readonly own: string;
}

/**
 * The Ethernet frames that tell all neighbours at once that an address has moved to this MAC address: for IPv4 an ARP
 * request and an ARP answer about itself (RFC 5227), for IPv6 a neighbour advertisement to all nodes that overrides what they know (RFC 4861).
 */
export function takeOverFrames(taken: TakeOver): readonly Buffer[] {
  return familyOf(taken.address) === "IPv6" ? [advertisement(taken)] : [arp(taken, 1), arp(taken, 2)];
}

const everybody = Buffer.alloc(6, 0xff);

function arp({ address, mac }: TakeOver, operation: 1 | 2): Buffer {
  const [from, ip] = [macBytes(mac), addressBytes(address)];
  const target = operation === 1 ? Buffer.alloc(6) : from;
  // Ethernet and IPv4, with addresses of six and four bytes.
  const kind = [0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, operation];
  return Buffer.concat([everybody, from, Buffer.from(kind), from, ip, target, ip]);
}

const icmp6 = 58;

function advertisement({ address, mac, own }: TakeOver): Buffer {
  const allNodes = "ff02::1";
  const [from, source, destination] = [macBytes(mac), addressBytes(own), addressBytes(allNodes)];
  const override = 0x20;
  const message = Buffer.concat([
    Buffer.from([136, 0, 0, 0, override, 0, 0, 0]),
    addressBytes(address),
    // The option that names the MAC address, in units of eight bytes.
    Buffer.from([2, 1]),
    from,
  ]);
  const length = Buffer.from([0, message.length]);
  const pseudo = Buffer.concat([source, destination, Buffer.from([0, 0]), length, Buffer.from([0, 0, 0, icmp6])]);
  message.writeUInt16BE(checksum(Buffer.concat([pseudo, message])), 2);
  const hopLimit = 255;
  const head = Buffer.concat([Buffer.from([0x60, 0, 0, 0]), length, Buffer.from([icmp6, hopLimit])]);
  const allNodesMac = Buffer.from([0x33, 0x33, 0, 0, 0, 1]);
  return Buffer.concat([allNodesMac, from, Buffer.from([0x86, 0xdd]), head, source, destination, message]);
}

/** The Internet checksum (RFC 1071) of an even number of bytes. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

const macBytes = (mac: string): Buffer => Buffer.from(mac.replaceAll(":", ""), "hex");

function addressBytes(address: string): Buffer {
  const digits = familyOf(address) === "IPv6" ? 32 : 8;
  return Buffer.from(addressToNumber(address).toString(16).padStart(digits, "0"), "hex");
}
