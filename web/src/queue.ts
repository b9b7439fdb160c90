// What is sent while there is no connection.

/** What can be sent: text, bytes or a Blob. */
export type Data = string | BufferSource | Blob

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
  /** The most messages. Default 4096. */
  queueMessages?: number
  /**
   * Which message goes when one finds the queue full: "newest", that one (the default), or
   * "oldest", as many as it takes. A message above queueBytes always goes itself.
   */
  queuePolicy?: 'newest' | 'oldest'
  /**
   * Milliseconds after which a message is not sent any more. That is looked at when one
   * is sent and when a connection opens. Default 0: never.
   */
  queueMaxAge?: number
}

interface Item {
  data: Data
  size: number
  at: number // when it was put in
}

/** @internal */
export class Queue {
  bytes = 0
  #items: Item[] = []
  #o: QueueOptions
  #drop: (drop: Drop) => void

  constructor(options: QueueOptions, drop: (drop: Drop) => void) {
    this.#o = options
    this.#drop = drop
  }

  get length(): number {
    return this.#items.length
  }

  /** Takes a copy of data, or not. Those of force do not ask for the bounds. */
  put(data: Data, force = false): boolean {
    const { queueBytes = 0, queueMessages = 4096, queuePolicy } = this.#o
    if (!force && !(queueBytes > 0)) return false
    const size = sizeOf(data)
    this.#expire()
    const full = () => this.bytes + size > queueBytes || this.length >= queueMessages
    if (!force && full()) {
      if (queuePolicy !== 'oldest' || size > queueBytes) {
        this.#drop({ data, reason: 'newest' })
        return false
      }
      while (full()) this.#drop({ data: this.#shift(), reason: 'oldest' })
    }
    this.#items.push({ data: copy(data), size, at: Date.now() })
    this.bytes += size
    return true
  }

  /** Gives every message away, in order. */
  flush(send: (data: Data) => void): void {
    this.#expire()
    const items = this.#items
    this.#items = []
    this.bytes = 0
    for (const { data } of items) send(data)
  }

  #expire(): void {
    const { queueMaxAge = 0 } = this.#o
    while (queueMaxAge > 0 && this.length && Date.now() - this.#items[0]!.at > queueMaxAge) {
      this.#drop({ data: this.#shift(), reason: 'age' })
    }
  }

  #shift(): Data {
    const { data, size } = this.#items.shift()!
    this.bytes -= size
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
