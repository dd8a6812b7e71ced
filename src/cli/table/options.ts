import type { OptionSpec } from '../spec.ts';

export const ALLOW_HTTP: OptionSpec = {
  flags: '--allow-http',
  what: 'let plain http leave this machine',
};

export const DB: OptionSpec = {
  flags: '--db <store>',
  what: 'store of the receiver: a file, or postgres://user@host/database (default: receiver.db)',
};
export const TEAM: OptionSpec = { flags: '--team <name>', what: 'name or id (default: local)' };
