// A clock and a WebSocket that do what the test says.

// Clock takes the place of setTimeout and Date.now until the test ends. As theirs, its
// timers take 32 bits.
export class Clock {
  now = 1_000_000
  #timers = new Map()
  #last = 0

  constructor(t) {
    const { setTimeout, clearTimeout } = globalThis
    const { now } = Date
    globalThis.setTimeout = (run, ms) => {
      this.#timers.set(++this.#last, { at: this.now + (ms > 0x7fff_ffff ? 1 : ms), run })
      return this.#last
    }
    globalThis.clearTimeout = (id) => this.#timers.delete(id)
    Date.now = () => this.now
    t.after(() => {
      Object.assign(globalThis, { setTimeout, clearTimeout })
      Date.now = now
    })
  }

  get timers() {
    return this.#timers.size
  }

  // pass lets time go by, and what it brings happen.
  async pass(ms) {
    const end = this.now + ms
    await settle()
    for (let next; (next = this.#next(end));) {
      const [id, timer] = next
      this.#timers.delete(id)
      this.now = timer.at
      timer.run()
      await settle()
    }
    this.now = end
  }

  #next(end) {
    return [...this.#timers].filter(([, timer]) => timer.at <= end).sort((a, b) => a[1].at - b[1].at)[0]
  }
}

// settle waits until what is due without a timer is done.
export const settle = () => new Promise((resolve) => setImmediate(resolve))

// wire makes a class of WebSockets that notes each one in the list, the last in last.
export function wire() {
  return class FakeSocket {
    static list = []
    static get last() { return this.list.at(-1) }

    readyState = 0
    bufferedAmount = 0
    protocol = ''
    sent = []
    closed = [] // the arguments of each close
    #lost = {}

    constructor(url, protocols) {
      Object.assign(this, { url, protocols })
      new.target.list.push(this)
    }

    send(data) {
      if (this.readyState === 0) throw new Error('not open yet')
      if (this.readyState === 1) this.sent.push(data)
    }

    close(...args) {
      this.closed.push(args)
      if (this.readyState < 2) this.readyState = 2
    }

    // What the network does. keep remembers the handlers, for events that come late.
    keep() {
      const { onopen, onmessage, onclose, onerror } = this
      this.#lost = { onopen, onmessage, onclose, onerror }
    }

    late(name, event = {}) {
      this.#lost[name].call(this, { type: name.slice(2), ...event })
    }

    open(protocol = '') {
      this.readyState = 1
      this.protocol = protocol
      this.onopen({ type: 'open' })
    }

    say(data) {
      this.onmessage({ type: 'message', data })
    }

    fail() {
      this.readyState = 3
      this.onerror?.({ type: 'error' })
      this.onclose?.({ type: 'close', code: 1006, reason: '', wasClean: false })
    }

    end(code = 1006, reason = '', wasClean = code !== 1006) {
      this.readyState = 3
      if (!wasClean) this.onerror?.({ type: 'error' })
      this.onclose?.({ type: 'close', code, reason, wasClean })
    }
  }
}

// record makes callbacks that note what they are called with, as [name, argument]. A
// function of actions runs after the note.
export function record(actions = {}) {
  const log = []
  const names = ['onopen', 'onmessage', 'onclose', 'onerror', 'ondropped', 'onstop', 'onstate']
  const callbacks = Object.fromEntries(names.map((name) => [name, (e) => {
    log.push([name, e])
    actions[name]?.(e)
  }]))
  const of = (name) => log.filter(([n]) => n === name).map(([, e]) => e)
  return { log, callbacks, of, names: () => log.map(([n]) => n).filter((n) => n !== 'onstate') }
}

// uncaught collects the messages of errors that nobody caught.
export function uncaught(t) {
  const errors = []
  const others = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => errors.push(error.message))
  t.after(() => {
    process.removeAllListeners('uncaughtException')
    for (const f of others) process.on('uncaughtException', f)
  })
  return errors
}
