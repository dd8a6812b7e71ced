/** What tells rows of one measure apart: few values each, never anything a sender chooses. */
export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(labels: Labels, count?: number): void;
}

export interface Histogram {
  /** @param seconds how long one took. */
  observe(seconds: number): void;
}

/** What one process counts of its work since it began. */
export interface Meters {
  readonly requests: Counter;
  /** Events by what became of them: success, duplicate, conflict, or the code of a refusal. */
  readonly events: Counter;
  readonly bodies: Counter;
  readonly snapshots: Counter;
  /** Bytes as they came, compressed or not, of what was taken. */
  readonly bytes: Counter;
  readonly ingest: Histogram;
  /** Everything in the text format of Prometheus 0.0.4. */
  write(): string;
}

export const METRICS_MEDIA_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const INGEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Meters at zero. @param open what is open, asked whenever they are written. */
export function createMeters(open: {
  readonly connections: () => number;
  readonly streams: () => number;
}): Meters {
  const requests = createCounter('spec_kitty_requests_total', 'Requests by route and status.');
  const events = createCounter('spec_kitty_events_total', 'Events by result.');
  const bodies = createCounter('spec_kitty_bodies_total', 'Artifact texts by status.');
  const snapshots = createCounter('spec_kitty_snapshots_total', 'Tracker snapshots by status.');
  const bytes = createCounter('spec_kitty_received_bytes_total', 'Bytes of requests by kind.');
  const ingest = createHistogram('spec_kitty_ingest_seconds', 'Time of a batch.', INGEST_SECONDS);
  const all: readonly Written[] = [
    requests,
    events,
    bodies,
    snapshots,
    bytes,
    ingest,
    gauge('spec_kitty_open_connections', 'Connections that are open.', open.connections),
    gauge('spec_kitty_open_streams', 'Live streams of events that are open.', open.streams),
    gauge('process_resident_memory_bytes', 'Memory of this process.', () =>
      process.memoryUsage.rss(),
    ),
  ];
  const write = (): string => all.map((each) => each.write()).join('');
  return { requests, events, bodies, snapshots, bytes, ingest, write };
}

interface Written {
  write(): string;
}

function createCounter(name: string, help: string): Counter & Written {
  const counts = new Map<string, number>();
  return {
    add: (labels, count = 1) => {
      const row = `${name}${textOf(labels)}`;
      counts.set(row, (counts.get(row) ?? 0) + count);
    },
    write: () => headOf(name, help, 'counter') + linesOf([...counts]),
  };
}

function createHistogram(
  name: string,
  help: string,
  limits: readonly number[],
): Histogram & Written {
  const counts = limits.map(() => 0);
  let all = 0;
  let sum = 0;
  return {
    observe: (seconds) => {
      all += 1;
      sum += seconds;
      for (const [index, limit] of limits.entries()) {
        if (seconds <= limit) counts[index] = (counts[index] ?? 0) + 1;
      }
    },
    write: () => {
      const buckets = limits.map(
        (limit, index) => [`${name}_bucket{le="${limit}"}`, counts[index] ?? 0] as const,
      );
      return (
        headOf(name, help, 'histogram') +
        linesOf([
          ...buckets,
          [`${name}_bucket{le="+Inf"}`, all],
          [`${name}_sum`, sum],
          [`${name}_count`, all],
        ])
      );
    },
  };
}

function gauge(name: string, help: string, read: () => number): Written {
  return { write: () => headOf(name, help, 'gauge') + linesOf([[name, read()]]) };
}

function headOf(name: string, help: string, type: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

function linesOf(rows: readonly (readonly [string, number])[]): string {
  return rows.map(([row, value]) => `${row} ${value}\n`).join('');
}

function textOf(labels: Labels): string {
  const parts = Object.entries(labels).map(([key, value]) => `${key}="${escaped(value)}"`);
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
