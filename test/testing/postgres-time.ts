import type { PostgresPool } from '../../src/journal/postgres.ts';

/** The time of a journal's database, and of its pg-boss, which a test lets pass. */
export interface DatabaseTime {
  nowMs(): number;
  /** Connections that are in a transaction keep the time they have. */
  pass(ms: number): Promise<void>;
}

/** @param schema of a journal that was used before */
export function databaseTime(pool: PostgresPool, schema = 'tillpaid'): DatabaseTime {
  let passedMs = 0;
  return {
    nowMs: () => Date.now() + passedMs,
    async pass(ms) {
      passedMs += Math.ceil(ms);
      await pool.query(`
        CREATE OR REPLACE FUNCTION ${schema}.now_ms() RETURNS double precision LANGUAGE sql STABLE
          AS 'SELECT round(extract(epoch FROM now()) * 1000)::double precision + ${passedMs}';
        CREATE OR REPLACE FUNCTION ${schema}_boss.job_now() RETURNS timestamptz LANGUAGE sql STABLE
          AS 'SELECT pg_catalog.now() + interval ''${passedMs} milliseconds''';`);
    },
  };
}
