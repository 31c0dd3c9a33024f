import { goQuote } from "../../../lib/go-text.ts";
import type { Host } from "../host.ts";
import { CommandError } from "../messages.ts";

/** The proxy that leads to a server, or undefined for none: the kubeconfig's, else what the environment says. */
export function proxyFor(server: string, configured: string | undefined, env: Host["env"]): URL | undefined {
  if (configured) return new URL(configured);
  const { protocol, hostname, port } = new URL(server);
  const variable = protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const named = env[variable] || env[variable.toLowerCase()];
  if (!named || isLoopback(hostname) || isExcepted(hostname, port, env.NO_PROXY || env.no_proxy || ""))
    return undefined;
  return proxyUrl(named.includes("://") ? named : `http://${named}`);
}

/** Why a kubeconfig's proxy cannot be one, if so. */
export function proxyProblem(text: string): string | undefined {
  if (!URL.canParse(text)) return `could not parse: ${text}`;
  const scheme = new URL(text).protocol.slice(0, -1);
  return ["http", "https", "socks5"].includes(scheme)
    ? undefined
    : `unsupported scheme ${goQuote(scheme)}, must be http, https, or socks5`;
}

function proxyUrl(text: string): URL {
  const problem = proxyProblem(text.replace(/^socks5h:/, "socks5:"));
  if (problem) throw new CommandError(problem);
  return new URL(text);
}

const isLoopback = (host: string) => host === "localhost" || host === "[::1]" || /^127\./.test(host);

function isExcepted(host: string, port: string, list: string): boolean {
  return list.split(",").some((entry) => {
    const [name = "", only] = entry.trim().toLowerCase().split(":");
    if (name === "*") return true;
    if (name === "" || (only !== undefined && only !== port)) return false;
    const network = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(entry.trim());
    if (network) return inNetwork(host, network[1] ?? "", Number(network[2]));
    return host === name || host.endsWith(name.startsWith(".") ? name : `.${name}`);
  });
}

function inNetwork(host: string, network: string, bits: number): boolean {
  if (!/^\d+\.\d+\.\d+\.\d+$/.test(host)) return false;
  const number = (address: string) => address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - bits);
  return Math.floor(number(host) / size) === Math.floor(number(network) / size);
}
