/** The unit of a limit. */
type LimitUnit = 'bytes' | 'ms' | 'count';

/** One row of the table of limits: its default, what it bounds, and what happens at the bound. */
export interface LimitRow {
  /** The default value. */
  readonly default: number;
  /** The unit of the value. */
  readonly unit: LimitUnit;
  /** Whether 0 is allowed and means that there is no bound. */
  readonly mayBeOff?: true;
  /** What the limit bounds. */
  readonly bounds: string;
  /** What Muster does when the bound is reached. */
  readonly atBound: string;
}

/** Returns a function that makes rows of one unit. */
const inUnit =
  (unit: LimitUnit) =>
  (value: number, bounds: string, atBound: string): LimitRow => ({ default: value, unit, bounds, atBound });
/** Makes a row of a size. */
export const bytes = inUnit('bytes');
/** Makes a row of a time. */
export const ms = inUnit('ms');
/** Makes a row of a number of things. */
export const count = inUnit('count');
/** Returns the row with 0 allowed, for no bound. */
export const optional = (row: LimitRow): LimitRow => ({ ...row, mayBeOff: true });
