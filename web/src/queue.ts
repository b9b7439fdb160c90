// What is sent while there is no connection.

/** What can be sent: text, bytes or a Blob. */
export type Data = string | ArrayBuffer | ArrayBufferView | Blob

/**
 * Why a message of the queue will not be sent: it found the queue full; it made room for a
 * newer one; it is older than queueMaxAge; no connection will come.
 */
export type DropReason = 'newest' | 'oldest' | 'age' | 'stop'

/** A message that will not be sent. */
export interface Drop {
  /** The message; of bytes the copy that the queue had. */
  data: Data
  reason: DropReason
}

/** The bounds of the queue. What is absent has its default. */
export interface QueueOptions {
  /**
   * The most bytes of payload that wait while there is no connection; text counts as
   * UTF-8, an empty message as one. Default 0: nothing is queued.
   */
  queueBytes?: number
  /** The most messages; below 1 there is room for none. Default 4096. */
  queueMessages?: number
  /**
   * Which message goes when one finds the queue full: "newest", that one (the default), or
   * "oldest", as many as it takes. A message above queueBytes always goes itself.
   */
  queuePolicy?: 'newest' | 'oldest'
  /**
   * The age in milliseconds at which a message is dropped. Browsers run the timers of
   * pages in the background late; what is too old is not sent. Default 0: never.
   */
  queueMaxAge?: number
}

interface Item {
  data: Data
  size: number
  at: number // when it was put in
}

/** @internal What timers take; above it they would run at once. */
export const LONGEST = 0x7fff_ffff

/** @internal */
export class Queue {
  bytes = 0
  #items: Item[] = []
  #head = 0 // the first that waits
  #timer: ReturnType<typeof setTimeout> | undefined // while the first has an age to reach
  #o: QueueOptions
  #drop: (drop: Drop) => void
  #aged: () => void

  /** Calls drop for each message that goes, and aged after those that the timer drops. */
  constructor(options: QueueOptions, drop: (drop: Drop) => void, aged: () => void) {
    this.#o = options
    this.#drop = drop
    this.#aged = aged
  }

  get length(): number {
    return this.#items.length - this.#head
  }

  /** Takes a copy of data, or not. Those of force do not ask for the bounds. */
  put(data: Data, force = false): boolean {
    const { queueBytes = 0, queueMessages = 4096, queuePolicy } = this.#o
    if (!force && !(queueBytes > 0)) return false
    const size = sizeOf(data)
    this.#expire()
    const full = () => this.bytes + size > queueBytes || this.length >= queueMessages
    if (!force && full()) {
      if (queuePolicy !== 'oldest' || size > queueBytes || queueMessages < 1) {
        this.#drop({ data, reason: 'newest' })
        return false
      }
      while (full()) this.#drop({ data: this.#shift(), reason: 'oldest' })
    }
    this.#items.push({ data: copy(data), size, at: Date.now() })
    this.bytes += size
    this.#expire() // has the timer set
    return true
  }

  /** Gives every message away, in order. */
  flush(send: (data: Data) => void): void {
    this.#expire()
    clearTimeout(this.#timer)
    const items = this.#items.slice(this.#head)
    this.#timer = undefined
    this.#items = []
    this.#head = this.bytes = 0
    for (const { data } of items) send(data)
  }

  #expire(): void {
    const { queueMaxAge = 0 } = this.#o
    while (queueMaxAge > 0 && this.length) {
      const left = this.#items[this.#head]!.at + queueMaxAge - Date.now()
      if (left > 0) {
        this.#timer ??= setTimeout(() => {
          this.#timer = undefined
          this.#expire()
          this.#aged()
        }, Math.min(left, LONGEST))
        return
      }
      this.#drop({ data: this.#shift(), reason: 'age' })
    }
  }

  // Array.shift would move all the others each time.
  #shift(): Data {
    const { data, size } = this.#items[this.#head]!
    this.#items[this.#head++] = undefined!
    this.bytes -= size
    if (this.#head > this.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return data
  }
}

function sizeOf(data: Data): number {
  const n = typeof data === 'string' ? new TextEncoder().encode(data).length : 'size' in data ? data.size : data.byteLength
  return n || 1
}

/** As a WebSocket does: what happens to the bytes after send changes nothing. */
function copy(data: Data): Data {
  if (typeof data === 'string' || 'size' in data) return data
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice()
  return data.slice(0)
}
