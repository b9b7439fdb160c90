// What travels between page and server: wire.go has the description.

const HELLO = 1
const STATE = 2
const INPUT = 1
const MOVE = 0, PLACE = 1, APPEAR = 2, LEAVE = 3, SCORE = 4, LEADER = 5

const utf8 = new TextDecoder()

// hello reads the first message.
export function hello(data) {
  const v = new DataView(data)
  if (v.getUint8(0) !== HELLO) throw new Error('not this game')
  return { slot: v.getUint16(1, true), side: v.getUint16(3, true), ticks: v.getUint8(5) }
}

// input is what a pilot wants, as it travels: a heading in radians and a power from 0 to 1.
export function input(heading, power, number) {
  const v = new DataView(new ArrayBuffer(5))
  v.setUint8(0, INPUT)
  v.setUint8(1, Math.round(heading / Math.PI * 128) & 255)
  v.setUint8(2, Math.round(power * 255))
  v.setUint16(3, number, true)
  return v.buffer
}

// take brings bodies, a map by slot, up to date with a message, and returns its head.
// A body knows where it was before, so that it can be drawn in between.
export function take(data, bodies, leaders) {
  const v = new DataView(data)
  if (v.getUint8(0) !== STATE) throw new Error('not this game')
  const head = {
    tick: v.getUint32(1, true), ack: v.getUint16(5, true), work: v.getUint16(7, true) / 100, ships: v.getUint16(9, true), bots: v.getUint16(11, true),
  }
  for (const b of bodies.values()) {
    b.fromX = b.x
    b.fromY = b.y
  }
  let at = 13
  const text = () => {
    const n = v.getUint8(at)
    at += 1 + n
    return utf8.decode(new Uint8Array(data, at - n, n))
  }
  while (at < data.byteLength) {
    const record = v.getUint16(at, true)
    const slot = record & 0x1fff
    const b = bodies.get(slot)
    at += 2
    switch (record >> 13) {
      case MOVE:
        b.x += v.getInt8(at) / 8
        b.y += v.getInt8(at + 1) / 8
        at += 2
        break
      case PLACE:
        b.x = b.fromX = v.getUint16(at, true) / 8
        b.y = b.fromY = v.getUint16(at + 2, true) / 8
        at += 4
        break
      case APPEAR: {
        const x = v.getUint16(at, true) / 8
        const y = v.getUint16(at + 2, true) / 8
        const kind = v.getUint8(at + 4)
        const score = v.getUint16(at + 5, true)
        at += 7
        bodies.set(slot, { slot, x, y, fromX: x, fromY: y, kind, score, name: text(), heading: 0 })
        break
      }
      case LEAVE:
        bodies.delete(slot)
        break
      case SCORE:
        b.score = v.getUint16(at, true)
        at += 2
        break
      case LEADER: {
        const score = v.getUint16(at, true)
        at += 2
        leaders.length = slot
        leaders.push({ score, name: text() })
        break
      }
      default:
        throw new Error('a record that this page does not know')
    }
  }
  return head
}
