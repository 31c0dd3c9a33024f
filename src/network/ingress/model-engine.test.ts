import { systemClock } from "../../lib/clock.ts";
import { selfSigned } from "../../wire/certificate-fixture.ts";
import { type Target, targetKey } from "../proxy/front.ts";
import { commonNameOf, ingressEngineContract } from "./engine.contract.ts";
import { ModelIngressEngine } from "./model-engine.ts";

ingressEngineContract(
  "the model engine",
  async () => {
    const names = new Map<string, string>();
    const dead = new Set<string>();
    const engine = new ModelIngressEngine({
      clock: systemClock,
      reachable: (target) => !dead.has(targetKey(target)),
    });
    let port = 8000;
    return {
      engine,
      async backend(name, isDead) {
        const target: Target = { ip: "10.0.0.1", port: port++ };
        names.set(targetKey(target), name);
        if (isDead) dead.add(targetKey(target));
        return target;
      },
      async ask({ host, path = "/", method = "GET", secure = false }) {
        const { endpoint, ...answer } = engine.ask({ method, secure, host, path });
        return { ...answer, ...(endpoint ? { name: names.get(targetKey(endpoint)) } : {}) };
      },
      async shown(serverName = "*") {
        const cert = engine.certificate(serverName);
        return cert ? commonNameOf(cert) : "CN=default";
      },
      [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
    };
  },
  (commonName) => selfSigned(`CN=${commonName}`),
);
