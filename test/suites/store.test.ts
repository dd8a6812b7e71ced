import { freshDatabase, runsPostgres } from '../support/postgres.ts';
import { storeSuite } from './store.suite.ts';

const cluster = await runsPostgres();

storeSuite('SQLite', () => Promise.resolve(null));
if (cluster !== null) storeSuite('PostgreSQL', () => freshDatabase(cluster));
