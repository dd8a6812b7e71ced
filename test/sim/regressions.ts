/** A history that once broke a law. Seeds mean what the simulator of that day made of them. */
export interface Regression {
  readonly name: string;
  readonly seed: number;
}

export const REGRESSIONS: readonly Regression[] = [];
