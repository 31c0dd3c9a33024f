import type * as registration from "../../../api/generated/admissionregistration-v1.ts";
import type { Expression } from "../cel/expression.ts";
import { type CompiledBase, PolicyCompiler, type PolicyFault } from "./policy-compiler.ts";

export interface CompiledMutation {
  readonly patchType: registration.PatchType;
  readonly expression: Expression;
}

/** A MutatingAdmissionPolicy whose expressions are ready to be evaluated. */
export interface CompiledMutations extends CompiledBase {
  readonly mutations: readonly CompiledMutation[];
}

/** Compiles a policy. What does not compile fails when it is evaluated, and is told to `report`. */
export function compileMutations(
  spec: registration.MutatingAdmissionPolicySpec,
  report: (fault: PolicyFault) => void = () => {},
): CompiledMutations {
  const compiler = new PolicyCompiler(spec, {}, report);
  const mutations = (spec.mutations ?? []).map(({ patchType, jsonPatch, applyConfiguration }, index) => {
    const [member, wanted, source] =
      patchType === "JSONPatch"
        ? ["jsonPatch", "list(JSONPatch)", jsonPatch?.expression]
        : ["applyConfiguration", "Object", applyConfiguration?.expression];
    const place = ["mutations", index, member, "expression"];
    return { patchType, expression: compiler.compile(source ?? "", [wanted], place, { patches: true }) };
  });
  return { ...compiler.base, mutations };
}
