export interface StepName {
  readonly platform?: string;
  readonly stage?: string;
  readonly number: number;
  readonly total: number;
}

/** `[linux/amd64 final 4/6]`, `final 4/6`, `4/6`, with or without brackets and what stands behind them; undefined for what is no step. */
export function parseStepName(text: string): StepName | undefined {
  const match =
    /^\[?(?:(?<platform>[^\s[\]]+\/\S+) )?(?:(?<stage>[^\s[\]/]+) )?(?<number>\d+)\/(?<total>\d+)(?:$|\])/.exec(
      text.trim(),
    );
  if (match?.groups === undefined) return undefined;
  const { platform, stage, number, total } = match.groups;
  return {
    ...(platform !== undefined && { platform }),
    ...(stage !== undefined && { stage }),
    number: Number(number),
    total: Number(total),
  };
}
