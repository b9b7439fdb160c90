// The connection: notes as JSON, files as bytes. It comes back by itself.

const FIRST_PAUSE = 500 // milliseconds before the second attempt
const LONGEST_PAUSE = 15_000
const STEADY = 10_000 // a connection that lasted so long was a good one

export class Link {
  #events
  #socket = null
  #attempts = 0 // since the last good connection
  #since = 0 // when it was opened
  #timer = 0 // runs until the next attempt

  // The events are lost(why), note(note) and bytes(buffer).
  constructor(events) {
    this.#events = events
    addEventListener('online', () => this.#hurry())
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.#hurry() })
    this.#connect()
  }

  tell(note) { this.send(JSON.stringify(note)) }

  // send loses what is said to nobody: lost has come, or will.
  send(data) { if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(data) }

  #connect() {
    clearTimeout(this.#timer)
    this.#timer = 0
    const url = new URL('/transfer', location.href)
    url.protocol = location.protocol.replace('http', 'ws')
    const ws = this.#socket = new WebSocket(url)
    ws.binaryType = 'arraybuffer'
    ws.addEventListener('open', () => { this.#since = Date.now() })
    ws.addEventListener('message', ({ data }) => {
      if (typeof data === 'string') this.#events.note(JSON.parse(data))
      else this.#events.bytes(data)
    })
    ws.addEventListener('close', (e) => this.#lost(e))
  }

  #lost({ reason }) {
    if (this.#since && Date.now() - this.#since > STEADY) this.#attempts = 0
    this.#since = 0
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.#attempts++)
    this.#timer = setTimeout(() => this.#connect(), pause * (0.5 + Math.random() / 2)) // not all at once
    this.#events.lost(reason)
  }

  // hurry ends the pause when the network is back, or somebody looks.
  #hurry() { if (this.#timer) this.#connect() }
}
