import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { openHome } from '../home/index.ts';
import type { ProjectId } from '../wire/index.ts';
import { tempDir, testSystem } from '../../test/support/temp-home.ts';
import { countLegacyRows } from './queues.ts';

const PROJECT = '3f2b8c64-9d0e-4a51-8c77-2b1f6e5d4c3a' as ProjectId;
const SAMPLES = path.resolve(import.meta.dirname, '../../../shared/samples/legacy-home');

function homeAt(root: string): ReturnType<typeof openHome> {
  return openHome(testSystem(root, { env: { SPEC_KITTY_HOME: root } }));
}

function queue(file: string, projects: readonly string[], wal = false): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const db = new Database(file);
  if (wal) db.pragma('journal_mode = WAL');
  db.exec('CREATE TABLE queue (id INTEGER PRIMARY KEY, event_id TEXT, data TEXT NOT NULL)');
  const insert = db.prepare('INSERT INTO queue (event_id, data) VALUES (?, ?)');
  for (const [n, project] of projects.entries()) {
    insert.run(`E${n}`, JSON.stringify({ project_uuid: project }));
  }
  db.close();
}

describe('rows waiting in old queue databases', () => {
  it('counts this project’s events in every queue and no other project’s', () => {
    const root = tempDir();
    queue(path.join(root, 'queue.db'), [PROJECT, PROJECT.toUpperCase(), 'another', 'not json']);
    queue(path.join(root, 'queues', 'queue-0a1b.db'), [PROJECT]);
    queue(path.join(root, 'queues', 'other-name.db'), [PROJECT]);
    expect(countLegacyRows(homeAt(root), PROJECT)).toEqual({
      databases: 2,
      rows: 3,
      unreadable: [],
    });
  });

  it('is nothing in a home that never had any', () => {
    expect(countLegacyRows(homeAt(tempDir()), PROJECT)).toEqual({
      databases: 0,
      rows: 0,
      unreadable: [],
    });
  });

  it('says unknown, not zero, of what it cannot read, and leaves nothing beside it', () => {
    const root = tempDir();
    writeFileSync(
      path.join(root, 'queue.db'),
      'not a database, but long enough to look like a file',
    );
    mkdirSync(path.join(root, 'queues', 'queue-00.db'), { recursive: true });
    queue(path.join(root, 'queues', 'queue-01.db'), [PROJECT], true);
    const before = readdirSync(path.join(root, 'queues'));
    const found = countLegacyRows(homeAt(root), PROJECT);
    expect(found.unreadable).toHaveLength(3);
    expect(readdirSync(path.join(root, 'queues'))).toEqual(before);
  });

  it.skipIf(!existsSync(SAMPLES))('reads the sample home without touching it', () => {
    const root = tempDir();
    cpSync(SAMPLES, root, { recursive: true });
    expect(countLegacyRows(homeAt(root), PROJECT).unreadable).toEqual([]);
  });
});
