const authority = /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$/;

/** The host of a Host header or `:authority`, in lower case and without port or last dot; undefined for what is none. Empty stays empty. */
export function hostOf(text: string): string | undefined {
  if (text === "") return "";
  const host = authority.exec(text)?.[1]?.toLowerCase();
  return host?.endsWith(".") ? host.slice(0, -1) : host;
}
