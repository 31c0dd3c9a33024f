import { familyOf } from "../machine/address.ts";

/** The address that `1.0.96.10.in-addr.arpa` (or `...ip6.arpa`) asks about; undefined for other names. */
export function reverseAddress(name: string): string | undefined {
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/.exec(name);
  if (v4) {
    const address = v4.slice(1).reverse().map(Number).join(".");
    return familyOf(address) ? address : undefined;
  }
  const v6 = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name);
  if (!v6) return undefined;
  const digits = v6[1]!.split(".").slice(0, 32).reverse().join("");
  const groups = digits.match(/.{4}/g)!;
  return compress(groups);
}

/** The API writes IPv6 addresses in the short form, so a look-up must too. */
function compress(groups: readonly string[]): string {
  const url = new URL(`http://[${groups.join(":")}]`);
  return url.hostname.slice(1, -1);
}
