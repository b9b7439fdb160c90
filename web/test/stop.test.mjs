// close and start, at every moment.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Socket } from '../dist/icsws.js'
import { Clock, record, settle, wire } from './fake.mjs'

async function make(t, options = {}, actions = {}) {
  const clock = new Clock(t)
  const WebSocket = wire()
  const told = record(actions)
  const socket = new Socket('ws://chat.example/', { WebSocket, jitter: -1, ...told.callbacks, ...options })
  await settle()
  return { clock, socket, told, net: WebSocket }
}

test('close of a connection waits for its end', async (t) => { // D-21, D-22, D-23
  const { clock, socket, told, net } = await make(t)
  net.last.open()
  socket.close(4001, 'enough')
  assert.equal(socket.readyState, 2)
  assert.deepEqual(net.last.closed, [[4001, 'enough']])
  assert.deepEqual(told.names(), ['onopen'])
  assert.equal(socket.send('x'), false)
  socket.close()
  net.last.say('late')
  assert.equal(net.last.closed.length, 1)
  net.last.end(4001, 'enough')
  assert.equal(socket.readyState, 3)
  await clock.pass(60_000)
  assert.deepEqual(told.names(), ['onopen', 'onclose', 'onstop'])
  const [{ remote, final, nextWait, code }] = told.of('onclose')
  assert.deepEqual([remote, final, nextWait, code], [false, true, 0, 4001])
  assert.deepEqual(told.of('onstop').map(({ why, attempts, end }) => [why, attempts, end.code]), [['local', 1, 4001]])
  assert.deepEqual(told.of('onstate'), [1, 2, 3])
  assert.equal(net.list.length, 1)
})

test('a code of the server while it closes is not its own', async (t) => {
  const { socket, told, net } = await make(t)
  net.last.open()
  socket.close()
  net.last.end(1008)
  assert.equal(told.of('onstop')[0].why, 'local')
  assert.equal(told.of('onclose')[0].remote, false)
})

test('close of an attempt ends it at once', async (t) => { // D-21
  const { clock, socket, told, net } = await make(t)
  const ws = net.last
  ws.keep()
  socket.close()
  assert.equal(socket.readyState, 3)
  assert.equal(ws.closed.length, 1)
  assert.deepEqual(told.of('onstop'), [{ why: 'local', attempts: 1 }])
  ws.late('onopen')
  ws.late('onclose', { code: 1006 })
  await clock.pass(60_000)
  assert.deepEqual(told.names(), ['onstop'])
  assert.equal(clock.timers, 0)
})

test('close before the first attempt leaves nothing behind', async (t) => { // D-21
  const clock = new Clock(t)
  const WebSocket = wire()
  const told = record()
  const asked = []
  const url = () => { asked.push('a URL'); return 'ws://chat.example/' }
  new Socket(url, { WebSocket, ...told.callbacks }).close()
  await clock.pass(60_000)
  assert.deepEqual([WebSocket.list, asked], [[], []])
  assert.deepEqual(told.names(), ['onstop'])
})

test('the URL is not asked for within the constructor', async (t) => {
  const clock = new Clock(t)
  const WebSocket = wire()
  let socket
  socket = new Socket(() => `ws://chat.example/${socket.attempt}`, { WebSocket })
  await settle()
  assert.equal(WebSocket.last.url, 'ws://chat.example/1')
  socket.close()
  assert.equal(clock.timers, 0)
})

test('close of a wait ends it at once', async (t) => { // D-08, D-21
  const { clock, socket, told, net } = await make(t)
  net.last.fail()
  socket.close()
  assert.equal(socket.readyState, 3)
  assert.equal(socket.nextAttempt, 0)
  await clock.pass(60_000)
  assert.equal(net.list.length, 1)
  assert.deepEqual(told.names(), ['onerror', 'onstop'])
  assert.equal(clock.timers, 0)
})

test('close takes the codes that a WebSocket takes', async (t) => { // D-22
  const { socket, net } = await make(t)
  net.last.open()
  for (const code of [0, 999, 1001, 1006, 1011, 2999, 5000, NaN]) assert.throws(() => socket.close(code), RangeError, `${code}`)
  assert.throws(() => socket.close(1000, 'ä'.repeat(62)), RangeError)
  assert.equal(socket.readyState, 1)
  assert.deepEqual(net.last.closed, [])
  socket.close(3000, `${'ä'.repeat(61)}a`)
  assert.equal(net.last.closed.length, 1)
})

for (const [name, want] of [
  ['onopen', ['onopen', 'onclose', 'onstop']],
  ['onmessage', ['onopen', 'onmessage', 'onclose', 'onstop']],
  ['onclose', ['onopen', 'onmessage', 'onclose', 'onstop']],
  ['ondropped', ['ondropped', 'onstop']],
  ['onstate', ['onopen', 'onclose', 'onstop']],
  ['onstop', ['onopen', 'onmessage', 'onclose', 'onstop']],
]) {
  test(`close in ${name}`, async (t) => { // D-21
    let socket, depth = 0
    const { clock, net, told, socket: s } = await make(t, { stopCodes: [1001], queueBytes: 1, reconnect: name !== 'onstop' }, {
      [name]: () => {
        assert.equal(depth++, 0, 'callbacks overlap')
        socket.close()
        depth--
      },
    })
    socket = s
    if (name === 'ondropped') s.send('too long')
    const ws = net.last
    const step = (act) => { if (ws.readyState < 2) act() }
    step(() => ws.open())
    step(() => ws.say('x'))
    if (ws.onclose) ws.end(1000)
    await clock.pass(60_000)
    assert.deepEqual(told.names(), want)
    assert.equal(net.list.length, 1)
    assert.equal(s.readyState, 3)
    assert.equal(clock.timers, 0)
  })
}

test('close in onerror', async (t) => { // D-21
  let socket
  const { clock, net, told, socket: s } = await make(t, {}, { onerror: () => socket.close() })
  socket = s
  net.last.fail()
  await clock.pass(60_000)
  assert.deepEqual(told.names(), ['onerror', 'onstop'])
  assert.equal(net.list.length, 1)
})

test('callbacks never overlap', async (t) => {
  let socket, running = ''
  const within = (name, act) => () => {
    assert.equal(running, '')
    running = name
    act()
    running = ''
  }
  const { net, told, socket: s } = await make(t, { queueBytes: 4, queuePolicy: 'oldest' }, {
    onopen: within('onopen', () => { socket.close(); socket.send('x') }),
    onclose: within('onclose', () => {}),
    onerror: within('onerror', () => { socket.send('1234'); socket.send('5678'); socket.close() }),
    ondropped: within('ondropped', () => {}),
    onstate: within('onstate', () => {}),
    onstop: within('onstop', () => { if (net.list.length < 2) socket.start() }),
  })
  socket = s
  net.last.fail()
  await settle()
  net.last.open()
  net.last.end(1000)
  assert.deepEqual(told.names(), ['onerror', 'ondropped', 'ondropped', 'onstop', 'onopen', 'onclose', 'onstop'])
  assert.deepEqual(told.of('onstate'), [3, 0, 1, 2, 3])
})

test('start begins anew after a stop, and only then', async (t) => { // D-02, D-14
  const { clock, socket, told, net } = await make(t, { maxAttempts: 2 })
  assert.equal(socket.start(), false)
  net.last.fail()
  assert.equal(socket.start(), false)
  await clock.pass(100)
  net.last.fail()
  assert.equal(socket.readyState, 3)
  assert.equal(socket.start(), true)
  assert.equal(socket.readyState, 0)
  await settle()
  assert.equal(socket.attempt, 1)
  net.last.fail()
  assert.equal(told.of('onerror')[2].nextWait, 100)
  await clock.pass(100)
  net.last.open()
  assert.equal(told.of('onopen')[0].reopened, false)
  socket.close()
  assert.equal(socket.start(), false)
  net.last.end(1000)
  assert.deepEqual(told.of('onstop').map((e) => e.why), ['attempts', 'local'])
  assert.deepEqual(told.of('onstate'), [3, 0, 1, 2, 3])
})

test('a new start knows nothing of the one before', async (t) => { // D-14
  const { clock, socket, told, net } = await make(t, { shouldReconnect: () => true })
  net.last.open()
  socket.close()
  socket.close() // has no effect, now or on the rule
  net.last.end(1000)
  socket.close()
  socket.start()
  await settle()
  net.last.fail()
  await clock.pass(100)
  net.last.open()
  assert.deepEqual(told.of('onopen').map(({ attempt, reopened }) => [attempt, reopened]), [[1, false], [2, false]])
  socket.close()
  net.last.end(1000)
  socket.start()
  socket.close()
  assert.deepEqual(told.of('onstop')[2], { why: 'local', attempts: 1 })
})

test('start in the last onclose comes after the onstop of before', async (t) => { // D-14
  let socket
  const { net, told, socket: s } = await make(t, {}, { onclose: () => assert.equal(socket.start(), true) })
  socket = s
  net.last.open()
  net.last.end(1008)
  await settle()
  assert.deepEqual(told.log.map(([name, e]) => name === 'onstate' ? name + e : name),
    ['onstate1', 'onopen', 'onstate3', 'onclose', 'onstop', 'onstate0'])
  assert.equal(net.list.length, 2)
})

test('an attempt and a queue from before close are not those of the new start', async (t) => { // D-14, D-25
  const { told, net, socket } = await make(t, { queueBytes: 10 })
  socket.send('abc')
  socket.close()
  socket.start()
  socket.send('def')
  await settle()
  net.last.open()
  assert.deepEqual(net.list.map((ws) => ws.sent), [[], ['def']])
  assert.deepEqual(told.names(), ['ondropped', 'onstop', 'onopen'])
})

test('without autoStart nothing happens before start', async (t) => { // D-14
  const { clock, socket, told, net } = await make(t, { autoStart: false, queueBytes: 10 })
  await clock.pass(60_000)
  assert.deepEqual([socket.readyState, net.list.length, socket.send('x'), clock.timers], [3, 0, false, 0])
  socket.close()
  socket.retryNow()
  assert.deepEqual(told.log, [])
  assert.equal(socket.start(), true)
  await settle()
  assert.equal(net.list.length, 1)
  assert.deepEqual(told.of('onstate'), [0])
})

test('a wait that no timer can take is cut', async (t) => {
  const { clock, net } = await make(t, { minWait: 1e12, maxWait: 1e12, connectTimeout: 1e12 })
  await clock.pass(2 ** 31 - 2)
  assert.equal(clock.timers, 1) // that of the attempt
  net.last.fail()
  await clock.pass(2 ** 31 - 2)
  assert.equal(net.list.length, 1)
  await clock.pass(1)
  assert.equal(net.list.length, 2)
})
