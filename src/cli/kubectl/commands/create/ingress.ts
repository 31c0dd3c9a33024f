import { list, text, texts } from "../../flags/flag.ts";
import { CommandError } from "../../messages.ts";
import { generatorCommand, kindRef } from "./generator.ts";

interface Backend {
  readonly service: { readonly name: string; readonly port: { readonly number: number } | { readonly name: string } };
}

/** `kubectl create ingress` */
export const ingress = generatorCommand({
  name: "ingress",
  aliases: ["ing"],
  short: "Create an ingress with the specified name",
  usage: "NAME --rule=host/path=service:port[,tls[=secret]] ",
  examples: `# One host, with its certificate from a secret
kubectl create ingress web --rule="example.com/*=web:80,tls=web-cert"

# Everything else to a default
kubectl create ingress web --default-backend=web:80`,
  flags: {
    rule: texts("host/path=service:port[,tls[=secret]]; a path that ends with * stands for all below it."),
    class: text("The class of ingress controllers that serve it."),
    "default-backend": text("Where all goes that no rule fits, as service:port."),
    annotation: list("An annotation, as key=value."),
  },
  kind: kindRef("networking.k8s.io/v1", "Ingress", "ingresses"),
  failure: "failed to create ingress: ",
  async make({ flags, name }) {
    if (flags.rule.length === 0 && !flags["default-backend"]) {
      throw new CommandError(
        "not enough information provided: every ingress has to either specify a default-backend (which catches all traffic) or a list of rules (which catch specific paths)",
      );
    }
    const rules = flags.rule.map(readRule);
    const annotations = Object.fromEntries(
      flags.annotation.map((pair) => {
        const at = pair.indexOf("=");
        if (at <= 0) throw new CommandError(`annotation ${pair} is invalid and should be in format key=[value]`);
        return [pair.slice(0, at), pair.slice(at + 1)];
      }),
    );
    const hosts = [...new Set(rules.map(({ host }) => host))];
    const tls = rules.flatMap(({ host, secretName }) =>
      secretName === undefined ? [] : [{ ...(host ? { hosts: [host] } : {}), ...(secretName ? { secretName } : {}) }],
    );
    return {
      metadata: { name, ...(flags.annotation.length > 0 ? { annotations } : {}) },
      spec: {
        ...(flags.class ? { ingressClassName: flags.class } : {}),
        ...(flags["default-backend"] ? { defaultBackend: backendOf(flags["default-backend"]) } : {}),
        ...(rules.length > 0
          ? {
              rules: hosts.map((host) => ({
                ...(host ? { host } : {}),
                http: { paths: rules.filter((rule) => rule.host === host).map(({ path }) => path) },
              })),
            }
          : {}),
        ...(tls.length > 0 ? { tls } : {}),
      },
      status: { loadBalancer: {} },
    };
  },
});

function readRule(text: string) {
  const [, host = "", path = "", service = "", tls, secretName = ""] =
    /^([^/]*)(\/[^=]*)=([^,]+:[^,]+?)(?:,(tls)(?:=(.+))?)?$/.exec(text) ?? [];
  if (service === "") {
    throw new CommandError(`rule ${text} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]`);
  }
  const wide = path.endsWith("*");
  return {
    host,
    path: {
      backend: backendOf(service),
      path: wide ? path.slice(0, -1) : path,
      pathType: wide ? "Prefix" : "Exact",
    },
    secretName: tls ? secretName : undefined,
  };
}

function backendOf(text: string): Backend {
  const [name = "", port = ""] = text.split(":");
  if (!name || !port) throw new CommandError(`default-backend should be in format servicename:serviceport`);
  return { service: { name, port: /^\d+$/.test(port) ? { number: Number(port) } : { name: port } } };
}
