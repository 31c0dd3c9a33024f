import { errorMessage, Fault } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import { StatusError } from "../../machinery/status-error.ts";
import { PlainError } from "../authentication/impersonation.ts";
import type { ServerResponse } from "../exchange.ts";
import { type Asked, wantsPretty } from "./media-type.ts";

/** Any value as a JSON answer. */
export function jsonResponse(status: number, value: unknown, headers: ServerResponse["headers"] = {}): ServerResponse {
  return {
    status,
    headers: { "content-type": "application/json", ...headers },
    body: { kind: "object", value: () => value, bytes: () => Buffer.from(JSON.stringify(value)) },
  };
}

export function textResponse(status: number, text: string, headers: ServerResponse["headers"] = {}): ServerResponse {
  return {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff", ...headers },
    body: { kind: "bytes", bytes: Buffer.from(text) },
  };
}

/** What went wrong, as an answer. Whatever is no expected refusal is logged and answered with an InternalError. */
export function errorResponse(error: unknown, log: Log, asked: Asked): ServerResponse {
  if (error instanceof PlainError) return textResponse(error.code, error.text);
  const status = asStatus(error, log);
  const retry = status.details?.retryAfterSeconds;
  const headers: ServerResponse["headers"] = retry ? { "retry-after": String(retry) } : {};
  return asWanted(jsonResponse(status.code, status.toStatus(), headers), asked);
}

/** A JSON answer as it is, or indented when it is meant for eyes. */
export function asWanted(response: ServerResponse, asked: Asked): ServerResponse {
  return wantsPretty(asked) ? indented(response) : response;
}

/** A JSON answer with a line for each of its members. */
export function indented(response: ServerResponse): ServerResponse {
  const { body } = response;
  if (body.kind !== "object") return response;
  const bytes = () => Buffer.from(`${JSON.stringify(body.value(), null, 2)}\n`);
  return { ...response, body: { ...body, bytes } };
}

/** The error as a Status that a client can read. */
export function asStatus(error: unknown, log: Log): StatusError {
  if (error instanceof StatusError) return error;
  if (error instanceof Fault) {
    switch (error.code) {
      case "aborted": // by the client, who reads no answer any more
      case "invalid":
        return new StatusError("BadRequest", error.message);
      case "exhausted":
      case "unavailable":
        log.error("the store refused", { error: error.message });
        return new StatusError("ServiceUnavailable", error.message);
      case "closed":
        return new StatusError("ServiceUnavailable", "the server is shutting down");
      case "timeout":
        return new StatusError("Timeout", error.message);
      default:
    }
  }
  log.error("a request failed", { error });
  return new StatusError("InternalError", `Internal error occurred: ${errorMessage(error)}`, {
    details: { causes: [{ message: errorMessage(error) }] },
  });
}

/** The answer of the router itself, which knows no object: upstream gives it empty details. */
export function routeError(
  reason: "NotFound" | "MethodNotAllowed" | "NotAcceptable" | "UnsupportedMediaType",
): StatusError {
  return new StatusError(reason, routeTexts[reason], { details: {} });
}

const routeTexts = {
  NotFound: "the server could not find the requested resource",
  MethodNotAllowed: "the server does not allow this method on the requested resource",
  NotAcceptable: "406: Not Acceptable",
  UnsupportedMediaType: "415: Unsupported Media Type",
} as const;
