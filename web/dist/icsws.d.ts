/** How a connection ended, or an attempt that did not become one. */
export interface End {
    /** False for an attempt that did not open; then the rest is as in these comments. */
    opened: boolean;
    /** The close code (RFC 6455 section 7.4.1); 1006 when no close frame came, and for an attempt. */
    code: number;
    /** The close reason; empty for an attempt. */
    reason: string;
    /** The peer sent the code: it is not 1006, and not the answer to a close of ours. */
    remote: boolean;
    /** How long it was open, in milliseconds; 0 for an attempt. */
    openMs: number;
}
/**
 * Why no further attempt follows: close was called; reconnect is false; the peer sent a
 * code of stopCodes; shouldReconnect said so; maxAttempts was reached.
 */
export type StopReason = 'local' | 'disabled' | 'code' | 'rule' | 'attempts';
/** Either the wait before the next attempt, or why there is none. Times are in milliseconds. */
export interface Decision {
    /** The whole wait, the hint included; 0 with a stop. */
    wait: number;
    /** The part of it that the peer asked for. */
    hint: number;
    /** Absent when an attempt follows. */
    stop?: StopReason;
}
/** The rules of {@link Backoff}. Times are in milliseconds; what is absent has its default. */
export interface BackoffOptions {
    /** False: one attempt, one connection. Default true. */
    reconnect?: boolean;
    /** The wait after the first failure, which doubles with each further one; at least 1. Default 100, or maxWait if that is less. */
    minWait?: number;
    /** The longest wait; minWait, if that is more. Default 10000. */
    maxWait?: number;
    /**
     * The share of a wait that is random, from 0 to 1, so that clients which were lost
     * together do not come back together. Default 1.
     */
    jitter?: number;
    /** How long a connection must have been open for the waits to begin anew. Default 5000. */
    stableAfter?: number;
    /**
     * How many failures in a row end it: failed attempts, and connections that were not
     * stable. The end of a stable one is the first. Default 0: no limit.
     */
    maxAttempts?: number;
    /** The most that a hint of the peer is honoured; 0 ignores hints. Default 3600000, an hour. */
    maxHint?: number;
    /** The close codes of the peer that mean: do not come back. Default [1008]. */
    stopCodes?: readonly number[];
    /** Decides in place of stopCodes, also after failed attempts. */
    shouldReconnect?: (end: End) => boolean;
    /** A number from 0 to below 1. Default Math.random. */
    random?: () => number;
}
/**
 * Reads the hint at the end of a close reason, such as "server restarts; retry-after=12.5":
 * so many milliseconds after the close the client is welcome again. It is strict, as
 * client.ReturnHint is in Go: from 0 to 86400 seconds, up to three decimals. Whatever else
 * is no hint and gives undefined.
 */
export declare function returnHint(reason: string): number | undefined;
/** The state machine of reconnection, without a socket and without a clock. */
export declare class Backoff {
    #private;
    /** Failures in a row; the wait is minWait * 2 ** failures. */
    failures: number;
    constructor(options?: BackoffOptions);
    /** Takes the end of a connection or of an attempt, and says what comes next. */
    next(end: End): Decision;
}
/** What can be sent: text, bytes or a Blob. */
export type Data = string | ArrayBuffer | ArrayBufferView | Blob;
/**
 * Why a message of the queue will not be sent: it found the queue full; it made room for a
 * newer one; it is older than queueMaxAge; no connection will come.
 */
export type DropReason = 'newest' | 'oldest' | 'age' | 'stop';
/** A message that will not be sent. */
export interface Drop {
    /** The message; of bytes the copy that the queue had. */
    data: Data;
    reason: DropReason;
}
/** The bounds of the queue. What is absent has its default. */
export interface QueueOptions {
    /**
     * The most bytes of payload that wait while there is no connection; text counts as
     * UTF-8, an empty message as one. Default 0: nothing is queued.
     */
    queueBytes?: number;
    /** The most messages; below 1 there is room for none. Default 4096. */
    queueMessages?: number;
    /**
     * Which message goes when one finds the queue full: "newest", that one (the default), or
     * "oldest", as many as it takes. A message above queueBytes always goes itself.
     */
    queuePolicy?: 'newest' | 'oldest';
    /**
     * The age in milliseconds at which a message is dropped. Browsers run the timers of
     * pages in the background late; what is too old is not sent. Default 0: never.
     */
    queueMaxAge?: number;
}
/** Says where to connect; called for each attempt, so that each can have a fresh token. */
export type Source = string | URL | (() => string | URL | Promise<string | URL>);
/** What is used of a WebSocket: those of browsers, of Node.js and of npm ws have it. */
export interface Wire {
    readonly readyState: number;
    readonly bufferedAmount: number;
    readonly protocol: string;
    binaryType: string;
    onopen: ((e: any) => void) | null;
    onmessage: ((e: any) => void) | null;
    onclose: ((e: any) => void) | null;
    onerror: ((e: any) => void) | null;
    send(data: Data): void;
    close(code?: number, reason?: string): void;
}
/** What becomes of a failed attempt or a lost connection. */
export interface Next {
    /** Milliseconds until the next attempt; 0 when there is none. */
    nextWait: number;
    /** No further attempt follows; onstop comes next. */
    final: boolean;
}
/** A connection that is open. */
export interface Opened {
    /** The attempt that it came from, counted from 1 since the start. */
    attempt: number;
    /** There was one before it since the start. */
    reopened: boolean;
    url: string;
    /** The sub-protocol that the server chose, or "". */
    protocol: string;
    /**
     * Sends on this connection, within onopen ahead of the queue and of what goes through
     * {@link Socket.send}: for a login. False once the connection is not open any more.
     */
    send: (data: Data) => boolean;
}
/** A connection that ended. */
export interface Closed extends End, Next {
    /** The closing handshake was complete. */
    wasClean: boolean;
}
/** An attempt that failed. Browsers do not tell scripts why. */
export interface Failed extends Next {
    attempt: number;
    /** What the URL function or the WebSocket constructor threw; else an Error: timeout, or no connection. */
    error: unknown;
}
/** The end of it all, until the next start. */
export interface Stopped {
    why: StopReason;
    /** Attempts since the start. */
    attempts: number;
    /** How the last connection or attempt ended; absent when none had. */
    end?: End;
}
/**
 * The callbacks. They never overlap: what one of them causes is told after it has returned.
 * What they throw is reported as an uncaught error and changes nothing.
 */
export interface Events {
    /** A connection is open. */
    onopen?: ((e: Opened) => void) | null | undefined;
    /** A message, as the WebSocket tells it: the content is in data. */
    onmessage?: ((e: MessageEvent) => void) | null | undefined;
    /** A connection ended: exactly once for each onopen. */
    onclose?: ((e: Closed) => void) | null | undefined;
    /** An attempt failed: exactly once for each. One that close ends has not failed. */
    onerror?: ((e: Failed) => void) | null | undefined;
    /** A message of the queue will not be sent. */
    ondropped?: ((e: Drop) => void) | null | undefined;
    /** No further attempt follows: exactly once for each start. */
    onstop?: ((e: Stopped) => void) | null | undefined;
    /** readyState has changed; before the callback of what changed it. */
    onstate?: ((state: number) => void) | null | undefined;
}
/** The options of a {@link Socket}. Times are in milliseconds; what is absent has its default. */
export interface SocketOptions extends BackoffOptions, QueueOptions, Events {
    /** The sub-protocols to offer. Default none. */
    protocols?: string | string[];
    /** What binary messages come as. Default "arraybuffer". */
    binaryType?: 'arraybuffer' | 'blob';
    /** Bounds a whole attempt, the URL function included. 0 is no bound. Default 30000. */
    connectTimeout?: number;
    /** False: start must be called. Default true. */
    autoStart?: boolean;
    /** The class of the connections. Default the global WebSocket. */
    WebSocket?: new (url: string, protocols?: string | string[]) => Wire;
}
/**
 * A WebSocket that connects again.
 *
 *     const socket = new Socket('/chat', { queueBytes: 65536 })
 *     socket.onmessage = (e) => console.log(e.data)
 *     socket.send('hello') // waits for the connection
 *
 * It starts by itself; the first callback does not come before the script that made it has
 * gone on. close ends it, and start begins anew.
 */
export declare class Socket implements Events {
    #private;
    onopen: Events['onopen'];
    onmessage: Events['onmessage'];
    onclose: Events['onclose'];
    onerror: Events['onerror'];
    ondropped: Events['ondropped'];
    onstop: Events['onstop'];
    onstate: Events['onstate'];
    /**
     * @param url - ws:, wss:, http: or https:, or relative to the page; or a function that
     * returns one, or a promise of one.
     */
    constructor(url: Source, options?: SocketOptions);
    /**
     * As of a WebSocket: 0 connecting, or waiting to do so; 1 open; 2 closing, after close;
     * 3 closed, it does not connect any more.
     */
    get readyState(): number;
    /** The URL of the last attempt, "" before the first. */
    get url(): string;
    /** The sub-protocol of the connection; "" while there is none. */
    get protocol(): string;
    /** Bytes that have been sent and not left yet, and those of the queue. */
    get bufferedAmount(): number;
    /** Bytes in the queue. */
    get queuedBytes(): number;
    /** When the next attempt begins, as Date.now() counts; 0 while it does not wait. */
    get nextAttempt(): number;
    /** Attempts since the start. */
    get attempt(): number;
    /** Begins to connect. False while it has not stopped: then it changes nothing. */
    start(): boolean;
    /**
     * Sends a message, or puts it in the queue while there is no connection, and until onopen
     * has returned; without a queue it sends then, too. False when neither was possible: there
     * is no queue, it is full, or close was called. What the browser has taken and the
     * connection loses is not sent again.
     */
    send(data: Data): boolean;
    /**
     * Ends the connection, the attempt or the wait, and stops. The queue is dropped. It may
     * be called at any time, in callbacks too. An open connection is closed with the code,
     * 1000 or 3000 to 4999, and the reason, at most 123 bytes; others throw.
     */
    close(code?: number, reason?: string): void;
    /** Ends a wait: the next attempt begins at once. Without a wait it does nothing. */
    retryNow(): void;
}
