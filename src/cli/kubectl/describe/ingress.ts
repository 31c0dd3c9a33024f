import type { Service } from "../../../api/generated/core-v1.ts";
import type { Ingress, IngressBackend, IngressClass } from "../../../api/generated/networking-v1.ts";
import { errorMessage } from "../../../lib/fault.ts";
import { pathOf } from "../resources/resource-info.ts";
import { type DescribeContext, defineDescriber } from "./describer.ts";
import { endpointsText, slicesOf } from "./endpoint-text.ts";
import { annotationRows, labelRows, marks } from "./metadata.ts";
import { indent, row, rowIf, type Text } from "./text.ts";

/** `kubectl describe ingress` */
export const ingress = defineDescriber<Ingress>("v1", async (ingress, context) => {
  const { metadata, spec, status } = ingress;
  const { namespace } = metadata;
  const addresses = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || "");
  const fallback = spec?.defaultBackend ? await backendText(spec.defaultBackend, namespace, context) : "<default>";
  const { tls = [], rules = [] } = spec ?? {};
  return [
    row("Name", metadata.name),
    labelRows("Labels", metadata.labels),
    row("Namespace", namespace),
    row("Address", [...new Set(addresses.filter(Boolean))].sort().join(",")),
    row("Ingress Class", spec?.ingressClassName ?? "<none>"),
    row("Default backend", fallback),
    tls.length > 0 && [
      "TLS:",
      tls.map(({ secretName, hosts = [] }) =>
        indent(1, secretName ? `${secretName} terminates ${hosts.join(",")}` : `SNI routes ${hosts.join(",")}`),
      ),
    ],
    "Rules:",
    "  Host\tPath\tBackends",
    "  ----\t----\t--------",
    await rulesText(rules, namespace, context),
    !rules.some(({ http }) => http) && `  *\t*\t${fallback}`,
    annotationRows("Annotations", metadata.annotations),
  ];
});

async function rulesText(
  rules: NonNullable<NonNullable<Ingress["spec"]>["rules"]>,
  namespace: string,
  context: DescribeContext,
): Promise<Text> {
  const lines: Text[] = [];
  for (const { host, http } of rules) {
    if (!http) continue;
    lines.push(`  ${host || "*"}\t`);
    for (const { path = "", backend } of http.paths) {
      lines.push(`    \t${path} \t${await backendText(backend, namespace, context)}`);
    }
  }
  return lines;
}

/** `web:80 (10.0.0.1:8080)`: where a rule leads, and what answers there now. */
async function backendText(backend: IngressBackend, namespace: string, context: DescribeContext): Promise<string> {
  const { service, resource } = backend;
  if (service) {
    const { name, port } = service;
    const where = `${name}:${port?.number || (port?.name ?? "")}`;
    try {
      const slices = await slicesOf(context, namespace, name);
      const services = { group: "", version: "v1", kind: "Service", plural: "services", namespaced: true };
      const { spec } = await context.api.call<Service>({ path: pathOf(services, { namespace, name }) });
      const found = spec.ports?.findLast((one) => (port?.number ? one.port === port.number : one.name === port?.name));
      return `${where} (${endpointsText(slices, found?.name ?? "")})`;
    } catch (error) {
      return `${where} (<error: ${errorMessage(error)}>)`;
    }
  }
  if (!resource) return "";
  return `APIGroup: ${resource.apiGroup ?? "<none>"}, Kind: ${resource.kind}, Name: ${resource.name}`;
}

/** `kubectl describe ingressclass` */
export const ingressClass = defineDescriber<IngressClass>("v1", (ingressClass) => {
  const { metadata, spec } = ingressClass;
  const parameters = spec?.parameters;
  return [
    row("Name", metadata.name),
    marks(ingressClass),
    row("Controller", spec?.controller),
    parameters && [
      "Parameters:",
      indent(1, rowIf("APIGroup", parameters.apiGroup), row("Kind", parameters.kind), row("Name", parameters.name)),
    ],
  ];
});
