import type { Host } from "../host.ts";
import type { AnyObject } from "./resource-info.ts";

/** Whether the user asked for kubectl as it was in 2016 (1.2): its messages, and its `run`. */
export function is2016(host: Host): boolean {
  const { NAVARCH_KUBECTL_2016: asked } = host.env;
  return asked === "1" || asked === "true";
}

/** What an object was called in messages then: `deployment "web"`. */
export function objectName2016(object: AnyObject): string {
  return `${(object.kind ?? "").toLowerCase()} "${object.metadata?.name ?? ""}"`;
}
