/** What is wrong with a YAML text, in the words of Go's reader. */
export function yamlProblem(message: string): string {
  const known = message.replace("bad indentation of a mapping entry", "mapping values are not allowed in this context");
  return known.replace("yaml: line 1: ", "yaml: ");
}
