// The face of the browser client, for editors and TypeScript. What it does is told in docs/reference/browser-client.md.
// In a module: import Realtime = require("…/realtime.js"). In a page's script it is the global `Realtime`.

export = Realtime;
export as namespace Realtime;

declare class Realtime {
  constructor(options?: Realtime.Options);

  /** `idle` before the first connect(), `closed` after close(). */
  readonly state: Realtime.State;
  /** Over what it is connected; null while it is not. */
  readonly transport: Realtime.TransportName | null;
  /** The server has said that its bus is away: nothing arrives, and publishes wait. */
  readonly degraded: boolean;

  /** Connect, or when a wait for the next attempt is running: try now. */
  connect(): this;
  /** Stop, and fail what is in the outbox. Rooms and position are kept: connect() goes on from there. */
  close(): this;

  join(room: string, done?: (error: Realtime.Failure | null, answer?: Realtime.Joined) => void): this;
  join(
    room: string,
    options: Realtime.JoinOptions | null,
    done?: (error: Realtime.Failure | null, answer?: Realtime.Joined) => void,
  ): this;
  /** After `done` no event of the room arrives any more. */
  leave(room: string, done?: (error: null) => void): this;

  /** For who is connected now: kept nowhere, without id and key, and not waiting in the outbox. */
  publish(
    room: string,
    data: unknown,
    options: Realtime.TransientOptions,
    done?: (error: Realtime.Failure | null, result?: object) => void,
  ): null;
  /** Returns the idempotency key. `done` is called exactly once. */
  publish(room: string, data: unknown, done?: Realtime.Published): string;
  publish(
    room: string,
    data: unknown,
    options: Realtime.PublishOptions | null,
    done?: Realtime.Published,
  ): string;
  /** Who is in a room, where the server keeps count. */
  presence(room: string, done: (error: Realtime.Failure | null, present?: Realtime.Present) => void): this;
  /** What is not answered yet, oldest first. */
  outbox(): Realtime.OutboxEntry[];

  /** Go over to a transport without a gap and stay with it; null: back to the order of `transports`. */
  switchTo(transport: Realtime.TransportName | null, done?: (error: Realtime.Failure | null) => void): this;

  on<Name extends keyof Realtime.Events>(event: Name, listener: (now: Realtime.Events[Name]) => void): this;
  on<Data = any>(event: string, listener: (data: Data, id: string | null) => void): this;
  /** One listener, or all of an event. */
  off(event: string, listener?: (...args: any[]) => void): this;
}

declare namespace Realtime {
  type State = "idle" | "connecting" | "connected" | "reconnecting" | "closed";
  type TransportName = "websocket" | "sse" | "poll";

  /** EventSource over XMLHttpRequest, for browsers that have none. */
  const EventSource: { new (url: string, init?: { withCredentials?: boolean }): globalThis.EventSource };

  /** -1, 0 or 1 as `a` stands before, at or after `b` in the log. */
  function compareIds(a: string, b: string): -1 | 0 | 1;
  /** When a message was accepted by the server, in milliseconds since 1970. */
  function timeOf(id: string): number;
  function isId(value: unknown): value is string;

  interface Options {
    /**
     * Where the application is: an origin, a path or both. Every request goes there. "" is the root of the page's own
     * origin; default: what `realtime_scripts()` has written into the page.
     */
    url?: string;
    /** In the order of preference. */
    transports?: TransportName[];
    /** Below `url`. */
    socketPath?: string;
    /** Given to Socket.IO's CONNECT. */
    auth?: object | ((give: (auth: object) => void) => void) | null;
    withCredentials?: boolean;
    connectTimeout?: number;
    streamTimeout?: number;
    requestTimeout?: number;
    stableAfter?: number;
    reconnectSchedule?: number[];
    probeSchedule?: number[];
    quietAfter?: number;
    /** Seconds. */
    pollWait?: number;
    pollPause?: number;
    presencePoll?: number;
    /** One event stream for all tabs of the origin, where the browser has Web Locks and BroadcastChannel. */
    shareTabs?: boolean;
    ackTimeout?: number;
    publishSchedule?: number[];
    publishTries?: number;
    publishTimeout?: number;
    outboxLimit?: number;
    remember?: number;
    /** The browser's own parts: another one, or null to do without. */
    io?: ((...args: any[]) => any) | null;
    WebSocket?: unknown;
    EventSource?: unknown;
    XMLHttpRequest?: unknown;
    crypto?: unknown;
    page?: unknown;
    clock?: { setTimeout(fn: () => void, ms: number): any; clearTimeout(timer: any): void; now(): number };
    random?: () => number;
  }

  interface JoinOptions {
    /** Everything after this id. */
    after?: string | null;
    /** Without `after`: the last so many messages first. */
    history?: number;
    /** Under which name to be present. Joining again with another one changes it. */
    name?: string | null;
  }

  /** Connections of the same user and name. */
  interface Member {
    /** Whom the server's application knows it as. */
    user: string | null;
    /** What it calls itself. */
    name: string | null;
    connections: number;
    transports: ("websocket" | "polling" | "sse" | "poll")[];
  }

  interface Present {
    members: Member[];
    /** Connections with neither user nor name. */
    viewers: number;
    total: number;
  }

  interface PublishOptions {
    /** Default: "message". */
    event?: string;
    /** Default: 128 random bits. */
    key?: string;
  }

  interface TransientOptions {
    transient: true;
    /** Default: "message". */
    event?: string;
  }

  interface Failure {
    code: string;
    message: string;
  }

  interface Joined {
    recovered: boolean;
    cursor: string | null;
  }

  type Published = (error: (Failure & { key: string }) | null, result?: { id: string; key: string }) => void;

  interface OutboxEntry {
    key: string;
    room: string;
    event: string;
    data: unknown;
    state: "waiting" | "sent" | "retrying";
    tries: number;
    /** When it was given, in milliseconds since 1970. */
    since: number;
    /** Why it was not accepted when it was last sent. */
    error: Failure | null;
  }

  /** What the client itself tells. Every other name is an application's event. */
  interface Events {
    "realtime.state": { state: State; transport: TransportName | null; retryIn: number | null; degraded: boolean };
    "realtime.transport": { transport: TransportName; from: TransportName | null; seamless: boolean };
    "realtime.recovered": { cursor: string | null; transport: TransportName };
    "realtime.reset": { cursor: string | null };
    "realtime.error": Failure & { transport?: TransportName; room?: string };
    "realtime.outbox": {
      key: string;
      room: string;
      state: "waiting" | "sent" | "retrying" | "accepted" | "failed";
      size: number;
      error: Failure | null;
    };
    "realtime.degraded": object;
    "realtime.restored": object;
    "realtime.closing": { retry: number; reason?: string };
    "realtime.presence": {
      room: string;
      joined: Member[];
      left: Member[];
      changed: Member[];
      viewers: number;
      total: number;
      /** So many are there that only numbers are told. */
      counted?: true;
    };
    "realtime.revoked": { room: string | null };
    "realtime.expired": { room: string | null };
  }
}
