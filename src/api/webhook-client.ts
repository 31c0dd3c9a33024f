import { type FieldPath, field } from "../machinery/fields.ts";
import { dnsLabel1035 } from "../machinery/names.ts";
import type { FieldError } from "../machinery/status-error.ts";
import { type Errors, eachAt, named } from "./checks.ts";
import { change, fill } from "./fill.ts";

/** How the server reaches a webhook: by URL, or by a Service of the cluster. */
export interface WebhookClient {
  readonly url?: string;
  readonly service?: {
    readonly namespace: string;
    readonly name: string;
    readonly path?: string;
    readonly port?: number;
  };
  readonly caBundle?: string;
}

const wanted = "desired format: https://host[/path]";

/** A webhook behind a Service is asked on port 443 unless it says otherwise. */
export function webhookClientDefaults<T extends WebhookClient>(client: T): T {
  return change<WebhookClient>(client, { service: (service) => fill(service, { port: 443 }) }) as T;
}

/** The faults of how a webhook is reached. */
export function validateWebhookClient(client: WebhookClient | undefined, place: FieldPath): Errors {
  const { url, service } = client ?? {};
  if ((url === undefined) === (service === undefined)) {
    return [field.required(place, "exactly one of url or service is required")];
  }
  if (url !== undefined) return validateUrl(url, place.child("url"));
  return service ? validateService(service, place.child("service")) : [];
}

function validateUrl(text: string, place: FieldPath): Errors {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return [field.required(place, `url must be a valid URL: parse ${JSON.stringify(text)}: invalid URI; ${wanted}`)];
  }
  const errors: FieldError[] = [];
  const scheme = url.protocol.slice(0, -1);
  if (scheme !== "https") {
    errors.push(field.invalid(place, scheme, `'https' is the only allowed URL scheme; ${wanted}`));
  }
  if (!url.host) errors.push(field.invalid(place, url.host, `host must be specified; ${wanted}`));
  if (url.username || url.password) {
    errors.push(field.invalid(place, url.username, "user information is not permitted in the URL"));
  }
  if (url.hash) errors.push(field.invalid(place, url.hash.slice(1), "fragments are not permitted in the URL"));
  if (url.search) {
    errors.push(field.invalid(place, url.search.slice(1), "query parameters are not permitted in the URL"));
  }
  return errors;
}

function validateService(service: NonNullable<WebhookClient["service"]>, place: FieldPath): Errors {
  const { name, namespace, path, port = 443 } = service;
  const errors: FieldError[] = [];
  if (!name) errors.push(field.required(place.child("name"), "service name is required"));
  if (!namespace) errors.push(field.required(place.child("namespace"), "service namespace is required"));
  if (port < 1 || port > 65535) {
    const detail = "port is not valid: must be between 1 and 65535, inclusive";
    errors.push(field.invalid(place.child("port"), port, detail));
  }
  if (path === undefined || path === "" || path === "/") return errors;
  if (!path.startsWith("/")) {
    errors.push(field.invalid(place.child("path"), path, "must start with a '/'"));
  } else if (path.slice(1).replace(/\/$/, "").split("/").includes("")) {
    errors.push(field.invalid(place.child("path"), path, "segment[0] may not be empty"));
  }
  return errors;
}

/** The faults of the versions of reviews that a webhook takes: at least one that the server can send. */
export function validateReviewVersions(
  versions: readonly string[] | undefined,
  place: FieldPath,
  known: readonly string[],
): Errors {
  const list = versions ?? [];
  if (list.length === 0) return [field.required(place, `must specify one of ${known.join(", ")}`)];
  const errors: FieldError[] = [
    ...eachAt(list, place, (version, here, index) =>
      list.indexOf(version) < index
        ? [field.invalid(here, version, "duplicate version")]
        : named(here, version, dnsLabel1035),
    ),
  ];
  if (errors.length === 0 && !list.some((version) => known.includes(version))) {
    errors.push(field.invalid(place, list, `must include at least one of ${known.join(", ")}`));
  }
  return errors;
}
