// What is sent while there is no connection.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Socket } from '../dist/icsws.js'
import { Clock, record, settle, uncaught, wire } from './fake.mjs'

async function make(t, options = {}, actions = {}) {
  const clock = new Clock(t)
  const WebSocket = wire()
  const told = record(actions)
  const socket = new Socket('ws://chat.example/', { WebSocket, jitter: -1, queueBytes: 10, ...told.callbacks, ...options })
  await settle()
  return { clock, socket, told, net: WebSocket }
}

const drops = (told) => told.of('ondropped').map(({ data, reason }) => [data, reason])

test('without a queue nothing is taken while there is no connection', async (t) => { // D-25
  const { clock, socket, told, net } = await make(t, { queueBytes: undefined, queueMessages: 5 })
  assert.equal(socket.send('x'), false)
  net.last.open()
  assert.equal(socket.send('y'), true)
  net.last.end(1001)
  assert.equal(socket.send('z'), false)
  await clock.pass(100)
  net.last.open()
  assert.deepEqual(net.list.map((ws) => ws.sent), [['y'], []])
  assert.deepEqual(drops(told), [])
})

test('the queue is sent in order, before what comes later', async (t) => { // D-25
  const { clock, socket, told, net } = await make(t)
  assert.deepEqual(['a', 'b'].map((d) => socket.send(d)), [true, true])
  net.last.fail()
  socket.send('c')
  assert.deepEqual([socket.queuedBytes, socket.bufferedAmount], [3, 3])
  await clock.pass(100)
  socket.send('d')
  net.last.open()
  socket.send('e')
  assert.deepEqual(net.last.sent, ['a', 'b', 'c', 'd', 'e'])
  assert.equal(socket.queuedBytes, 0)
  assert.deepEqual(drops(told), [])
  net.last.end(1001)
  await clock.pass(200)
  net.last.open()
  assert.deepEqual(net.last.sent, []) // nothing twice
})

test('what onopen sends with its own send goes first, the rest last', async (t) => { // D-25
  let socket
  const { net, socket: s } = await make(t, { queueBytes: 2 }, {
    onopen: ({ send }) => {
      assert.equal(socket.send('behind the queue'), true) // no bound while there is a connection
      send('login')
      socket.send('end')
    },
  })
  socket = s
  s.send('a')
  s.send('b')
  net.last.open()
  assert.deepEqual(net.last.sent, ['login', 'a', 'b', 'behind the queue', 'end'])
  assert.equal(s.queuedBytes, 0)
})

for (const [name, queueBytes, sent] of [
  ['what onopen sends with its own send goes first with an empty queue, too', 2, ['login', 'state', 'long', 'end', 'later']],
  ['without a queue each message goes at once', 0, ['state', 'long', 'login', 'end', 'later']],
]) {
  test(name, async (t) => { // D-25
    let socket
    const { net, told, socket: s } = await make(t, { queueBytes }, {
      onstate: (state) => { if (state === 1) assert.equal(socket.send('state'), true) }, // comes before onopen
      onopen: ({ send }) => {
        assert.equal(socket.send('long'), true)
        assert.equal(send('login'), true)
        assert.equal(socket.send('end'), true)
        assert.equal(socket.queuedBytes, queueBytes && 12)
      },
    })
    socket = s
    net.last.open()
    s.send('later')
    assert.deepEqual(net.last.sent, sent)
    assert.equal(s.queuedBytes, 0)
    assert.deepEqual(drops(told), [])
  })
}

test('an onopen that throws has returned', async (t) => { // D-25
  let socket
  const errors = uncaught(t)
  const { net, socket: s } = await make(t, {}, { onopen: () => { socket.send('a'); throw new Error('onopen') } })
  socket = s
  net.last.open()
  s.send('b')
  await settle()
  assert.deepEqual(net.last.sent, ['a', 'b'])
  assert.deepEqual(errors, ['onopen'])
})

test('a message of the queue that a WebSocket does not take keeps back no other', async (t) => { // D-25
  const errors = uncaught(t)
  const { net, socket } = await make(t)
  for (const d of ['a', 'bad', 'c']) socket.send(d)
  const { send } = net.last
  net.last.send = (d) => { if (d === 'bad') throw new Error(d); send.call(net.last, d) }
  net.last.open()
  await settle()
  assert.deepEqual(net.last.sent, ['a', 'c'])
  assert.deepEqual(errors, ['bad'])
})

test('the newest goes when the queue is full', async (t) => { // D-25
  const { socket, told, net } = await make(t)
  assert.deepEqual(['12345', '67890', 'x'].map((d) => socket.send(d)), [true, true, false])
  assert.deepEqual(drops(told), [['x', 'newest']])
  net.last.open()
  assert.deepEqual(net.last.sent, ['12345', '67890'])
})

test('the oldest go when the queue is full', async (t) => { // D-25
  const { socket, told, net } = await make(t, { queuePolicy: 'oldest' })
  assert.deepEqual(['123', '456', '789', 'abcd'].map((d) => socket.send(d)), [true, true, true, true])
  assert.deepEqual(drops(told), [['123', 'oldest']])
  assert.equal(socket.send('12345678901'), false) // larger than the queue: that one
  assert.deepEqual(drops(told).slice(1), [['12345678901', 'newest']])
  assert.equal(socket.send('1234567'), true)
  assert.deepEqual(drops(told).slice(2), [['456', 'oldest'], ['789', 'oldest'], ['abcd', 'oldest']])
  assert.equal(socket.queuedBytes, 7)
  net.last.open()
  assert.deepEqual(net.last.sent, ['1234567'])
})

for (const [queuePolicy, sent, dropped] of [
  ['newest', ['a', 'b'], [['c', 'newest']]],
  ['oldest', ['b', 'c'], [['a', 'oldest']]],
]) {
  test(`the number of messages has a bound, ${queuePolicy}`, async (t) => { // D-25
    const { socket, told, net } = await make(t, { queueMessages: 2, queuePolicy })
    for (const d of ['a', 'b', 'c']) socket.send(d)
    assert.deepEqual(drops(told), dropped)
    net.last.open()
    assert.deepEqual(net.last.sent, sent)
  })
}

test('old messages are not sent', async (t) => { // D-25
  const { clock, socket, told, net } = await make(t, { queueMaxAge: 1000, connectTimeout: 0 })
  socket.send('a')
  await clock.pass(500)
  socket.send('b')
  await clock.pass(499)
  assert.equal(clock.timers, 1)
  assert.deepEqual(drops(told), [])
  await clock.pass(1) // told on time, without a call
  assert.deepEqual(drops(told), [['a', 'age']])
  assert.equal(socket.queuedBytes, 1)
  socket.send('c')
  await clock.pass(500)
  assert.deepEqual(drops(told), [['a', 'age'], ['b', 'age']])
  net.last.open()
  assert.deepEqual(net.last.sent, ['c'])
  assert.equal(clock.timers, 0)
})

for (const [name, act] of [
  ['a message makes room', ({ socket }) => assert.equal(socket.send('1234567890'), true)],
  ['a connection opens', ({ net }) => net.last.open()],
  ['it stops', ({ socket }) => socket.close()],
]) {
  test(`old messages go before a late timer when ${name}`, async (t) => { // D-25
    const all = await make(t, { queueMaxAge: 1000, connectTimeout: 0 })
    all.socket.send('0123456789')
    all.clock.now += 1000 // and no timer runs, as in a page in the background
    act(all)
    assert.deepEqual(drops(all.told), [['0123456789', 'age']])
    assert.deepEqual(all.net.last.sent, [])
  })
}

test('the timer of an age goes with the queue, and comes early if it is very long', async (t) => { // D-25
  const { clock, socket, told, net } = await make(t, { queueMaxAge: 2 ** 31 + 10, connectTimeout: 0, queuePolicy: 'oldest' })
  socket.send('12345')
  await clock.pass(2 ** 31 - 1)
  assert.deepEqual(drops(told), [])
  socket.send('1234567890')
  await clock.pass(11) // that of the message before, which is gone
  assert.deepEqual(drops(told), [['12345', 'oldest']])
  assert.equal(clock.timers, 1)
  socket.close()
  assert.equal(clock.timers, 0)
  socket.start()
  await settle()
  socket.send('a')
  net.last.open()
  assert.deepEqual([net.last.sent, clock.timers], [['a'], 0])
})

test('to drop many messages moves each a few times at most', async (t) => { // D-25
  const most = 20_000, all = 3 * most
  const { socket, told } = await make(t, { queueBytes: 1e9, queueMessages: most, queuePolicy: 'oldest' })
  const { shift, slice, splice } = Array.prototype
  let moved = 0
  for (const [name, method] of Object.entries({ shift, slice, splice })) {
    Array.prototype[name] = function (...args) {
      moved += this.length
      return method.apply(this, args)
    }
  }
  t.after(() => Object.assign(Array.prototype, { shift, slice, splice }))
  for (let i = 0; i < all; i++) socket.send('x')
  socket.close()
  assert.ok(moved < 4 * all, `${moved} were moved`)
  const reasons = drops(told).map(([, reason]) => reason)
  assert.deepEqual([reasons.length, reasons.indexOf('stop'), reasons.lastIndexOf('oldest')], [all, all - most, all - most - 1])
})

test('a queue with room for no message takes none', async (t) => { // D-25
  const { socket, told } = await make(t, { queueMessages: 0, queuePolicy: 'oldest' })
  assert.equal(socket.send('x'), false)
  assert.deepEqual(drops(told), [['x', 'newest']])
})

test('a stop drops the queue, before it is told', async (t) => { // D-25
  const { socket, told } = await make(t)
  socket.send('a')
  socket.send('b')
  socket.close()
  assert.deepEqual(told.names(), ['ondropped', 'ondropped', 'onstop'])
  assert.deepEqual(drops(told), [['a', 'stop'], ['b', 'stop']])
  assert.equal(socket.queuedBytes, 0)
  assert.equal(socket.send('c'), false)
})

test('close in onopen drops the queue', async (t) => { // D-25
  let socket
  const { told, net, socket: s } = await make(t, {}, { onopen: () => { socket.send('b'); socket.close() } })
  socket = s
  s.send('a')
  net.last.open()
  net.last.end(1000)
  assert.deepEqual(net.last.sent, [])
  assert.deepEqual(told.names(), ['onopen', 'onclose', 'ondropped', 'ondropped', 'onstop'])
})

test('what is sent while the server closes waits for the next connection', async (t) => { // D-42
  const { clock, socket, net } = await make(t)
  net.last.open()
  net.last.readyState = 2 // its close frame is here, the event is not
  assert.equal(socket.send('a'), true)
  assert.equal(socket.queuedBytes, 1)
  net.last.end(1001)
  await clock.pass(100)
  net.last.open()
  assert.deepEqual(net.list.map((ws) => ws.sent), [[], ['a']])
})

test('a queue that finds the connection closing stays', async (t) => { // D-42
  const { clock, socket, net } = await make(t, {}, { onopen: () => { if (net.list.length === 1) net.last.readyState = 2 } })
  socket.send('a')
  net.last.open()
  assert.equal(socket.queuedBytes, 1)
  net.last.end(1001)
  await clock.pass(100)
  net.last.open()
  assert.deepEqual(net.list.map((ws) => ws.sent), [[], ['a']])
})

test('every kind of data has its size and comes through', async (t) => { // D-25, D-39
  const { socket, net } = await make(t, { queueBytes: 100 })
  const bytes = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8])
  const blob = new Blob(['abc'])
  const sizes = [
    ['grüße', 7], ['\u{1F44B}', 4], ['', 1], [bytes.buffer, 8], [bytes.subarray(2, 5), 3],
    [new DataView(bytes.buffer, 6), 2], [new Uint16Array(bytes.buffer, 4, 1), 2], [new ArrayBuffer(0), 1], [blob, 3],
  ].map(([data, want]) => {
    const before = socket.queuedBytes
    assert.equal(socket.send(data), true)
    assert.equal(socket.queuedBytes - before, want, String(data))
    return want
  })
  assert.equal(socket.bufferedAmount, sizes.reduce((a, b) => a + b))
  bytes.fill(0) // what was sent stays what it was
  net.last.open()
  const got = net.last.sent.map((d) => typeof d === 'string' || d instanceof Blob ? d : [...new Uint8Array(d.buffer ?? d)])
  assert.deepEqual(got, ['grüße', '\u{1F44B}', '', [1, 2, 3, 4, 5, 6, 7, 8], [3, 4, 5], [7, 8], [5, 6], [], blob])
})

test('with a connection data goes as it is', async (t) => {
  const { socket, net } = await make(t)
  net.last.open()
  const all = ['x'.repeat(1000), new ArrayBuffer(50), new Uint8Array(60), new Blob(['y'.repeat(70)])]
  for (const data of all) assert.equal(socket.send(data), true)
  assert.deepEqual(net.last.sent.map((d, i) => d === all[i]), [true, true, true, true])
  net.last.bufferedAmount = 1180
  assert.equal(socket.bufferedAmount, 1180)
})
