import type { OptionSpec } from '../spec.ts';

export const ALLOW_HTTP: OptionSpec = {
  flags: '--allow-http',
  what: 'let plain http leave this machine',
};
