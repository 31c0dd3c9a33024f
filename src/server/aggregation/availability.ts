import type { APIService } from "../../api/apiregistration/api-service.ts";
import { Service } from "../../api/core/service.ts";
import { EndpointSlice } from "../../api/discovery/endpoint-slice.ts";
import { errorMessage } from "../../lib/fault.ts";
import type { Registry } from "../../registry/registry.ts";
import { objectOf } from "../../registry/watch-cache.ts";
import type { Availability } from "./conditions.ts";

/** The path of a group version. */
export function versionPath({ group, version }: APIService["spec"]): string {
  return group ? `/apis/${group}/${version}` : `/api/${version}`;
}

const no = (reason: string, message: string): Availability => ({ status: "False", reason, message });

/** Whether an APIService's Service is there and leads anywhere; undefined when nothing speaks against it. */
export async function serviceFault(registry: Registry, { spec }: APIService): Promise<Availability | undefined> {
  const { namespace = "", name = "", port: number = 443 } = spec.service ?? {};
  const services = registry.of(Service);
  const slices = registry.of(EndpointSlice);
  await Promise.all([services.cache.start(), slices.cache.start()]);
  const where = `service/${name} in ${JSON.stringify(namespace)}`;
  const service = objectOf<Service>(services.cache.get(services.resource.key(namespace, name)));
  if (!service) return no("ServiceNotFound", `${where} is not present`);
  if (service.spec?.type !== "ClusterIP") return undefined;
  const port = service.spec.ports?.find((one) => one.port === number);
  if (!port) return no("ServicePortError", `${where} is not listening on port ${number}`);
  const portName = port.name ?? "";
  const found = Array.from(slices.cache.range(slices.resource.rangeOf(namespace)), ({ object }) => object)
    .filter(({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === name)
    .map((object) => object as unknown as EndpointSlice);
  if (found.length === 0) return no("EndpointsNotFound", `cannot find endpointslices for ${where}`);
  const ready = found.some(
    ({ endpoints, ports }) =>
      endpoints?.some(({ conditions }) => conditions?.ready !== false) &&
      ports?.some((one) => (one.name ?? "") === portName && one.port),
  );
  if (ready) return undefined;
  const text = `endpointslices for ${where} have no addresses with port name ${JSON.stringify(portName)}`;
  return no("MissingEndpoints", text);
}

/** The outcome of asking the server itself for its resources. */
export async function discoveryCheck(ask: () => Promise<unknown>, path: string): Promise<Availability> {
  try {
    if ((await ask()) === undefined) return no("FailedDiscoveryCheck", `failing or missing response from ${path}: 404`);
    return { status: "True", reason: "Passed", message: "all checks passed" };
  } catch (error) {
    return no("FailedDiscoveryCheck", `failing or missing response from ${path}: ${errorMessage(error)}`);
  }
}
