import { type Random, uuid } from "../../lib/random.ts";
import type { ServerRequest } from "../exchange.ts";

const longest = 64;

/** What one request is called in logs, audit and its answer's `Audit-Id`: as its client wishes, cut at 64 characters. */
export function auditId({ headers }: ServerRequest, random: Random): string {
  const given = headers["audit-id"];
  return typeof given === "string" && given !== "" ? given.slice(0, longest) : uuid(random);
}
