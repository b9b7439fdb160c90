// A client made of npm ws, whose messages are awaited one by one.
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import WebSocket from 'ws'

export class Peer {
  #inbox = []
  #wake = () => {}

  constructor(ws) {
    this.ws = ws
    // Resolves to the close code and reason, also when the connection breaks.
    this.closed = new Promise((resolve) => {
      ws.on('close', (code, reason) => {
        resolve({ code, reason: String(reason) })
        this.#wake()
      })
    })
    ws.on('error', () => {}) // open reports it, afterwards closed does
    ws.on('message', (data, binary) => {
      this.#inbox.push({ data, binary, text: String(data) })
      this.#wake()
    })
  }

  // open resolves when the handshake is done and rejects with what went wrong.
  static async open(t, url, protocols = [], options = {}) {
    const ws = new WebSocket(url, protocols, { handshakeTimeout: 10_000, ...options })
    const peer = new Peer(ws)
    t.after(() => ws.terminate())
    await once(ws, 'open')
    return peer
  }

  // openSoon tries for a while: a place is free a moment after its client left.
  static async openSoon(t, url) {
    for (let i = 0; ; i++) {
      try {
        return await Peer.open(t, url)
      } catch (error) {
        if (i === 50) throw error
        await sleep(50)
      }
    }
  }

  // next is the oldest message not yet taken.
  async next() {
    while (this.#inbox.length === 0) {
      if (this.ws.readyState === WebSocket.CLOSED) {
        const { code, reason } = await this.closed
        throw new Error(`closed with ${code} "${reason}" where a message was due`)
      }
      await new Promise((resolve) => { this.#wake = resolve })
    }
    return this.#inbox.shift()
  }

  send(data, options = {}) {
    this.ws.send(data, options)
  }

  // bytesRead counts what came over the wire, compressed as it was.
  get bytesRead() {
    return this.ws._socket.bytesRead
  }
}
