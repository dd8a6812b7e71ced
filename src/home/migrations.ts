import { migration, type Migration } from '../base/index.ts';
import machine0001 from './sql/machine/0001-machine.sql';
import machine0002 from './sql/machine/0002-marks.sql';
import machine0003 from './sql/machine/0003-sources.sql';
import machine0004 from './sql/machine/0004-daemon.sql';
import machine0005 from './sql/machine/0005-refreshes.sql';
import project0001 from './sql/project/0001-home.sql';
import project0002 from './sql/project/0002-journal.sql';
import project0003 from './sql/project/0003-missions.sql';
import project0004 from './sql/project/0004-delivery.sql';
import project0005 from './sql/project/0005-bodies.sql';
import project0006 from './sql/project/0006-body-deliveries.sql';
import project0007 from './sql/project/0007-audit.sql';
import project0008 from './sql/project/0008-replays.sql';
import project0011 from './sql/project/0011-retention.sql';
import project0012 from './sql/project/0012-legacy.sql';
import project0014 from './sql/project/0014-waiting.sql';
import project0019 from './sql/project/0019-history.sql';
import project0020 from './sql/project/0020-waiting-since.sql';
import project0021 from './sql/project/0021-trackers.sql';
import project0022 from './sql/project/0022-snapshot-deliveries.sql';
import project0030 from './sql/project/0030-dropped-facts.sql';
import project0031 from './sql/project/0031-blocked-remedy.sql';
import unassigned0001 from './sql/unassigned/0001-unassigned.sql';

/** The schema of one project's store, in order. Each file names the room that alone may write its tables. */
export const PROJECT_MIGRATIONS: readonly Migration[] = [
  migration(1, 'home', project0001),
  migration(2, 'journal', project0002),
  migration(3, 'missions', project0003),
  migration(4, 'delivery', project0004),
  migration(5, 'bodies', project0005),
  migration(6, 'body-deliveries', project0006),
  migration(7, 'audit', project0007),
  migration(8, 'delivery', project0008),
  migration(11, 'retention', project0011),
  migration(12, 'legacy', project0012),
  migration(14, 'waiting', project0014),
  migration(19, 'history', project0019),
  migration(20, 'waiting-since', project0020),
  migration(21, 'trackers', project0021),
  migration(22, 'snapshot-deliveries', project0022),
  migration(30, 'dropped-facts', project0030),
  migration(31, 'blocked-remedy', project0031),
];

/** The schema of the machine's own file. */
export const MACHINE_MIGRATIONS: readonly Migration[] = [
  migration(1, 'machine', machine0001),
  migration(2, 'marks', machine0002),
  migration(3, 'sources', machine0003),
  migration(4, 'daemon', machine0004),
  migration(5, 'refreshes', machine0005),
];

/** The schema of what belongs to no project: rows of old queues are accounted for as in a project's store. */
export const UNASSIGNED_MIGRATIONS: readonly Migration[] = [
  migration(1, 'unassigned', unassigned0001),
  migration(2, 'legacy', project0012),
];
