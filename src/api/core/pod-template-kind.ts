import { path } from "../../machinery/fields.ts";
import { imagesOf, labelsText, nameColumn, namesOf, text } from "../columns.ts";
import { change } from "../fill.ts";
import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";
import { podTemplateDefaults } from "./pod-defaults.ts";
import { validatePodTemplate } from "./pod-template.ts";

export type PodTemplate = core.PodTemplate;

/** A stored description of pods to be made. */
export const PodTemplate = defineKind<core.PodTemplate>({
  type: "core/v1.PodTemplate",
  plural: "podtemplates",
  scope: "Namespaced",
  defaults: (object) => change(object, { template: podTemplateDefaults }),
  generationOf: ({ template }) => template ?? {},
  validate: ({ template }) => validatePodTemplate(template ?? {}, path("template")),
  columns: [
    nameColumn,
    text("Containers", ({ template }) => namesOf(template?.spec?.containers)),
    text("Images", ({ template }) => imagesOf(template?.spec?.containers)),
    text("Pod Labels", ({ template }) => labelsText(template?.metadata?.labels)),
  ],
});
