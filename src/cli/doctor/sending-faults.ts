import fs from 'node:fs';
import path from 'node:path';
import { oldText } from './earlier-program.ts';
import { change, EMIT, type Fault, type StandIn } from './fault.ts';
import { STUB, type Site } from './site.ts';

/** Somebody who has a token for the receiver of the site. */
const PERSON: StandIn = {
  insteadOf: 'spec-kitty auth login',
  act: (site, remedy) => {
    const db = path.join(site.home, 'receiver', 'receiver.db');
    const made = site.type(`spec-kitty receiver token create --all --db ${db} --json`);
    const { token } = JSON.parse(made.stdout) as { readonly token: string };
    site.type(`${remedy} --token-stdin --claim`, token);
  },
};

/** What goes wrong between a project and its receiver. */
export const SENDING_FAULTS: readonly Fault[] = [
  {
    name: 'a replay ended early because the receiver was away',
    code: 'replay_waits',
    inflict: (site) => {
      const stub = path.join(site.root, STUB);
      fs.renameSync(stub, `${stub}.away`);
      fs.mkdirSync(stub);
      site.type(`spec-kitty sync replay --target stub:${STUB}`);
      fs.rmdirSync(stub);
      fs.renameSync(`${stub}.away`, stub);
    },
  },
  {
    name: 'a receiver has known nothing of a text for more than a day',
    code: 'bodies_never_indexed',
    inflict: (site) => {
      site.set('SPEC_KITTY_SYNC_ARTIFACTS', '1');
      site.type('spec-kitty up --yes --receiver local');
      oldText(site);
      site.type('spec-kitty sync now');
    },
  },
  {
    name: 'a receiver refused a text that it would take by now',
    code: 'not_delivered',
    inflict: (site) => {
      site.type('spec-kitty up --yes --receiver local');
      const text = oldText(site);
      site.type('spec-kitty sync now');
      site.set('SPEC_KITTY_SYNC_ARTIFACTS', '1');
      site.write(path.join(path.dirname(site.mission), text.path), text.content);
      site.type('spec-kitty sync now');
    },
  },
  {
    name: 'nobody is logged in at the server that the project sends to',
    code: 'auth_absent',
    inflict: (site) => {
      site.type('spec-kitty up --yes --receiver local');
      sendToTeamspace(site);
      site.set('SPEC_KITTY_ENABLE_SAAS_SYNC', '1');
    },
    standIn: PERSON,
  },
  {
    name: 'the hosted side is switched off, and the project sends there',
    code: 'route_blocked',
    inflict: (site) => {
      site.type('spec-kitty up --yes --receiver local');
      sendToTeamspace(site);
      site.type(EMIT);
    },
    standIn: PERSON,
  },
  {
    name: 'the variable of a header is not set',
    code: 'route_blocked',
    inflict: (site) => {
      site.type('spec-kitty up --yes --receiver local');
      const named = `spec-kitty sync mode EXTERNAL_RECEIVER --endpoint ${localReceiver(site)}`;
      site.type(`${named} --header-env X-Self-Test=SELF_TEST`);
      site.type(EMIT);
    },
    standIn: {
      insteadOf: 'read ',
      act: (site) => {
        site.set('SELF_TEST', 'a value');
      },
    },
  },
  {
    name: 'the receiver asked to be left alone for a moment',
    code: 'not_delivered',
    inflict: (site) => {
      const until = site.system.clock.now() + ASKED_MS;
      change(site, site.store(), `UPDATE route_streams SET retry_after_at = ${until}`);
      site.type(EMIT);
    },
  },
  {
    name: 'as much waits as there should',
    code: 'queue_filling',
    inflict: (site) => {
      site.write(path.join(site.home, 'config.toml'), '[sync]\nmax_queue_size = 1\n');
      site.type(EMIT);
    },
  },
];

/** Long enough to be looked at first. */
const ASKED_MS = 4_000;

function localReceiver(site: Site): string {
  const port = fs.readFileSync(path.join(site.home, 'receiver', 'port'), 'utf8').trim();
  return `http://127.0.0.1:${port}`;
}

function sendToTeamspace(site: Site): void {
  site.type('spec-kitty sync mode TEAMSPACE');
  site.type(`spec-kitty sync server ${localReceiver(site)}`);
}
