import { lookup as resolveName } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { Fault } from "../lib/fault.ts";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Addresses that no server outside can have: unspecified, link-local with the clouds' metadata services, multicast. */
const never = new BlockList();
never.addSubnet("0.0.0.0", 8, "ipv4");
never.addSubnet("169.254.0.0", 16, "ipv4");
never.addSubnet("224.0.0.0", 4, "ipv4");
never.addAddress("255.255.255.255", "ipv4");
never.addAddress("::", "ipv6");
never.addSubnet("fe80::", 10, "ipv6");
never.addSubnet("ff00::", 8, "ipv6");
never.addSubnet("fd00:ec2::", 32, "ipv6");

/** What a destination may not be. */
export interface DialRules {
  /** Whether this machine itself may be called. */
  readonly loopback: boolean;
}

/** Whether an address may be called on behalf of somebody who merely wrote it into an object. */
export function mayDial(address: string, rules: DialRules): boolean {
  const plain = address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, "");
  const family = isIP(plain) === 6 ? "ipv6" : "ipv4";
  if (isIP(plain) === 0 || never.check(plain, family)) return false;
  return rules.loopback || !loopback.check(plain, family);
}

/** Throws Fault `unavailable` for an address that may not be called; names are judged by what they resolve to. */
export function checkDial(host: string, rules: DialRules): void {
  if (isIP(host) !== 0 && !mayDial(host, rules)) throw notAllowed(host);
}

/** Resolves names for a connection and refuses what they must not lead to: checked here, they cannot change in between. */
export function guardedLookup(rules: DialRules): LookupFunction {
  return (host, options, done) => {
    resolveName(host, { ...options, all: true }, (error, addresses) => {
      if (error) return done(error, "", 4);
      const allowed = addresses.filter(({ address }) => mayDial(address, rules));
      const [first] = allowed;
      if (!first) return done(notAllowed(host) as unknown as NodeJS.ErrnoException, "", 4);
      if (options.all) return done(null, allowed as unknown as string, 4);
      done(null, first.address, first.family);
    });
  };
}

function notAllowed(host: string): Fault {
  return new Fault("unavailable", `address not allowed: ${host}`);
}
