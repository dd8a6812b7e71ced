import path from 'node:path';
import {
  messageOf,
  type Db,
  type Files,
  type Log,
  type Millis,
  type Program,
} from '../base/index.ts';
import type { Home } from '../home/index.ts';
import type { ProjectId } from '../wire/index.ts';
import { createDoorbell, type Doorbell } from './doorbell.ts';
import { HEARTBEAT_MS, readState, releaseLease, renewLease, type Lease } from './lease.ts';
import { watchTree, type TreeWatch } from './tree-watch.ts';

/** What a daemon does for one project; each call opens what it needs anew, so that settings are read anew too. */
export interface BackgroundWork {
  /** When delivery is worth a try, read through a connection that never writes; null while nothing waits. */
  next(db: Db, forgivenAt: Millis): Millis | null;
  /** Takes in what changed in the project's checkout. */
  gather(project: BackgroundProject): Promise<void>;
  /** Sends what may go. */
  deliver(
    project: BackgroundProject,
    how: { readonly signal: AbortSignal; readonly forgivenAt: Millis },
  ): Promise<void>;
  /** What the daemon says of itself: the machine's server and account as they are now. */
  account(): Promise<{ readonly serverUrl: string | null; readonly teamOrUser: string | null }>;
}

/** A project of this home, and where it was seen last. */
export interface BackgroundProject {
  readonly id: ProjectId;
  readonly root: string | null;
}

/** Why a daemon ended. */
export type Ending = 'asked' | 'signal' | 'replaced' | 'lost';

/** How often the doorbells are looked at: a burst of changes within it costs one look. */
const POLL_MS = 200;
/** How often everything is looked at, whether or not anything was noticed. */
const SWEEP_MS = 15_000;
/** How long the last requests may take once it should end, so that all of it takes less than 5 s. */
export const GRACE_MS = 4_000;
/** After a failure of ours a project rests, so that a fault that stays does not fill the log. */
const REST_AFTER_FAULT_MS = 30_000;
/** The least time between two tries of one project. */
const LEAST_PAUSE_MS = 300;

interface Desk {
  readonly project: BackgroundProject;
  readonly bell: Doorbell;
  readonly watch: TreeWatch | null;
  busy: Promise<void> | null;
  next: Millis | null;
  restUntil: Millis;
}

/**
 * Works until it is asked to end, the signal says so, its program was replaced on the disk, or another daemon took over.
 * Then what is under way may finish and what is due is sent, as far as the grace goes.
 */
export async function runLoop(options: {
  readonly home: Home;
  readonly lease: Lease;
  readonly work: BackgroundWork;
  readonly log: Log;
  readonly signal: AbortSignal;
}): Promise<Ending> {
  const loop = new Loop(options);
  try {
    return await loop.run();
  } finally {
    loop.close();
  }
}

class Loop {
  readonly #home: Home;
  readonly #lease: Lease;
  readonly #work: BackgroundWork;
  readonly #log: Log;
  readonly #signal: AbortSignal;
  readonly #hurry = new AbortController();
  readonly #desks = new Map<ProjectId, Desk>();
  readonly #machine: Doorbell;
  readonly #program: string;
  #settings = '';
  #forgivenAt: Millis = 0;
  #beatAt: Millis = Number.NEGATIVE_INFINITY;
  #sweptAt: Millis = Number.NEGATIVE_INFINITY;

  constructor(options: Parameters<typeof runLoop>[0]) {
    this.#home = options.home;
    this.#lease = options.lease;
    this.#work = options.work;
    this.#log = options.log;
    this.#signal = options.signal;
    this.#machine = createDoorbell(this.#home.paths.machine, this.#home.system.clock);
    this.#program = lookOfProgram(this.#home.system.program, this.#home.system.files);
  }

  async run(): Promise<Ending> {
    const { clock } = this.#home.system;
    for (;;) {
      const ending = await this.#tick();
      if (ending !== null) return this.#end(ending);
      await clock.sleep(POLL_MS, this.#signal);
    }
  }

  close(): void {
    for (const desk of this.#desks.values()) closeDesk(desk);
    this.#machine.close();
  }

  async #tick(): Promise<Ending | null> {
    if (this.#signal.aborted) return 'signal';
    const { clock } = this.#home.system;
    const rang = this.#machine.rang();
    if (rang && this.#isAsked()) return 'asked';
    if (clock.monotonic() - this.#beatAt >= HEARTBEAT_MS) {
      const ending = await this.#beat();
      if (ending !== null) return ending;
    }
    const isSweep = clock.monotonic() - this.#sweptAt >= SWEEP_MS;
    if (isSweep) this.#sweptAt = clock.monotonic();
    const isForgiven = this.#noticeSettings();
    if (rang || isSweep) this.#seatProjects();
    for (const desk of this.#desks.values()) this.#attend(desk, isSweep || isForgiven);
    return null;
  }

  #isAsked(): boolean {
    const { owner } = readState(this.#home.machine(), this.#home.system);
    return owner?.fence === this.#lease.fence && owner.stopRequestedAt !== null;
  }

  async #beat(): Promise<Ending | null> {
    const { clock, program, files } = this.#home.system;
    this.#beatAt = clock.monotonic();
    if (lookOfProgram(program, files) !== this.#program) return 'replaced';
    try {
      const account = await this.#work.account();
      const said = { ...account, now: clock.now() };
      const held = renewLease(this.#home.machine(), this.#lease, said);
      return held === 'held' ? null : held;
    } catch (error) {
      // A locked or full disk is no reason to end: the lease says when another may take over.
      if (!(error instanceof Error)) throw error;
      this.#log.error('daemon.heartbeat', { reason: messageOf(error) });
      return null;
    }
  }

  /** True when a login or a setting changed: what was stopped for want of it is tried again. */
  #noticeSettings(): boolean {
    const { files, clock } = this.#home.system;
    const { config, session } = this.#home.paths;
    const look = [config, session].map((file) => lookOf(files, file)).join();
    if (look === this.#settings) return false;
    this.#settings = look;
    this.#forgivenAt = clock.now();
    return true;
  }

  /** A desk for every project of the home; a root that moved gets a new one. */
  #seatProjects(): void {
    const known = new Map(this.#projects().map((project) => [project.id, project] as const));
    for (const [id, desk] of this.#desks) {
      if (desk.busy !== null || known.get(id)?.root === desk.project.root) continue;
      closeDesk(desk);
      this.#desks.delete(id);
    }
    const { system, paths } = this.#home;
    for (const project of known.values()) {
      if (this.#desks.has(project.id)) continue;
      const missions = project.root === null ? null : path.join(project.root, 'kitty-specs');
      this.#desks.set(project.id, {
        project,
        bell: createDoorbell(paths.projectStore(project.id), system.clock),
        watch: missions === null ? null : watchTree(system.files, missions),
        busy: null,
        next: null,
        restUntil: Number.NEGATIVE_INFINITY,
      });
    }
  }

  #projects(): readonly BackgroundProject[] {
    const sql = 'SELECT project_id, root FROM projects';
    const rows = this.#home.machine().all<{ project_id: string; root: string | null }>(sql);
    const roots = new Map(rows.map((row) => [row.project_id, row.root] as const));
    return this.#home.projectIds().map((id) => ({ id, root: roots.get(id) ?? null }));
  }

  /** Begins what there is to do for a project, unless it is being done. */
  #attend(desk: Desk, isSweep: boolean): void {
    const { clock } = this.#home.system;
    if (desk.busy !== null || clock.monotonic() < desk.restUntil) return;
    const rang = desk.bell.rang();
    if (rang || isSweep) desk.next = this.#nextOf(desk);
    const mayHaveChanged = desk.watch !== null && (desk.watch.isStirred || isSweep);
    const hasChanged = mayHaveChanged && (desk.watch?.hasChanged() ?? false);
    const isDue = desk.next !== null && desk.next <= clock.now();
    if (!hasChanged && !isDue) return;
    desk.busy = this.#serve(desk, hasChanged).finally(() => {
      desk.busy = null;
    });
  }

  async #serve(desk: Desk, hasChanged: boolean): Promise<void> {
    const { clock } = this.#home.system;
    desk.restUntil = clock.monotonic() + LEAST_PAUSE_MS;
    try {
      if (hasChanged) {
        await this.#work.gather(desk.project);
        desk.watch?.settle();
      }
      desk.bell.rang();
      desk.next = this.#nextOf(desk);
      if (desk.next !== null && desk.next <= clock.now()) {
        await this.#work.deliver(desk.project, {
          signal: this.#hurry.signal,
          forgivenAt: this.#forgivenAt,
        });
      }
      desk.bell.rang();
      desk.next = this.#nextOf(desk);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#log.error('daemon.project', { project: desk.project.id, reason: messageOf(error) });
      desk.restUntil = clock.monotonic() + REST_AFTER_FAULT_MS;
    }
  }

  /** A store that does not answer now is asked again when it rings. */
  #nextOf({ bell, project }: Desk): Millis | null {
    if (bell.db === null) return null;
    try {
      return this.#work.next(bell.db, this.#forgivenAt);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#log.error('daemon.question', { project: project.id, reason: messageOf(error) });
      return null;
    }
  }

  /** What is under way may finish, and what is due is sent, as far as the grace goes. */
  async #end(ending: Ending): Promise<Ending> {
    const desks = [...this.#desks.values()];
    const timer = setTimeout(
      () => {
        this.#hurry.abort();
      },
      ending === 'lost' ? 0 : GRACE_MS,
    );
    await Promise.all(desks.flatMap(({ busy }) => (busy === null ? [] : [busy])));
    if (ending !== 'lost' && ending !== 'replaced') {
      await Promise.all(desks.map((desk) => this.#lastDelivery(desk)));
    }
    clearTimeout(timer);
    if (ending !== 'lost') releaseLease(this.#home.machine(), this.#lease);
    return ending;
  }

  async #lastDelivery(desk: Desk): Promise<void> {
    desk.bell.rang();
    const next = this.#nextOf(desk);
    const isDue = next !== null && next <= this.#home.system.clock.now();
    if (isDue && !this.#hurry.signal.aborted) await this.#serve(desk, false);
  }
}

function closeDesk({ bell, watch }: Desk): void {
  bell.close();
  watch?.close();
}

/** How the program looked on the disk: an upgrade under a running daemon changes it. */
function lookOfProgram({ script }: Program, files: Files): string {
  return script === null ? '' : lookOf(files, script);
}

function lookOf(files: Files, file: string): string {
  const stat = files.stat(file);
  return stat === null ? 'absent' : [stat.inode, stat.size, stat.modifiedAt].join('/');
}
