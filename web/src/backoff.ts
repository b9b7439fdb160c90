// When to come back. The Go client (client/dial) has the same rules, and both pass the
// vectors of testdata/reconnect.json.

/** How a connection ended, or an attempt that did not become one. */
export interface End {
  /** False for an attempt that did not open; then the rest is as in these comments. */
  opened: boolean
  /** The close code (RFC 6455 section 7.4.1); 1006 when no close frame came, and for an attempt. */
  code: number
  /** The close reason; empty for an attempt. */
  reason: string
  /** The peer sent the code: it is not 1006, and not the answer to a close of ours. */
  remote: boolean
  /** How long it was open, in milliseconds; 0 for an attempt. */
  openMs: number
}

/**
 * Why no further attempt follows: close was called; reconnect is false; the peer sent a
 * code of stopCodes; shouldReconnect said so; maxAttempts was reached.
 */
export type StopReason = 'local' | 'disabled' | 'code' | 'rule' | 'attempts'

/** Either the wait before the next attempt, or why there is none. Times are in milliseconds. */
export interface Decision {
  /** The whole wait, the hint included; 0 with a stop. */
  wait: number
  /** The part of it that the peer asked for. */
  hint: number
  /** Absent when an attempt follows. */
  stop?: StopReason
}

/** The rules of {@link Backoff}. Times are in milliseconds; what is absent has its default. */
export interface BackoffOptions {
  /** False: one attempt, one connection. Default true. */
  reconnect?: boolean
  /** The wait after the first failure, which doubles with each further one; at least 1. Default 100, or maxWait if that is less. */
  minWait?: number
  /** The longest wait; minWait, if that is more. Default 10000. */
  maxWait?: number
  /**
   * The share of a wait that is random, from 0 to 1, so that clients which were lost
   * together do not come back together. Default 1.
   */
  jitter?: number
  /** How long a connection must have been open for the waits to begin anew. Default 5000. */
  stableAfter?: number
  /**
   * How many failures in a row end it: failed attempts, and connections that were not
   * stable. The end of a stable one is the first. Default 0: no limit.
   */
  maxAttempts?: number
  /** The most that a hint of the peer is honoured; 0 ignores hints. Default 3600000, an hour. */
  maxHint?: number
  /** The close codes of the peer that mean: do not come back. Default [1008]. */
  stopCodes?: readonly number[]
  /** Decides in place of stopCodes, also after failed attempts. */
  shouldReconnect?: (end: End) => boolean
  /** A number from 0 to below 1. Default Math.random. */
  random?: () => number
}

/**
 * Reads the hint at the end of a close reason, such as "server restarts; retry-after=12.5":
 * so many milliseconds after the close the client is welcome again. It is strict, as
 * client.ReturnHint is in Go: from 0 to 86400 seconds, up to three decimals. Whatever else
 * is no hint and gives undefined.
 */
export function returnHint(reason: string): number | undefined {
  const m = /(?:^|; )retry-after=((?:0|[1-9]\d{0,4})(?:\.\d{1,3})?)$/.exec(reason)
  const ms = Math.round(Number(m?.[1]) * 1000) // NaN without a match
  return ms <= 86_400_000 ? ms : undefined
}

/** The state machine of reconnection, without a socket and without a clock. */
export class Backoff {
  /** Failures in a row; the wait is minWait * 2 ** failures. */
  failures = 0
  #o: BackoffOptions

  constructor(options: BackoffOptions = {}) {
    this.#o = options
  }

  /** Takes the end of a connection or of an attempt, and says what comes next. */
  next(end: End): Decision {
    const {
      reconnect = true, maxWait = 10_000, minWait = maxWait > 0 ? Math.min(100, maxWait) : 100, jitter = 1,
      stableAfter = 5000, maxAttempts = 0, maxHint = 3_600_000, stopCodes = [1008], shouldReconnect, random = Math.random,
    } = this.#o
    const stop = (stop: StopReason) => ({ wait: 0, hint: 0, stop })

    if (end.opened && end.openMs >= stableAfter) this.failures = 0
    if (!reconnect) return stop('disabled')
    if (shouldReconnect) {
      if (!shouldReconnect(end)) return stop('rule')
    } else if (end.remote && stopCodes.includes(end.code)) return stop('code')
    if (maxAttempts > 0 && this.failures + 1 >= maxAttempts) return stop('attempts')

    const first = Math.max(1, minWait) // nothing would not grow
    const base = Math.min(Math.max(first, maxWait), first * 2 ** Math.min(this.failures++, 99))
    const share = Math.min(1, Math.max(0, jitter))
    const wait = Math.max(1, Math.floor(base * (1 - share) + base * share * random())) || 10_000 // NaN would be no wait
    const hint = Math.max(0, Math.min(maxHint, returnHint(end.reason) ?? 0)) || 0
    return { wait: hint + wait, hint }
  }
}
