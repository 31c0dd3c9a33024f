/**
 * Replaces `$(NAME)` by the variable's value where there is one; `$$` stands for `$`. What is not known stays as written
 * (Kubernetes documentation: dependent environment variables).
 */
export function expand(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(/\$\$|\$\(([^()]*)\)/g, (whole: string, name: string | undefined) => {
    if (name === undefined) return "$";
    return values.get(name) ?? whole;
  });
}
