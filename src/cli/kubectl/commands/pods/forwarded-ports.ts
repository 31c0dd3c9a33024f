import { isIP } from "node:net";
import type { Service, ServicePort } from "../../../../api/generated/core-v1.ts";
import { goQuote } from "../../../../lib/go-text.ts";
import { CommandError } from "../../messages.ts";
import type { Pod } from "../../resources/pods.ts";

/** A local port, 0 for whichever is free, and the pod's port that it leads to. */
export interface PortPair {
  readonly local: number;
  readonly remote: number;
}

/** An address to listen on; of those that are needed together (`all`) one will do, the others must each be there. */
export interface ListenAddress {
  readonly address: string;
  readonly needed: "all" | "any";
}

/** What `--address` means. Throws CommandError. */
export function listenAddresses(words: readonly string[]): readonly ListenAddress[] {
  if (words.length === 0) throw new CommandError("you must specify at least 1 address");
  const found = new Map<string, ListenAddress>();
  for (const word of words) {
    if (word === "localhost") {
      for (const address of ["127.0.0.1", "::1"]) {
        if (!found.has(address)) found.set(address, { address, needed: "all" });
      }
    } else if (isIP(word) !== 0) found.set(word, { address: word, needed: "any" });
    else throw new CommandError(`${word} is not a valid IP`);
  }
  return [...found.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
}

/** The numbers of `5000`, `8888:5000`, `:5000`. Throws CommandError. */
export function portPairs(words: readonly string[]): readonly PortPair[] {
  return words.map((word) => {
    const parts = word.split(":");
    if (parts.length > 2) throw new CommandError(`invalid port format '${word}'`);
    const [first = "", second = first] = parts;
    const local = portNumber(parts.length === 2 && first === "" ? "0" : first, "local");
    const remote = portNumber(second, "remote");
    if (remote === 0) throw new CommandError("remote port must be > 0");
    return { local, remote };
  });
}

function portNumber(text: string, side: "local" | "remote"): number {
  const wrong = (why: string) =>
    new CommandError(`error parsing ${side} port '${text}': strconv.ParseUint: parsing ${goQuote(text)}: ${why}`);
  if (!/^\d+$/.test(text)) throw wrong("invalid syntax");
  if (Number(text) > 0xffff) throw wrong("value out of range");
  return Number(text);
}

/** The ports of a command line with the pod's named ports as numbers. Throws CommandError. */
export function podPorts(words: readonly string[], pod: Pod): readonly string[] {
  const ports = pod.spec.containers.flatMap((container) => container.ports ?? []);
  refuseUdp(
    words,
    ports.map(({ containerPort, protocol }) => ({ port: containerPort, protocol })),
    (name) => namedPodPort(pod, name),
  );
  return words.map((word) => {
    const [local, remote] = splitPort(word);
    if (remote === "") throw new CommandError("remote port cannot be empty");
    const number = isNumber(remote) ? remote : String(namedPodPort(pod, remote));
    return local === remote ? number : `${local}:${number}`;
  });
}

/** The ports of a command line, which are a service's, as the pod's that they lead to. Throws CommandError. */
export function servicePorts(words: readonly string[], service: Service, pod: Pod): readonly string[] {
  const { ports = [] } = service.spec;
  const named = (name: string) => {
    const port = ports.find((one) => one.name === name);
    if (!port) throw new CommandError(`Service '${service.metadata.name}' does not have a named port '${name}'`);
    return port.port;
  };
  refuseUdp(words, ports, named);
  return words.map((word) => {
    const [local, remote] = splitPort(word);
    const number = isNumber(remote) ? Number(remote) : named(remote);
    const here = !isNumber(remote) && local === remote ? String(number) : local;
    const target = String(targetPort(service, pod, number));
    return here === target ? target : `${here}:${target}`;
  });
}

/** The pod's port that a service's port leads to. */
function targetPort({ spec, metadata }: Service, pod: Pod, number: number): number {
  const port: ServicePort | undefined = spec.ports?.find((one) => one.port === number);
  if (!port) throw new CommandError(`Service ${metadata.name} does not have a service port ${number}`);
  if (spec.clusterIP === "None") return number;
  const { targetPort: target } = port;
  if (typeof target === "string") return namedPodPort(pod, target);
  return target ? target : number;
}

function namedPodPort(pod: Pod, name: string): number {
  for (const { ports = [] } of pod.spec.containers) {
    const port = ports.find((one) => one.name === name);
    if (port) return port.containerPort;
  }
  throw new CommandError(`Pod '${pod.metadata.name}' does not have a named port '${name}'`);
}

function refuseUdp(
  words: readonly string[],
  ports: readonly { readonly port: number; readonly protocol?: string }[],
  named: (name: string) => number,
): void {
  const of = (wanted: string) =>
    new Set(ports.filter(({ protocol = "TCP" }) => protocol === wanted).map(({ port }) => port));
  const udp = of("UDP").difference(of("TCP"));
  for (const word of words) {
    const [, remote] = splitPort(word);
    const number = isNumber(remote) ? Number(remote) : named(remote);
    if (udp.has(number)) throw new CommandError(`UDP protocol is not supported for ${remote}`);
  }
}

const isNumber = (text: string) => /^[+-]?\d+$/.test(text);

function splitPort(word: string): readonly [local: string, remote: string] {
  const parts = word.split(":");
  return parts.length === 2 ? [parts[0] ?? "", parts[1] ?? ""] : [parts[0] ?? "", parts[0] ?? ""];
}
