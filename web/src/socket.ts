// A WebSocket that comes back.

import { Backoff, type BackoffOptions, type Decision, type End, type StopReason } from './backoff.js'
import { LONGEST, Queue, type Data, type Drop, type QueueOptions } from './queue.js'

/** Says where to connect; called for each attempt, so that each can have a fresh token. */
export type Source = string | URL | (() => string | URL | Promise<string | URL>)

/** What is used of a WebSocket: those of browsers, of Node.js and of npm ws have it. */
export interface Wire {
  readonly readyState: number
  readonly bufferedAmount: number
  readonly protocol: string
  binaryType: string
  onopen: ((e: any) => void) | null
  onmessage: ((e: any) => void) | null
  onclose: ((e: any) => void) | null
  onerror: ((e: any) => void) | null
  send(data: Data): void
  close(code?: number, reason?: string): void
}

/** What becomes of a failed attempt or a lost connection. */
export interface Next {
  /** Milliseconds until the next attempt; 0 when there is none. */
  nextWait: number
  /** No further attempt follows; onstop comes next. */
  final: boolean
}

/** A connection that is open. */
export interface Opened {
  /** The attempt that it came from, counted from 1 since the start. */
  attempt: number
  /** There was one before it since the start. */
  reopened: boolean
  url: string
  /** The sub-protocol that the server chose, or "". */
  protocol: string
  /**
   * Sends on this connection, within onopen ahead of the queue and of what goes through
   * {@link Socket.send}: for a login. False once the connection is not open any more.
   */
  send: (data: Data) => boolean
}

/** A connection that ended. */
export interface Closed extends End, Next {
  /** The closing handshake was complete. */
  wasClean: boolean
}

/** An attempt that failed. Browsers do not tell scripts why. */
export interface Failed extends Next {
  attempt: number
  /** What the URL function or the WebSocket constructor threw; else an Error: timeout, or no connection. */
  error: unknown
}

/** The end of it all, until the next start. */
export interface Stopped {
  why: StopReason
  /** Attempts since the start. */
  attempts: number
  /** How the last connection or attempt ended; absent when none had. */
  end?: End
}

/**
 * The callbacks. They never overlap: what one of them causes is told after it has returned.
 * What they throw is reported as an uncaught error and changes nothing.
 */
export interface Events {
  /** A connection is open. */
  onopen?: ((e: Opened) => void) | null | undefined
  /** A message, as the WebSocket tells it: the content is in data. */
  onmessage?: ((e: MessageEvent) => void) | null | undefined
  /** A connection ended: exactly once for each onopen. */
  onclose?: ((e: Closed) => void) | null | undefined
  /** An attempt failed: exactly once for each. One that close ends has not failed. */
  onerror?: ((e: Failed) => void) | null | undefined
  /** A message of the queue will not be sent. */
  ondropped?: ((e: Drop) => void) | null | undefined
  /** No further attempt follows: exactly once for each start. */
  onstop?: ((e: Stopped) => void) | null | undefined
  /** readyState has changed; before the callback of what changed it. */
  onstate?: ((state: number) => void) | null | undefined
}

/** The options of a {@link Socket}. Times are in milliseconds; what is absent has its default. */
export interface SocketOptions extends BackoffOptions, QueueOptions, Events {
  /** The sub-protocols to offer. Default none. */
  protocols?: string | string[]
  /** What binary messages come as. Default "arraybuffer". */
  binaryType?: 'arraybuffer' | 'blob'
  /** Bounds a whole attempt, the URL function included. 0 is no bound. Default 30000. */
  connectTimeout?: number
  /** False: start must be called. Default true. */
  autoStart?: boolean
  /** The class of the connections. Default the global WebSocket. */
  WebSocket?: new (url: string, protocols?: string | string[]) => Wire
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
export class Socket implements Events {
  onopen: Events['onopen']
  onmessage: Events['onmessage']
  onclose: Events['onclose']
  onerror: Events['onerror']
  ondropped: Events['ondropped']
  onstop: Events['onstop']
  onstate: Events['onstate']

  #source: Source
  #o: SocketOptions
  #queue: Queue
  #backoff!: Backoff
  #state = CLOSED
  #ws: Wire | undefined // of the present attempt or connection; what others tell is ignored
  #turn: object | undefined // of the present attempt, its WebSocket may not exist yet
  #timer: ReturnType<typeof setTimeout> | undefined // of the attempt or of the wait
  #url = ''
  #attempt = 0
  #next = 0 // nextAttempt
  #hinted = false // the wait has a hint in it
  #since = 0 // when the connection opened
  #opening = false // there is a queue, and onopen has not returned
  #connections = 0
  #refused = false // close was called within the rule
  #end: End | undefined
  #news: (() => void)[] = [] // callbacks to come
  #telling = false

  /**
   * @param url - ws:, wss:, http: or https:, or relative to the page; or a function that
   * returns one, or a promise of one.
   */
  constructor(url: Source, options: SocketOptions = {}) {
    this.#source = url
    this.#o = options
    this.#queue = new Queue(options, (drop) => this.#tell(() => this.ondropped?.(drop)), () => this.#deliver())
    for (const name of ['onopen', 'onmessage', 'onclose', 'onerror', 'ondropped', 'onstop', 'onstate'] as const) {
      this[name] = options[name] as never
    }
    if (options.autoStart !== false) this.#begin()
  }

  /**
   * As of a WebSocket: 0 connecting, or waiting to do so; 1 open; 2 closing, after close;
   * 3 closed, it does not connect any more.
   */
  get readyState(): number { return this.#state }

  /** The URL of the last attempt, "" before the first. */
  get url(): string { return this.#url }

  /** The sub-protocol of the connection; "" while there is none. */
  get protocol(): string { return this.#ws?.protocol ?? '' }

  /** Bytes that have been sent and not left yet, and those of the queue. */
  get bufferedAmount(): number { return (this.#ws?.bufferedAmount ?? 0) + this.#queue.bytes }

  /** Bytes in the queue. */
  get queuedBytes(): number { return this.#queue.bytes }

  /** When the next attempt begins, as Date.now() counts; 0 while it does not wait. */
  get nextAttempt(): number { return this.#next }

  /** Attempts since the start. */
  get attempt(): number { return this.#attempt }

  /** Begins to connect. False while it has not stopped: then it changes nothing. */
  start(): boolean {
    if (this.#state !== CLOSED) return false
    this.#begin()
    this.#tell(() => this.onstate?.(CONNECTING))
    this.#deliver()
    return true
  }

  /**
   * Sends a message, or puts it in the queue while there is no connection, and until onopen
   * has returned; without a queue it sends then, too. False when neither was possible: there
   * is no queue, it is full, or close was called. What the browser has taken and the
   * connection loses is not sent again.
   */
  send(data: Data): boolean {
    const open = this.#ready(this.#ws)
    let taken = false
    if (open && !this.#opening && !this.#queue.length) {
      this.#ws!.send(data)
      taken = true
    } else if (this.#state < CLOSING) {
      taken = this.#queue.put(data, open)
    }
    this.#deliver()
    return taken
  }

  /**
   * Ends the connection, the attempt or the wait, and stops. The queue is dropped. It may
   * be called at any time, in callbacks too. An open connection is closed with the code,
   * 1000 or 3000 to 4999, and the reason, at most 123 bytes; others throw.
   */
  close(code = 1000, reason = ''): void {
    if ((code !== 1000 && !(code >= 3000 && code <= 4999)) || new TextEncoder().encode(reason).length > 123) {
      throw new RangeError('icsws: close code or reason')
    }
    if (this.#state === OPEN) {
      this.#set(CLOSING)
      this.#ws!.close(code, reason)
    } else if (this.#state === CONNECTING) {
      this.#leave()
      this.#stop('local')
    } else {
      this.#refused = true
    }
    this.#deliver()
  }

  /** Ends a wait: the next attempt begins at once. Without a wait it does nothing. */
  retryNow(): void {
    if (this.#next) this.#connect()
  }

  #begin(): void {
    this.#state = CONNECTING
    const rule = this.#o.shouldReconnect
    this.#backoff = new Backoff({ ...this.#o, shouldReconnect: rule && ((end) => this.#ask(rule, end)) })
    this.#attempt = this.#connections = 0
    this.#end = undefined
    globalThis.addEventListener?.('online', this.#online)
    this.#connect()
  }

  // The network is back. A peer that asked for a longer wait gets it.
  #online = () => {
    if (!this.#hinted) this.retryNow()
  }

  async #connect(): Promise<void> {
    const { connectTimeout = 30_000, WebSocket = globalThis.WebSocket, protocols, binaryType = 'arraybuffer' } = this.#o
    const turn = this.#leave()
    const fail = (error: unknown) => { if (turn === this.#turn) this.#failed(error) }
    this.#attempt++
    if (connectTimeout > 0) this.#timer = setTimeout(() => fail(new Error('icsws: timeout')), Math.min(connectTimeout, LONGEST))
    try {
      await null // nothing of the user's runs within the caller
      if (turn !== this.#turn) return
      const source = this.#source
      const url = new URL(await (typeof source === 'function' ? source() : source), globalThis.document?.baseURI ?? globalThis.location?.href)
      if (turn !== this.#turn) return
      url.protocol = url.protocol.replace('http', 'ws')
      const ws = this.#ws = new WebSocket(this.#url = url.href, protocols)
      ws.binaryType = binaryType
      ws.onopen = () => { if (turn === this.#turn) this.#opened(ws) }
      ws.onmessage = (e: MessageEvent) => { if (turn === this.#turn) this.#heard(e) }
      const over = (e: Event) => {
        if (this.#state === CONNECTING) fail(new Error('icsws: no connection'))
        else if (turn === this.#turn && e.type === 'close') this.#closed(e as CloseEvent)
      }
      ws.onerror = ws.onclose = over
    } catch (error) {
      fail(error)
    }
  }

  #opened(ws: Wire): void {
    clearTimeout(this.#timer)
    this.#since = Date.now()
    this.#opening = (this.#o.queueBytes ?? 0) > 0
    this.#set(OPEN)
    const e: Opened = {
      attempt: this.#attempt, reopened: this.#connections++ > 0, url: this.#url, protocol: ws.protocol,
      send: (data) => {
        const open = this.#ready(ws)
        if (open) ws.send(data)
        return open
      },
    }
    this.#tell(() => this.onopen?.(e))
    this.#tell(() => {
      this.#opening = false
      if (this.#ready(ws)) this.#queue.flush((data) => {
        try { ws.send(data) } catch (error) { report(error) } // the others go
      })
    })
    this.#deliver()
  }

  #heard(e: MessageEvent): void {
    if (this.#state === OPEN) this.#tell(() => this.onmessage?.(e))
    this.#deliver()
  }

  #closed({ code, reason, wasClean }: CloseEvent): void {
    const local = this.#state === CLOSING
    const end = { opened: true, code, reason, remote: !local && code !== 1006, openMs: Date.now() - this.#since }
    this.#after(end, local, (next) => this.onclose?.({ ...end, wasClean, ...next }))
  }

  #failed(error: unknown): void {
    const attempt = this.#attempt
    const end = { opened: false, code: 1006, reason: '', remote: false, openMs: 0 }
    this.#after(end, false, (next) => this.onerror?.({ attempt, error, ...next }))
  }

  // Decides what comes after the end of a connection or an attempt, and tells it.
  #after(end: End, local: boolean, tell: (next: Next) => void): void {
    this.#leave()
    this.#end = end
    const d: Decision = local ? { wait: 0, hint: 0, stop: 'local' } : this.#backoff.next(end)
    if (d.stop) this.#set(CLOSED)
    else {
      this.#set(CONNECTING)
      this.#hinted = d.hint > 0
      this.#next = Date.now() + d.wait
      this.#timer = setTimeout(() => this.#connect(), Math.min(d.wait, LONGEST))
    }
    this.#tell(() => tell({ nextWait: d.wait, final: !!d.stop }))
    if (d.stop) this.#stop(d.stop)
    this.#deliver()
  }

  // Leaves the present attempt, connection or wait behind; nothing that is late gets through.
  #leave(): object {
    clearTimeout(this.#timer)
    const ws = this.#ws
    this.#ws = undefined
    this.#next = 0
    if (ws) {
      ws.onopen = ws.onmessage = ws.onclose = null
      ws.onerror = () => {} // npm ws throws what nobody listens to
      ws.close()
    }
    return this.#turn = {}
  }

  #stop(why: StopReason): void {
    globalThis.removeEventListener?.('online', this.#online)
    this.#set(CLOSED)
    this.#queue.flush((data) => this.#tell(() => this.ondropped?.({ data, reason: 'stop' })))
    const e: Stopped = { why, attempts: this.#attempt }
    if (this.#end) e.end = this.#end
    this.#tell(() => this.onstop?.(e))
  }

  // Our own state and that of a WebSocket whose peer is just closing.
  #ready(ws: Wire | undefined): boolean {
    return this.#state === OPEN && ws?.readyState === OPEN
  }

  // Nothing can be changed while the rule runs; close within it is a no.
  #ask(rule: (end: End) => boolean, end: End): boolean {
    const state = this.#state
    this.#state = CLOSING
    this.#refused = false
    let again = true
    try { again = rule(end) } catch (error) { report(error) }
    this.#state = state
    return again && !this.#refused
  }

  #set(state: number): void {
    if (state === this.#state) return
    this.#state = state
    this.#tell(() => this.onstate?.(state))
  }

  #tell(callback: () => void): void {
    this.#news.push(callback)
  }

  // Runs the callbacks, which may cause more of them, one after the other.
  #deliver(): void {
    if (this.#telling) return
    this.#telling = true
    for (const callback of this.#news) { // those that come meanwhile, too
      try { callback() } catch (error) { report(error) }
    }
    this.#news = []
    this.#telling = false
  }
}

const CONNECTING = 0
const OPEN = 1
const CLOSING = 2
const CLOSED = 3

function report(error: unknown): void {
  queueMicrotask(() => { throw error })
}

