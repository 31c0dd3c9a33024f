import { Fault } from "../lib/fault.ts";
import type { Flags } from "./part-flags.ts";

/** Where nodes serve Ingresses, and whether they log each request. */
export interface IngressSettings {
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly accessLog: boolean;
}

/** The flags that these settings are read from. */
export const ingressFlagNames: readonly string[] = ["ingress-access-log", "ingress-http-port", "ingress-https-port"];

/** Throws Fault `invalid` for values that make no sense. */
export function ingressSettings(flags: Flags): IngressSettings {
  const httpPort = portFlag(flags, "ingress-http-port", 80);
  const httpsPort = portFlag(flags, "ingress-https-port", 443);
  if (httpPort === httpsPort) throw new Fault("invalid", "--ingress-http-port and --ingress-https-port are the same");
  const accessLog = flags["ingress-access-log"] ?? "false";
  if (accessLog !== "true" && accessLog !== "false") {
    throw new Fault("invalid", `--ingress-access-log ${accessLog} is neither true nor false`);
  }
  return { httpPort, httpsPort, accessLog: accessLog === "true" };
}

function portFlag(flags: Flags, name: string, usual: number): number {
  const text = flags[name];
  if (text === undefined) return usual;
  const port = Number(text);
  if (/^[0-9]+$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new Fault("invalid", `--${name} ${text} is no port`);
}
