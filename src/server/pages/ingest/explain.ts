import type { Refusal } from '../../statistics/counts.ts';
import { BROKEN, type Rule, RULES } from './rules.ts';

const UNKNOWN: Rule = {
  meaning: 'The receiver failed, or a newer one wrote this. Senders come again.',
  advice: 'The log of the receiver has a line for each such request.',
  command: null,
};

/** What a code means; total. */
export function ruleOf(code: string): Rule {
  return (Object.hasOwn(RULES, code) ? RULES[code] : undefined) ?? UNKNOWN;
}

/** Whether somebody has to do something, or else what was refused never gets in. */
export function needsSomebody({ result }: Pick<Refusal, 'result'>): boolean {
  return ruleOf(result).isPassing !== true;
}

/** What a rule of a schema wants, in words; empty for no rule. */
export function brokenRule(rule: string): string {
  return (Object.hasOwn(BROKEN, rule) ? BROKEN[rule] : undefined) ?? rule;
}
