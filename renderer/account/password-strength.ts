export type Strength = 'short' | 'weak' | 'fair' | 'strong';

/** Fewer characters than this are refused by the hub. */
export const MIN_PASSWORD_LENGTH = 8;

/**
 * A rough judgement in four words, from length and variety alone. It errs towards caution: repeated characters and
 * digit-only texts count little.
 */
export function passwordStrength(password: string): Strength {
  if (password.length < MIN_PASSWORD_LENGTH) return 'short';
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z\d]/].filter((kind) => kind.test(password)).length;
  const different = new Set(password).size;
  const score = Math.min(password.length, different * 1.5) + (kinds - 1) * 2;
  if (score < 11) return 'weak';
  return score < 15 ? 'fair' : 'strong';
}
