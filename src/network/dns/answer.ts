import { cidrContains, parseCidr } from "../machine/address.ts";
import { reverseAddress } from "./reverse-name.ts";
import { type Query, type Reply, type ResourceRecord, rcode, recordType } from "./wire.ts";
import { type Zone, zoneTtl } from "./zone.ts";

/** What to do with a query: answer at once, follow an alias out of the cluster, or ask the world. */
export type Decision =
  | { readonly kind: "reply"; readonly reply: Reply }
  | { readonly kind: "alias"; readonly record: ResourceRecord; readonly target: string }
  | { readonly kind: "forward" };

export interface AnswerOptions {
  /** Ranges whose reverse names are the cluster's alone: an address that nobody has does not exist. */
  readonly reverseRanges: readonly string[];
  /** Turns lists of addresses, so that clients that take the first spread over all. */
  readonly turn: number;
}

/** Decides about a query by the zone alone. Pure. */
export function answer(zone: Zone, query: Query, options: AnswerOptions): Decision {
  if (query.opcode !== 0) return { kind: "reply", reply: empty(rcode.notImplemented) };
  if (query.class !== 1 && query.class !== recordType.ANY) return { kind: "forward" };
  if (!zone.contains(query.name)) return answerReverse(zone, query, options);

  const found = zone.find(query.name);
  if (found.kind === "missing") return { kind: "reply", reply: absent(zone, rcode.noSuchName) };
  const alias = found.records.find((record) => record.data.type === "CNAME");
  if (alias?.data.type === "CNAME") {
    if (query.type === recordType.CNAME || query.type === recordType.ANY)
      return { kind: "reply", reply: present([alias]) };
    return { kind: "alias", record: alias, target: alias.data.target.toLowerCase() };
  }
  const answers = found.records.filter(
    (record) => query.type === recordType.ANY || recordType[record.data.type] === query.type,
  );
  if (answers.length === 0) return { kind: "reply", reply: absent(zone, rcode.ok) };
  const services = answers.some((record) => record.data.type === "SRV");
  return {
    kind: "reply",
    reply: { ...present(turned(answers, options.turn)), additional: services ? (found.additional ?? []) : [] },
  };
}

function answerReverse(zone: Zone, query: Query, options: AnswerOptions): Decision {
  const address = reverseAddress(query.name);
  if (address === undefined) return { kind: "forward" };
  const names = zone.reverse(address);
  if (names && (query.type === recordType.PTR || query.type === recordType.ANY)) {
    const records = names.map((target) => ({ name: query.name, ttl: zoneTtl, data: { type: "PTR" as const, target } }));
    return { kind: "reply", reply: present(records) };
  }
  if (names) return { kind: "reply", reply: absent(zone, rcode.ok) };
  const parsed = parseCidr(address);
  const ours = options.reverseRanges.some((range) => {
    const outer = parseCidr(range);
    return outer && parsed && cidrContains(outer, parsed);
  });
  return ours ? { kind: "reply", reply: absent(zone, rcode.noSuchName) } : { kind: "forward" };
}

/** A reply without records. */
export function empty(code: Reply["rcode"]): Reply {
  return { rcode: code, authoritative: false, answers: [], authority: [], additional: [] };
}

function present(answers: readonly ResourceRecord[]): Reply {
  return { rcode: rcode.ok, authoritative: true, answers, authority: [], additional: [] };
}

/** The name or the type is not there; the authority record says for how long to believe it (RFC 2308). */
function absent(zone: Zone, code: Reply["rcode"]): Reply {
  return { rcode: code, authoritative: true, answers: [], authority: [zone.authority()], additional: [] };
}

function turned<T>(list: readonly T[], by: number): readonly T[] {
  if (list.length < 2) return list;
  const start = by % list.length;
  return start === 0 ? list : [...list.slice(start), ...list.slice(0, start)];
}
