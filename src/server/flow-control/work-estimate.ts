import type { Registry } from "../../registry/registry.ts";
import type { ResourceRequest } from "../request-info.ts";

const objectsPerSeat = 100;
const mostSeats = 10;

/** The widest request of a level with so many seats of its own. */
export function widestFor(nominal: number): number {
  return Math.max(1, Math.min(mostSeats, Math.ceil(nominal * 0.15)));
}

/**
 * How many seats a request takes: lists by the objects that are walked for them, everything else one. The caches hold
 * all objects of a resource, so a limit or a selector saves answers but no walking.
 */
export function seatsOf(info: ResourceRequest, registry: Registry, widest: number): number {
  if (info.verb !== "list" || info.name !== "" || widest === 1) return 1;
  const found = registry.find(info.apiVersion, info.resource);
  if (!found) return 1;
  return Math.max(1, Math.min(widest, Math.ceil(found.collection.cache.size / objectsPerSeat)));
}
