/** Bounds of a histogram: the first, and each so many times the one before. */
export const growingBounds = (first: number, factor: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => Number((first * factor ** index).toPrecision(12)));
