import { policyBackendContract } from "./backend.contract.ts";
import { ModelPolicies } from "./model-backend.ts";

for (const family of ["IPv4", "IPv6"] as const) {
  policyBackendContract(`model, ${family}`, async () => {
    const network = family === "IPv4" ? "10.244.0." : "fd00:244::";
    const elsewhere = family === "IPv4" ? "203.0.113.2" : "2001:db8::2";
    const addresses = [11, 12, 13].map((host) => `${network}${host}`);
    const backend = new ModelPolicies({ localPodRanges: [family === "IPv4" ? "10.244.0.0/24" : "fd00:244::/64"] });
    return {
      ...{ backend, family, addresses, elsewhere },
      reaches: async (from, to, { port = 8080, protocol = "tcp" } = {}) => {
        // The kernel does not show the node's own traffic to its policies; the model is not asked about it either.
        if (from === "node") return true;
        const address = (end: typeof to) => (end === "elsewhere" ? elsewhere : addresses[end]!);
        return backend.judge({ source: address(from), destination: address(to), to: { protocol, port } }).allowed;
      },
      [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
    };
  });
}
