import type { AnyObject } from "../../registry/resource.ts";
import type { Call } from "../call.ts";
import { isTrue } from "../request-info.ts";

type Options = Readonly<Record<string, unknown>>;

const streams = (query: URLSearchParams): Options => ({
  ...Object.fromEntries(["stdin", "stdout", "stderr", "tty"].map((name) => [name, isTrue(query.get(name))])),
  ...(query.get("container") ? { container: query.get("container") } : {}),
});

/** The kind of the options of a connection, by resource and subresource, and what of the address goes into them. */
const kinds: Readonly<Record<string, readonly [kind: string, read: (call: Call) => Options]>> = {
  "pods/exec": ["PodExecOptions", ({ info }) => ({ ...streams(info.query), command: info.query.getAll("command") })],
  "pods/attach": ["PodAttachOptions", ({ info }) => streams(info.query)],
  "pods/portforward": ["PodPortForwardOptions", ({ info }) => ({ ports: info.query.getAll("ports").map(Number) })],
  "pods/proxy": ["PodProxyOptions", ({ info }) => ({ path: `/${info.rest}` })],
  "services/proxy": ["ServiceProxyOptions", ({ info }) => ({ path: `/${info.rest}` })],
  "nodes/proxy": ["NodeProxyOptions", ({ info }) => ({ path: `/${info.rest}` })],
};

/** Lets admission judge a connection to a pod, service or node before it is made. Throws StatusError to refuse. */
export async function admitConnection(call: Call): Promise<void> {
  const { resource, subresource } = call.info;
  const known = kinds[`${resource}/${subresource}`];
  if (!known) return;
  const [kind, read] = known;
  const body = { group: "", version: "v1", kind };
  const admission = call.services.admission.of(call, "CONNECT", { dryRun: false, body });
  const options = { kind, apiVersion: "v1", ...read(call) } as unknown as AnyObject;
  await admission.validate(await admission.admit(options, undefined), undefined);
}
