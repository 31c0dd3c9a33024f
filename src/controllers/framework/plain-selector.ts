type Labels = Readonly<Record<string, string>>;

/** Whether an object has all labels that a plain map asks for; an empty map asks for nothing. */
export function hasLabels(labels: Labels | undefined, wanted: Labels | undefined): boolean {
  for (const name in wanted) if (labels?.[name] !== wanted[name]) return false;
  return true;
}
