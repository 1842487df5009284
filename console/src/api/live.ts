// The server's stream of alerts, incidents and ticks (SSE), shared by all pages.
// Not a cache: it hands batches of alerts and incidents on and keeps only the newest tick. Alerts are batched so that a storm of
// them costs the page a few updates a second. Silence longer than SILENCE_MAX_MS counts as a lost connection, and is shown.
import type { Alert, Incident, Tick } from "./types";

export interface LiveState {
  status: "connecting" | "live" | "lost";
  /** When the connection was lost, milliseconds since 1970. */
  lostSince?: number;
  tick?: Tick;
  /** Local clock when the tick came. */
  tickAt?: number;
}

/** Newer versions of alerts by id. */
export type AlertBatch = ReadonlyMap<string, Alert>;
/** Newer versions of incidents by id. */
export type IncidentBatch = ReadonlyMap<string, Incident>;

const BATCH_MS = 250;
const SILENCE_MAX_MS = 5000;
const RETRY_MS = 2000;

export class LiveFeed {
  #state: LiveState = { status: "connecting" };
  #source: EventSource | undefined;
  #batch = new Map<string, Alert>();
  #incidents = new Map<string, Incident>();
  #batchTimer: ReturnType<typeof setTimeout> | undefined;
  #silenceTimer: ReturnType<typeof setTimeout> | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #watchers = new Set<() => void>();
  readonly #alertWatchers = new Set<(batch: AlertBatch) => void>();
  readonly #incidentWatchers = new Set<(batch: IncidentBatch) => void>();
  readonly #missed: () => void;

  /** `missed` is called when alerts may have gone by unseen: after a lost connection, or when the reader was too slow. */
  constructor(missed: () => void) {
    this.#missed = missed;
  }

  readonly state = (): LiveState => this.#state;

  readonly watch = (watcher: () => void) => {
    this.#watchers.add(watcher);
    return () => {
      this.#watchers.delete(watcher);
    };
  };

  readonly watchAlerts = (watcher: (batch: AlertBatch) => void) => {
    this.#alertWatchers.add(watcher);
    return () => {
      this.#alertWatchers.delete(watcher);
    };
  };

  readonly watchIncidents = (watcher: (batch: IncidentBatch) => void) => {
    this.#incidentWatchers.add(watcher);
    return () => {
      this.#incidentWatchers.delete(watcher);
    };
  };

  start() {
    this.stop();
    const source = new EventSource("/api/v1/stream");
    this.#source = source;
    source.addEventListener("open", () => this.#heard());
    source.addEventListener("error", () => this.#failed(source));
    source.addEventListener("tick", (event: MessageEvent<string>) => {
      this.#heard({ tick: JSON.parse(event.data) as Tick, tickAt: Date.now() });
    });
    source.addEventListener("alert", (event: MessageEvent<string>) => {
      this.deliver([JSON.parse(event.data) as Alert]);
    });
    source.addEventListener("incident", (event: MessageEvent<string>) => {
      const incident = JSON.parse(event.data) as Incident;
      this.#incidents.set(incident.id, incident);
      this.#batchTimer ??= setTimeout(() => this.#flush(), BATCH_MS);
    });
    // The server could not write as fast as alerts came, and dropped some.
    source.addEventListener("lagged", () => this.#missed());
  }

  /** Hands alerts to the watchers with the next batch. */
  deliver(alerts: Alert[]) {
    for (const alert of alerts) this.#batch.set(alert.id, alert);
    this.#batchTimer ??= setTimeout(() => this.#flush(), BATCH_MS);
  }

  stop() {
    this.#source?.close();
    this.#source = undefined;
    clearTimeout(this.#batchTimer);
    clearTimeout(this.#silenceTimer);
    clearTimeout(this.#retryTimer);
    this.#batchTimer = undefined;
  }

  #set(change: Partial<LiveState>) {
    this.#state = { ...this.#state, ...change };
    for (const watcher of this.#watchers) watcher();
  }

  #heard(news: Partial<LiveState> = {}) {
    const wasLost = this.#state.status === "lost";
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => this.#lost(), SILENCE_MAX_MS);
    this.#set({ ...news, status: "live" });
    if (wasLost) this.#missed();
  }

  #lost() {
    if (this.#state.status !== "lost") this.#set({ status: "lost", lostSince: this.#state.tickAt ?? Date.now() });
  }

  #failed(source: EventSource) {
    this.#lost();
    // The browser retries by itself, except after an HTTP error.
    if (source.readyState === EventSource.CLOSED && source === this.#source) {
      this.#retryTimer = setTimeout(() => this.start(), RETRY_MS);
    }
  }

  #flush() {
    const batch = this.#batch;
    const incidents = this.#incidents;
    this.#batch = new Map();
    this.#incidents = new Map();
    this.#batchTimer = undefined;
    if (batch.size > 0) for (const watcher of this.#alertWatchers) watcher(batch);
    if (incidents.size > 0) for (const watcher of this.#incidentWatchers) watcher(incidents);
  }
}
