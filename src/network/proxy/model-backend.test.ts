import { seededRandom } from "../../lib/random.ts";
import { proxyBackendContract } from "./backend.contract.ts";
import { targetKey } from "./front.ts";
import { ModelProxy } from "./model-backend.ts";

proxyBackendContract("model", async () => {
  let now = 0;
  const nodeAddress = "203.0.113.1";
  const outsideAddress = "203.0.113.2";
  const pods = [1, 2, 3].map((n) => ({ name: `pod${n}`, target: { ip: `10.244.0.${10 + n}`, port: 8080 } }));
  const backend = new ModelProxy({
    podRanges: ["10.244.0.0/16"],
    serviceRanges: ["10.96.0.0/16"],
    nodeAddresses: [nodeAddress],
    random: seededRandom(7),
    now: () => now,
  });
  return {
    backend,
    family: "IPv4",
    pods,
    nodeAddress,
    outsideAddress,
    ask: async (from, { host, port, protocol = "tcp" }) => {
      const source =
        from === "outside"
          ? outsideAddress
          : from === "node"
            ? host.startsWith("127.")
              ? host
              : nodeAddress
            : pods[from]!.target.ip;
      const outcome = backend.connect({ source, fromNode: from === "node", destination: host, protocol, port });
      if (outcome.kind === "dropped") return "silence";
      if (outcome.kind !== "answered") return "refused";
      const pod = pods.find((candidate) => targetKey(candidate.target) === targetKey(outcome.by))!;
      return { pod: pod.name, sees: outcome.seenAsNode ? nodeAddress : source };
    },
    pass: async (milliseconds) => {
      now += milliseconds;
    },
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
});
