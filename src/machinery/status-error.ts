import type { Status, StatusCause, StatusDetails } from "./generated/meta-v1.ts";

/** The reasons an API answer can give, with their HTTP codes (meta/v1 StatusReason). */
export const statusCodes = {
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  Invalid: 422,
  ServerTimeout: 500,
  Timeout: 504,
  TooManyRequests: 429,
  BadRequest: 400,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  InternalError: 500,
  ServiceUnavailable: 503,
} as const;

export type StatusReasonCode = keyof typeof statusCodes;

export interface StatusErrorOptions extends ErrorOptions {
  readonly details?: StatusDetails;
  /** Where the HTTP code is not the reason's usual one. */
  readonly code?: number;
}

/** An API call's failure, the same object on both ends of the wire. */
export class StatusError extends Error {
  /** Empty when the server gave none, as for an eviction that must wait or an unknown path. */
  readonly reason: StatusReasonCode | "";
  readonly code: number;
  readonly details: StatusDetails | undefined;

  constructor(reason: StatusReasonCode | "", message: string, options: StatusErrorOptions = {}) {
    super(message, options);
    this.name = "StatusError";
    this.reason = reason;
    this.code = options.code ?? (reason === "" ? 500 : statusCodes[reason]);
    this.details = options.details;
  }

  /** The `Status` object that goes over the wire. */
  toStatus(): Status {
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: this.message,
      ...(this.reason ? { reason: this.reason } : {}),
      ...(this.details ? { details: this.details } : {}),
      code: this.code,
    } as Status;
  }

  static fromStatus(status: Status): StatusError {
    const reason = status.reason && status.reason in statusCodes ? (status.reason as StatusReasonCode) : "";
    return new StatusError(reason, status.message ?? "unknown error", {
      code: status.code ?? 500,
      ...(status.details ? { details: status.details } : {}),
    });
  }
}

/** True for a StatusError of one of these reasons. */
export function isStatus(error: unknown, ...reasons: readonly StatusReasonCode[]): error is StatusError {
  return error instanceof StatusError && reasons.includes(error.reason as StatusReasonCode);
}

/** What a message calls a resource: `deployments.apps`, or `pods` in the core group. */
export interface ResourceName {
  readonly group: string;
  readonly plural: string;
}

export function resourceText({ group, plural }: ResourceName): string {
  return group ? `${plural}.${group}` : plural;
}

const details = ({ group, plural }: ResourceName, name: string): StatusDetails =>
  ({ name, ...(group ? { group } : {}), kind: plural }) as StatusDetails;

export function notFound(resource: ResourceName, name: string): StatusError {
  return new StatusError("NotFound", `${resourceText(resource)} "${name}" not found`, {
    details: details(resource, name),
  });
}

export function alreadyExists(resource: ResourceName, name: string): StatusError {
  return new StatusError("AlreadyExists", `${resourceText(resource)} "${name}" already exists`, {
    details: details(resource, name),
  });
}

/** An optimistic write lost its race, or a precondition does not hold. */
export function conflict(resource: ResourceName, name: string, why?: string): StatusError {
  const cause = why ?? "the object has been modified; please apply your changes to the latest version and try again";
  return new StatusError("Conflict", `Operation cannot be fulfilled on ${resourceText(resource)} "${name}": ${cause}`, {
    details: details(resource, name),
  });
}

export function badRequest(message: string): StatusError {
  return new StatusError("BadRequest", message);
}

export function forbidden(resource: ResourceName, name: string, why: string): StatusError {
  const subject = name ? `${resourceText(resource)} "${name}"` : resourceText(resource);
  return new StatusError("Forbidden", `${subject} is forbidden: ${why}`, {
    details: {
      ...(name ? { name } : {}),
      ...(resource.group ? { group: resource.group } : {}),
      kind: resource.plural,
    } as StatusDetails,
  });
}

/** One field's fault, as validation reports it (`message` begins with the kind of fault, as `Required value: ...`). */
export interface FieldError {
  readonly reason:
    | "FieldValueNotFound"
    | "FieldValueRequired"
    | "FieldValueDuplicate"
    | "FieldValueInvalid"
    | "FieldValueNotSupported"
    | "FieldValueForbidden"
    | "FieldValueTooLong"
    | "FieldValueTooMany"
    | "FieldValueTypeInvalid"
    | "InternalError";
  /** `spec.containers[0].name` */
  readonly field: string;
  readonly message: string;
}

/** The 422 answer that lists every field's fault. `kind` is the object's kind, as `Pod`. */
export function invalid(
  kind: { readonly group: string; readonly kind: string },
  name: string,
  errors: readonly FieldError[],
): StatusError {
  // A fault that is reported twice is told once, though it stays two causes.
  const texts = [...new Set(errors.map(({ field, message }) => `${field}: ${message}`))];
  const list = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  const subject = kind.group ? `${kind.kind}.${kind.group}` : kind.kind;
  const causes: readonly StatusCause[] = errors.map(
    ({ reason, message, field }) => ({ reason, message, field }) as StatusCause,
  );
  return new StatusError("Invalid", `${subject} "${name}" is invalid: ${list}`, {
    details: {
      ...(name ? { name } : {}),
      ...(kind.group ? { group: kind.group } : {}),
      ...(kind.kind ? { kind: kind.kind } : {}),
      causes,
    } as StatusDetails,
  });
}
