import { describe, expect, it } from 'vitest';
import {
  alone,
  answerOf,
  items,
  NOW,
  one,
  outcomes,
  read,
  verdictOn,
} from '../../test/support/batch-answers.ts';
import { TERMINAL_CODES } from '../wire/index.ts';
import { classify } from './classify.ts';

describe('a 2xx with results', () => {
  it.each([
    ['success', 'success'],
    ['accepted', 'success'],
    ['stored', 'success'],
    ['warning', 'success'],
    [' SUCCESS\n', 'success'],
    ['duplicate', 'duplicate'],
    ['pending', 'pending'],
    ['queued', 'pending'],
    ['rejected', 'rejected'],
    ['conflict', 'terminal_failed'],
    ['ok', 'transient'],
    ['terminal_failed', 'transient'],
    ['success!', 'transient'],
    ['', 'transient'],
    [1, 'transient'],
    [true, 'transient'],
    [null, 'transient'],
    [['success'], 'transient'],
    [{ s: 'success' }, 'transient'],
  ])('reads the status %j as %s', (status, outcome) => {
    for (const http of [200, 201, 202, 206, 207, 299]) {
      expect(verdictOn({ status }, http)).toMatchObject({ outcome, httpStatus: http });
    }
  });

  it.each(TERMINAL_CODES)('parks a rejection with the code %s', (code) => {
    const parked = { outcome: 'terminal_failed', category: code };
    expect(verdictOn({ status: 'rejected', error_category: code })).toMatchObject(parked);
    expect(verdictOn({ status: 'rejected', category: ` ${code.toUpperCase()} ` })).toMatchObject(
      parked,
    );
    expect(verdictOn({ status: 'rejected', error_category: '', code })).toMatchObject(parked);
    // The same words anywhere else decide nothing.
    const tried = { outcome: 'rejected', category: null, detail: code };
    expect(verdictOn({ status: 'rejected', error: code })).toMatchObject(tried);
    expect(verdictOn({ status: 'rejected', error_message: code, error: 'x' })).toMatchObject(tried);
    expect(verdictOn({ status: 'rejected', error_category: `${code}.` })?.outcome).toBe('rejected');
    expect(verdictOn({ status: 'rejected', error_category: [code] })?.outcome).toBe('rejected');
    expect(verdictOn({ status: code })?.outcome).toBe('transient');
  });

  it('takes the first structured code, whatever the later ones say', () => {
    const entry = { status: 'rejected', error_category: 'busy', category: 'bad_request' };
    expect(verdictOn(entry)).toMatchObject({ outcome: 'rejected', category: 'busy' });
  });

  it('compares an echoed hash, and does without one', () => {
    const sha256 = one?.sha256 ?? '';
    const mismatch = { outcome: 'terminal_failed', category: 'hash_mismatch' };
    for (const status of ['success', 'duplicate']) {
      expect(verdictOn({ status, sha256: sha256.toUpperCase() })?.outcome).toBe(status);
      expect(verdictOn({ status, sha256: null })?.outcome).toBe(status);
      expect(verdictOn({ status, sha256: 7 })?.outcome).toBe(status);
      expect(verdictOn({ status, sha256: '0'.repeat(64) })).toMatchObject(mismatch);
      expect(verdictOn({ status, sha256: '' })).toMatchObject(mismatch);
    }
    const rejected = verdictOn({ status: 'rejected', sha256: '0'.repeat(64) });
    expect(rejected?.outcome).toBe('rejected');
  });

  it('keeps texts and a receipt, and never shows what could forge a line', () => {
    expect(verdictOn({ status: 'success', receipt: 'r1' })?.receipt).toBe('r1');
    const forged = 'no\n\u001b[2J\u202eoops\u2028\u0007';
    const verdict = verdictOn({ status: 'rejected', error: forged, category: forged });
    expect(verdict?.detail).toBe('no^J^[[2J\\u{202e}oops\\u{2028}^G');
    expect(verdict?.category).toBe('no^j^[[2j\\u{202e}oops\\u{2028}^g');
    const huge = verdictOn({ status: 'rejected', error: 'x'.repeat(2_000_000) });
    expect(Buffer.byteLength(huge?.detail ?? '')).toBeLessThanOrEqual(500);
    expect(verdictOn({ status: 'x'.repeat(1000) })?.detail?.length).toBeLessThan(100);
  });

  it('leaves an item waiting that nothing was said about', () => {
    const silent = ['transient missing_result', 'transient missing_result', 'success'];
    expect(outcomes(read(200, { results: [{ event_id: 'E3', status: 'success' }] }))).toEqual(
      silent,
    );
    expect(outcomes(read(200, { results: [] }))).toEqual(Array(3).fill(silent[0]));
  });

  it('matches ids exactly', () => {
    const near = [' E1', 'E1 ', 'e1', 'E1\u0000', ['E1'], { id: 'E1' }, 1, null, undefined];
    const results = near.map((id) => ({ event_id: id, status: 'success' }));
    expect(outcomes(read(200, { results }, { items: alone }))).toEqual([
      'transient missing_result',
    ]);
  });

  it('counts results that speak of nothing it asked about, and goes by the others', () => {
    const results = [
      null,
      'E1',
      3,
      ['E1'],
      {},
      { event_id: 'E9', status: 'rejected', code: 'bad_request' },
      { event_id: 'E1', status: 'success' },
    ];
    const context = { items, maxBytes: null, now: NOW };
    const reading = classify(answerOf(200, { results }), context);
    expect(reading.strays).toBe(6);
    expect(outcomes(reading.meaning)[0]).toBe('success');
  });

  it.each([
    [['success', 'success'], 'success'],
    [['duplicate', 'duplicate', 'duplicate'], 'duplicate'],
    [['success', 'duplicate'], 'transient conflicting_results'],
    [['rejected', 'success'], 'transient conflicting_results'],
    [['success', 'rejected'], 'transient conflicting_results'],
    [['conflict', 'success'], 'transient conflicting_results'],
    [['success', 'nonsense'], 'transient conflicting_results'],
    [['conflict', 'conflict'], 'terminal_failed hash_conflict'],
  ])('takes %j about one item as %s', (statuses, outcome) => {
    const results = statuses.map((status) => ({ event_id: 'E1', status }));
    expect(outcomes(read(200, { results }, { items: alone }))).toEqual([outcome]);
  });

  it('holds a true hash and a false one about the same item for a contradiction', () => {
    const results = [one?.sha256, '0'.repeat(64)].map((sha256) => ({
      event_id: 'E1',
      status: 'success',
      sha256,
    }));
    expect(outcomes(read(200, { results }, { items: alone }))).toEqual([
      'transient conflicting_results',
    ]);
  });

  it('answers one verdict an item whatever the size of the answer', () => {
    const results = Array.from({ length: 20_000 }, (_, n) => ({
      event_id: `E${n}`,
      status: 'stored',
    }));
    expect(outcomes(read(200, { results }))).toEqual(['success', 'success', 'success']);
  });

  it('reads an answer in which a text was cut within a character', () => {
    const body = String.raw`{"results":[{"event_id":"E1","status":"success","error":"cut \ud83d"},
      {"event_id":"E2","status":"rejected","error":"\\ud83d \ud83d\ude80 \uDE80 \n \ud83d\ud83d\ude80"}]}`;
    const meaning = read(200, body);
    expect(outcomes(meaning)).toEqual(['success', 'rejected', 'transient missing_result']);
    const shown = meaning.kind === 'items' ? meaning.verdicts.map((each) => each?.detail) : [];
    expect(shown.slice(0, 2)).toEqual(['cut \ufffd', '\\ud83d 🚀 \ufffd ^J \ufffd🚀']);
    expect(read(200, '{"results":[],"\\ud800":1,"\\ud801":2}').kind).toBe('backoff');
  });

  it('cannot be polluted', () => {
    const body =
      '{"__proto__":{"results":[]},"results":[{"event_id":"__proto__","status":"success"},{"event_id":"E1","__proto__":{"status":"success"}}]}';
    expect(outcomes(read(200, body, { items: alone }))).toEqual(['transient unknown_status']);
    expect(({} as { results?: unknown }).results).toBeUndefined();
  });
});
