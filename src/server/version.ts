/** The release of Kubernetes whose API is served. */
export const servedVersion = { major: "1", minor: "35", gitVersion: "v1.35.0" } as const;

/** The body of `/version`. */
export function versionBody(): object {
  return {
    ...servedVersion,
    emulationMajor: servedVersion.major,
    emulationMinor: servedVersion.minor,
    minCompatibilityMajor: servedVersion.major,
    minCompatibilityMinor: "34",
    gitCommit: "navarch",
    gitTreeState: "clean",
    buildDate: "2026-01-01T00:00:00Z",
    goVersion: `node${process.versions.node}`,
    compiler: "navarch",
    platform: `linux/${process.arch === "x64" ? "amd64" : process.arch}`,
  };
}
