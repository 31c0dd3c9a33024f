import { describe, expect, test } from "vitest";
import { field } from "./fields.ts";
import { conflict, forbidden, invalid, isStatus, notFound, StatusError } from "./status-error.ts";

const deployments = { group: "apps", plural: "deployments" };

describe("what the API answers when it cannot do as asked", () => {
  test.each([
    { name: "not found", error: notFound(deployments, "d"), message: 'deployments.apps "d" not found', code: 404 },
    {
      name: "a lost race",
      error: conflict({ group: "", plural: "pods" }, "p"),
      message:
        'Operation cannot be fulfilled on pods "p": the object has been modified; please apply your changes to the latest version and try again',
      code: 409,
    },
    {
      name: "forbidden",
      error: forbidden(deployments, "", "no"),
      message: "deployments.apps is forbidden: no",
      code: 403,
    },
  ])("$name", ({ error, message, code }) => {
    expect(error.toStatus()).toMatchObject({ kind: "Status", status: "Failure", message, code });
    expect(StatusError.fromStatus(error.toStatus())).toMatchObject({ message, code, details: error.details });
  });

  test("one fault stands alone, several in brackets, each once", () => {
    const one = [field.required("spec.a")];
    const kind = { group: "apps", kind: "Deployment" };
    expect(invalid(kind, "d", one).message).toBe('Deployment.apps "d" is invalid: spec.a: Required value');
    expect(invalid(kind, "d", [...one, ...one]).message).toBe('Deployment.apps "d" is invalid: spec.a: Required value');
    expect(invalid(kind, "d", [...one, field.invalid("b", 1, "no")]).message).toBe(
      'Deployment.apps "d" is invalid: [spec.a: Required value, b: Invalid value: 1: no]',
    );
  });

  test("an object without a name is not named in the details", () => {
    expect(invalid({ group: "", kind: "Pod" }, "", []).details).toEqual({ kind: "Pod", causes: [] });
  });

  test("an error is asked for by its reason", () => {
    expect(isStatus(notFound(deployments, "d"), "NotFound", "Gone")).toBe(true);
    expect(isStatus(new Error("not found"), "NotFound")).toBe(false);
    expect(new StatusError("", "why").code).toBe(500);
  });
});
