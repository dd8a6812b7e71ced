/** A mistake that somebody could make: one place of the product changed, and the laws that must notice. */
export interface PlantedBug {
  readonly name: string;
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  readonly laws: readonly string[];
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'capture acknowledges before it commits',
    file: 'src/journal/capture.ts',
    find: `db.tx(() => {
    const done = write(readHead(db, system.host));
    system.faults.at('capture.commit');
    return done;
  });`,
    replace: `(() => {
    db.run('BEGIN IMMEDIATE');
    queueMicrotask(() => { try { db.run('COMMIT'); } catch (error) { String(error); } });
    return write(readHead(db, system.host));
  })();`,
    laws: ['L1'],
  },
  {
    name: 'a spill file is not flushed',
    file: 'src/journal/spill.ts',
    find: 'if (files.create(path.join(directory, name), `${header}\\n${body}`)) break;',
    replace:
      'files.append(path.join(directory, name), `${header}\\n${body}`, undefined, false); break;',
    laws: ['L1'],
  },
  {
    name: 'a spill file is removed before its facts are committed',
    file: 'src/journal/record.ts',
    find: 'done.push(file);',
    replace: 'files.remove(file);',
    laws: ['L1'],
  },
  {
    name: 'facts of one call are committed one by one',
    file: 'src/journal/capture.ts',
    find: `system.faults.at('capture.append');`,
    replace: `db.run('COMMIT'); db.run('BEGIN IMMEDIATE'); system.faults.at('capture.append');`,
    laws: ['L2'],
  },
  {
    name: 'a payload is parsed and written again before it is sent',
    file: 'src/receivers/posting.ts',
    find: 'encodeBatch(run.map(({ item }) => item.bytes))',
    replace:
      'encodeBatch(run.map(({ item }) => Buffer.from(JSON.stringify(JSON.parse(Buffer.from(item.bytes).toString())))))',
    laws: ['L3'],
  },
  {
    name: 'the counts forget what is withheld at opening',
    file: 'src/delivery/generations.ts',
    find: 'queued: opened - withheld',
    replace: 'queued: opened',
    laws: ['L4'],
  },
  {
    name: 'a wait that was written before the clock was set back is believed',
    file: 'src/delivery/drain/remedies.ts',
    find: 'return left > 0 && left <= LONGEST_WAIT_MS;',
    replace: 'return left > 0;',
    laws: ['L5'],
  },
  {
    name: 'free text decides that an event is parked',
    file: 'src/receivers/item-results.ts',
    find: `  const isFinal = code !== null && isTerminalCode(code);
  return verdictOf(isFinal ? 'terminal_failed' : 'rejected', httpStatus, code, detail);`,
    replace: `  const word = [code, ...(detail ?? '').split(/[^a-z_]+/)].find((each) => each !== null && isTerminalCode(each));
  return verdictOf(word ? 'terminal_failed' : 'rejected', httpStatus, word ?? code, detail);`,
    laws: ['L6'],
  },
  {
    name: 'the last of two results wins',
    file: 'src/receivers/item-results.ts',
    find: 'return isAgreed ? first : conflicting(first.httpStatus);',
    replace: 'return others.at(-1) ?? first;',
    laws: ['L6', 'L7'],
  },
  {
    name: 'a missing result counts as success',
    file: 'src/receivers/item-results.ts',
    find: `return verdictOf('transient', httpStatus, 'missing_result', what);`,
    replace: `return verdictOf('success', httpStatus, 'missing_result', what);`,
    laws: ['L7'],
  },
  {
    name: 'an event gets a new id when it is sent again',
    file: 'src/receivers/posting.ts',
    find: 'encodeBatch(run.map(({ item }) => item.bytes))',
    replace: `encodeBatch(run.map(({ item }) => posting.requests === 0 ? item.bytes :
      Buffer.from(Buffer.from(item.bytes).toString('latin1').replace(item.id, '01KVYWRG00NEWNEWNEWNEWNEWN'), 'latin1')))`,
    laws: ['L7'],
  },
  {
    name: 'the receiver keeps the last bytes of an id',
    file: 'src/server/store/insert-events.ts',
    find: 'ON CONFLICT (team_id, project_id, event_id) DO NOTHING`;',
    replace:
      'ON CONFLICT (team_id, project_id, event_id) DO UPDATE SET payload = excluded.payload`;',
    laws: ['L7'],
  },
  {
    name: 'the second half of a batch is sent before the first',
    file: 'src/receivers/posting.ts',
    find: 'return [run.slice(0, middle), run.slice(middle)];',
    replace: 'return [run.slice(middle), run.slice(0, middle)];',
    laws: ['L8'],
  },
  {
    name: 'an event is superseded although it left for another target',
    file: 'src/delivery/generations.ts',
    find: 'AND i.seq > :sent AND i.seq < :seq',
    replace: 'AND :sent >= 0 AND i.seq < :seq',
    laws: ['L8'],
  },
  {
    name: 'an event that a newer one stands for is sent to the next target',
    file: 'src/delivery/generations.ts',
    find: 'if (!stream.coalesces) return 0;',
    replace: 'if (stream.coalesces) return 0;',
    laws: ['L4'],
  },
  {
    name: 'a replay reaches behind the beginning of a permission',
    file: 'src/delivery/replay.ts',
    find: 'return readFollow(db, routeId, stream)?.fromSeq ?? 1;',
    replace: 'return readFollow(db, routeId, stream) === null ? 0 : 1;',
    laws: ['L9'],
  },
  {
    name: 'a pass that another replaces keeps what waits in it',
    file: 'src/delivery/generations.ts',
    find: `SET state = 5, reason = 'replaced'
     WHERE live_route = :routeId AND gen_id = :genId`,
    replace: `SET state = 5, reason = 'replaced'
     WHERE live_route = :routeId AND gen_id = :genId AND attempts < 0`,
    laws: ['L4'],
  },
  {
    name: 'a redirect is followed',
    file: 'src/receivers/posting.ts',
    find: `  return reply.kind === 'response'
    ? readResponse`,
    replace: `  const url = reply.kind === 'response' ? reply.headers['location'] : undefined;
  if (url !== undefined) return send({ ...posting, options: { ...options, url } }, run);
  return reply.kind === 'response'
    ? readResponse`,
    laws: ['L9'],
  },
  {
    name: 'a new grant queues what another checkout captured',
    file: 'src/delivery/grants.ts',
    find: `reason IN ('revoked', 'unknown_checkout') AND \${covered}`,
    replace: `reason IN ('revoked', 'unknown_checkout')`,
    laws: ['L9'],
  },
  {
    name: 'parked events of a checkout without permission are queued again',
    file: 'src/delivery/parked.ts',
    find: 'if (isCovered(db, stream, item)) {',
    replace: 'if (item !== null) {',
    laws: ['L9'],
  },
  {
    name: 'a locked store refuses a capture',
    file: 'src/journal/record.ts',
    find: `  'busy',\n`,
    replace: '',
    laws: ['L10'],
  },
  {
    name: 'no fence is checked when results are recorded',
    file: 'src/delivery/ledger.ts',
    find: `    requireFence(db, drain, now);
    const recording`,
    replace: '    const recording',
    laws: ['L11'],
  },
  {
    name: 'whoever lost the drain still says who the receiver is',
    file: 'src/delivery/drain/identity.ts',
    find: 'requireFence(db, lease, now);',
    replace: '',
    laws: ['L11'],
  },
  {
    name: 'what is not opened yet does not count as waiting',
    file: 'src/report/conservation.ts',
    find: 'books.balanced && books.unopened === 0 && ',
    replace: 'books.balanced && ',
    laws: ['L13'],
  },
  {
    name: "a renewal that fails is nobody's business",
    file: 'src/delivery/drain/dispatcher.ts',
    find: `if (!(error instanceof Error)) throw error;
    home.log.error('delivery.renewal'`,
    replace: `if (error !== null) throw error;
    home.log.error('delivery.renewal'`,
    laws: ['L14'],
  },
  {
    name: 'an operator does not leave a receiver alone that asked for it',
    file: 'src/delivery/drain/keeping-away.ts',
    find: 'if (isAhead(pacing.retryAfterAt - now)) {',
    replace: 'if (!byOperator && isAhead(pacing.retryAfterAt - now)) {',
    laws: ['retry-after'],
  },
  {
    name: 'a body leaves before its event',
    file: 'src/delivery/queue/announced.ts',
    find: 'AND e.state = 2))`;',
    replace: 'AND e.state > 0))`;',
    laws: ['L8'],
  },
  {
    name: 'what the answer to a push speaks of is not verified',
    file: 'src/receivers/push-answer.ts',
    find: 'if (outcome !== undefined && isEchoed)',
    replace: 'if (outcome !== undefined)',
    laws: ['L7'],
  },
  {
    name: 'a body that is stored with another hash counts as delivered',
    file: 'src/receivers/push-answer.ts',
    find: 'said?.artifactPath === artifactPath && said.contentHash?.toLowerCase() === item.sha256;',
    replace: 'said?.artifactPath === artifactPath;',
    laws: ['L7'],
  },
  {
    name: 'gc forgets to ask what a target lacks',
    file: 'src/delivery/upkeep/settled.ts',
    find: 'WHERE t.retired_at IS NULL AND d.state IS NOT 2)`;',
    replace: 'WHERE t.retired_at IS NOT NULL AND d.state IS NOT 2)`;',
    laws: ['L3', 'L5'],
  },
  {
    name: 'what is kept under OPT_OUT may leave all the same',
    file: 'src/journal/capture.ts',
    find: 'append(db, context, fact, optOut === null && fact.staysHere !== true)',
    replace: 'append(db, context, fact, fact.staysHere !== true)',
    laws: ['L9'],
  },
  {
    name: 'what was dropped on record comes back with another mode',
    file: 'src/journal/discards.ts',
    find: 'if (mayBeAudited && db.get(IS_AUDITED',
    replace: 'if (mayBeAudited && retention.optOut !== null && db.get(IS_AUDITED',
    laws: ['L2'],
  },
];
