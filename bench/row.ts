/** One line of the result: a case of the aims, what came out, and what it is measured against. */
export interface Row {
  readonly name: string;
  /** What is aimed at, as people write it. */
  readonly aim: string;
  readonly value: number;
  readonly unit: 's' | 'ms' | '/s' | 'MB' | 'MB/s';
  /** What the same machine does for the same work in the same run without a hub. */
  readonly yardstick?: { readonly name: string; readonly value: number };
  /** Our speed over that of the yardstick: 1 is as fast. */
  readonly ratio?: number;
  readonly isMet: boolean;
  /** Growth with the size; 1 is linear. */
  readonly exponent?: number;
  readonly note?: string;
}

/** Time against a largest time, in the unit of the aim. */
export function timeRow(
  name: string,
  seconds: number,
  aim: { readonly most: number; readonly unit: 's' | 'ms' },
  more: Pick<Row, 'exponent' | 'note'> & {
    readonly yardstick?: { readonly name: string; readonly seconds: number };
  } = {},
): Row {
  const factor = aim.unit === 's' ? 1 : 1000;
  const { yardstick, ...rest } = more;
  return {
    name,
    aim: `${aim.most} ${aim.unit}`,
    value: seconds * factor,
    unit: aim.unit,
    isMet: seconds * factor <= aim.most,
    ...(yardstick
      ? {
          yardstick: { name: yardstick.name, value: yardstick.seconds * factor },
          ratio: yardstick.seconds / seconds,
        }
      : {}),
    ...rest,
  };
}

/** Time against a part of the yardstick's speed. */
export const ratioRow = (
  name: string,
  seconds: number,
  least: number,
  yardstick: { readonly name: string; readonly seconds: number },
  note?: string,
): Row => ({
  name,
  aim: `${Number(least.toFixed(2))} of ${yardstick.name}`,
  value: seconds,
  unit: 's',
  yardstick: { name: yardstick.name, value: yardstick.seconds },
  ratio: yardstick.seconds / seconds,
  isMet: yardstick.seconds / seconds >= least,
  ...(note === undefined ? {} : { note }),
});

/** Answers a second against a part of the yardstick's. */
export const rateRow = (
  name: string,
  rate: number,
  least: number,
  yardstick: { readonly name: string; readonly rate: number },
): Row => ({
  name,
  aim: `${least} of ${yardstick.name}`,
  value: rate,
  unit: '/s',
  yardstick: { name: yardstick.name, value: yardstick.rate },
  ratio: rate / yardstick.rate,
  isMet: rate / yardstick.rate >= least,
});
