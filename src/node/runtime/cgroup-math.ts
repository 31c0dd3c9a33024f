/** The kernel's smallest and largest weight on cgroup v1, and the weight of one whole CPU. */
export const cpuShareRange = { min: 2, max: 262_144, perCpu: 1_024 } as const;

/** The usual period over which a CPU limit is counted, in microseconds, and the smallest quota the kernel takes. */
export const cpuQuotaPeriod = { usual: 100_000, minQuota: 1_000 } as const;

/** The cgroup v1 weight of a CPU request in thousandths of a CPU; nothing asked for gives the smallest. */
export function cpuSharesOf(milliCpu: number): number {
  if (milliCpu <= 0) return cpuShareRange.min;
  const shares = Math.floor((milliCpu * cpuShareRange.perCpu) / 1_000);
  return Math.min(cpuShareRange.max, Math.max(cpuShareRange.min, shares));
}

/** The microseconds per period that a CPU limit allows; 0 (no limit) gives 0, which means: do not set. */
export function cpuQuotaOf(milliCpu: number, periodMicroseconds: number = cpuQuotaPeriod.usual): number {
  if (milliCpu <= 0) return 0;
  return Math.max(cpuQuotaPeriod.minQuota, Math.floor((milliCpu * periodMicroseconds) / 1_000));
}

/** The cgroup v2 weight (1 to 10000) for a v1 weight, as Kubernetes converts it (KEP-2254). */
export function cpuWeightOf(shares: number): number {
  const { min, max } = cpuShareRange;
  const within = Math.min(max, Math.max(min, shares));
  return 1 + Math.floor(((within - min) * 9_999) / (max - min));
}

/** The v1 weight for a cgroup v2 weight, the way back of `cpuWeightOf`. */
export function cpuSharesOfWeight(weight: number): number {
  return Math.floor((weight - 1) * (cpuShareRange.max - cpuShareRange.min)) / 9_999 + cpuShareRange.min;
}
