// The life of a socket, on a clock and a wire of the test's own.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Socket } from '../dist/icsws.js'
import { Clock, record, settle, uncaught, wire } from './fake.mjs'

// make starts a socket whose first attempt is under way, without chance in its waits.
async function make(t, options = {}, { url = 'ws://chat.example/', actions } = {}) {
  const clock = new Clock(t)
  const WebSocket = wire()
  const told = record(actions)
  const socket = new Socket(url, { WebSocket, jitter: -1, ...told.callbacks, ...options })
  await settle()
  return { clock, socket, told, net: WebSocket }
}

const states = (told) => told.of('onstate')

test('an attempt that opens is told once', async (t) => { // D-05, D-33
  const { socket, told, net } = await make(t, { protocols: ['a', 'b'] })
  assert.equal(socket.readyState, 0)
  assert.deepEqual([net.last.url, net.last.protocols, net.last.binaryType], ['ws://chat.example/', ['a', 'b'], 'arraybuffer'])
  assert.deepEqual(told.log, [])
  net.last.open('b')
  assert.equal(socket.readyState, 1)
  assert.deepEqual([socket.url, socket.protocol, socket.attempt, socket.nextAttempt], ['ws://chat.example/', 'b', 1, 0])
  assert.deepEqual(told.log.map(([name]) => name), ['onstate', 'onopen'])
  const { send, ...info } = told.of('onopen')[0]
  assert.deepEqual(info, { attempt: 1, reopened: false, url: 'ws://chat.example/', protocol: 'b' })
  assert.equal(send('x'), true)
  assert.deepEqual(net.last.sent, ['x'])
})

test('messages come with their data', async (t) => {
  const { told, net } = await make(t, { binaryType: 'blob' })
  net.last.open()
  assert.equal(net.last.binaryType, 'blob')
  net.last.say('one')
  net.last.say('two')
  assert.deepEqual(told.of('onmessage').map((e) => e.data), ['one', 'two'])
})

test('a connection that was lost comes back, and each end is told once', async (t) => { // D-05
  const { clock, socket, told, net } = await make(t)
  net.last.open()
  await clock.pass(5000)
  net.last.end(1006)
  assert.equal(socket.readyState, 0)
  assert.equal(socket.nextAttempt, clock.now + 100)
  assert.deepEqual(told.of('onclose'), [
    { opened: true, code: 1006, reason: '', remote: false, openMs: 5000, wasClean: false, nextWait: 100, final: false },
  ])
  await clock.pass(99)
  assert.equal(net.list.length, 1)
  await clock.pass(1)
  assert.equal(net.list.length, 2)
  assert.equal(socket.nextAttempt, 0)
  net.last.open()
  assert.equal(told.of('onopen')[1].reopened, true)
  assert.equal(told.of('onopen')[1].attempt, 2)
  assert.deepEqual(told.names(), ['onopen', 'onclose', 'onopen'])
  assert.deepEqual(states(told), [1, 0, 1])
})

test('a clean close by the server is no end', async (t) => { // D-05
  const { clock, told, net } = await make(t)
  net.last.open()
  await clock.pass(6000)
  net.last.end(1000, 'bye')
  await clock.pass(100)
  assert.equal(net.list.length, 2)
  const [{ code, reason, remote, wasClean }] = told.of('onclose')
  assert.deepEqual([code, reason, remote, wasClean], [1000, 'bye', true, true])
})

test('each failed attempt is told once, with its wait', async (t) => { // D-08
  const { clock, told, net } = await make(t)
  for (let i = 1; i <= 4; i++) {
    net.last.fail()
    await clock.pass(50 * 2 ** i)
  }
  assert.deepEqual(told.of('onerror').map(({ attempt, nextWait, final }) => [attempt, nextWait, final]),
    [[1, 100, false], [2, 200, false], [3, 400, false], [4, 800, false]])
  assert.match(told.of('onerror')[0].error.message, /no connection/)
  assert.equal(net.list.length, 5)
  assert.deepEqual(told.names(), Array(4).fill('onerror'))
  assert.deepEqual(states(told), [])
})

test('the last attempt says so, and the stop is told once', async (t) => {
  const { clock, socket, told, net } = await make(t, { maxAttempts: 2 })
  net.last.fail()
  await clock.pass(100)
  net.last.fail()
  await clock.pass(60_000)
  assert.equal(socket.readyState, 3)
  assert.deepEqual(told.of('onerror').map(({ nextWait, final }) => [nextWait, final]), [[100, false], [0, true]])
  const end = { opened: false, code: 1006, reason: '', remote: false, openMs: 0 }
  assert.deepEqual(told.of('onstop'), [{ why: 'attempts', attempts: 2, end }])
  assert.deepEqual(told.log.map(([name]) => name), ['onerror', 'onstate', 'onerror', 'onstop'])
  assert.equal(clock.timers, 0)
})

test('1008 stops', async (t) => { // D-05
  const { clock, told, net } = await make(t)
  net.last.open()
  net.last.end(1008, 'not you')
  await clock.pass(60_000)
  assert.equal(net.list.length, 1)
  assert.deepEqual(told.names(), ['onopen', 'onclose', 'onstop'])
  assert.equal(told.of('onclose')[0].final, true)
  assert.equal(told.of('onstop')[0].why, 'code')
  assert.equal(told.of('onstop')[0].end.reason, 'not you')
})

test('without reconnection there is one connection', async (t) => { // D-05, D-36
  const { clock, told, net } = await make(t, { reconnect: false })
  net.last.open()
  net.last.end(1001)
  await clock.pass(60_000)
  assert.equal(net.list.length, 1)
  assert.deepEqual(told.of('onstop').map((e) => e.why), ['disabled'])
})

test('the rule is asked about connections and attempts', async (t) => { // D-05
  const asked = []
  const { clock, told, net } = await make(t, { shouldReconnect: (e) => asked.push([e.opened, e.code]) < 3 })
  net.last.fail()
  await clock.pass(100)
  net.last.open()
  net.last.end(1008)
  await clock.pass(200)
  net.last.fail()
  assert.deepEqual(asked, [[false, 1006], [true, 1008], [false, 1006]])
  assert.deepEqual(told.of('onstop').map((e) => e.why), ['rule'])
})

test('close within the rule is a no, and nothing else can be done there', async (t) => {
  const did = []
  const { clock, socket, told, net } = await make(t, {
    queueBytes: 100,
    shouldReconnect: () => { did.push(socket.send('x'), socket.start(), socket.retryNow(), socket.close()); return true },
  })
  net.last.open()
  net.last.end(1001)
  await clock.pass(60_000)
  assert.deepEqual(did, [false, false, undefined, undefined])
  assert.deepEqual(told.names(), ['onopen', 'onclose', 'onstop'])
  assert.equal(net.list.length, 1)
})

test('a rule that throws means yes', async (t) => {
  const errors = uncaught(t)
  const { clock, net } = await make(t, { shouldReconnect: () => { throw new Error('rule') } })
  net.last.fail()
  await clock.pass(100)
  assert.equal(net.list.length, 2)
  assert.deepEqual(errors, ['rule'])
})

test('a hint is waited for, also when the network comes back', async (t) => {
  const { clock, socket, told, net } = await make(t)
  net.last.open()
  await clock.pass(6000)
  net.last.end(1012, 'restart; retry-after=2')
  assert.equal(told.of('onclose')[0].nextWait, 2100)
  await clock.pass(2099)
  assert.equal(net.list.length, 1)
  await clock.pass(1)
  assert.equal(net.list.length, 2)
  socket.close()
})

test('the network that is back ends a wait, but not that of a hint', async (t) => {
  const listeners = new Set()
  globalThis.addEventListener = (name, f) => { if (name === 'online') listeners.add(f) }
  globalThis.removeEventListener = (name, f) => { if (name === 'online') listeners.delete(f) }
  t.after(() => { delete globalThis.addEventListener; delete globalThis.removeEventListener })
  const online = async () => { for (const f of listeners) f(); await settle() }

  const { clock, socket, net } = await make(t)
  await online() // an attempt is under way
  assert.equal(net.list.length, 1)
  net.last.fail()
  await online()
  assert.equal(net.list.length, 2)
  net.last.open()
  net.last.end(1012, 'retry-after=2')
  await online()
  assert.equal(net.list.length, 2)
  await clock.pass(2200)
  assert.equal(net.list.length, 3)
  net.last.fail()
  await online()
  assert.equal(net.list.length, 4)
  assert.equal(listeners.size, 1)
  socket.close()
  assert.equal(listeners.size, 0)
})

test('retryNow ends a wait and changes nothing else', async (t) => {
  const { clock, socket, told, net } = await make(t)
  socket.retryNow()
  await settle()
  assert.equal(net.list.length, 1)
  net.last.fail()
  socket.retryNow()
  socket.retryNow()
  await settle()
  assert.equal(net.list.length, 2)
  await clock.pass(1000)
  assert.equal(net.list.length, 2)
  net.last.fail()
  assert.equal(told.of('onerror')[1].nextWait, 200)
  await clock.pass(200)
  net.last.open()
  socket.retryNow()
  await settle()
  assert.equal(net.list.length, 3)
})

test('an attempt that takes too long has failed', async (t) => { // D-15
  const { clock, told, net } = await make(t, { connectTimeout: 1000 })
  await clock.pass(999)
  assert.deepEqual(told.log, [])
  const late = net.last
  late.keep()
  await clock.pass(1)
  assert.match(told.of('onerror')[0].error.message, /timeout/)
  assert.equal(late.closed.length, 1)
  late.late('onopen')
  late.late('onclose', { code: 1006 })
  await clock.pass(100)
  net.last.open()
  await clock.pass(5000)
  assert.deepEqual(told.names(), ['onerror', 'onopen'])
})

test('the time of an attempt is 30 s, or has no bound', async (t) => { // D-15
  const { clock, told } = await make(t)
  await clock.pass(29_999)
  assert.deepEqual(told.names(), [])
  await clock.pass(1)
  assert.deepEqual(told.names(), ['onerror'])
  const other = record()
  new Socket('ws://chat.example/', { WebSocket: wire(), connectTimeout: 0, ...other.callbacks })
  await clock.pass(86_400_000)
  assert.deepEqual(other.names(), [])
})

test('each attempt asks for its URL', async (t) => { // D-03
  let n = 0
  const url = async () => `wss://chat.example/?token=${++n}`
  const { clock, socket, net } = await make(t, {}, { url })
  net.last.fail()
  await clock.pass(100)
  assert.deepEqual(net.list.map((ws) => ws.url), ['wss://chat.example/?token=1', 'wss://chat.example/?token=2'])
  assert.equal(socket.url, 'wss://chat.example/?token=2')
})

test('a URL that can not be had is a failed attempt', async (t) => { // D-03
  const ways = [
    () => { throw new Error('thrown') },
    () => Promise.reject(new Error('rejected')),
    () => 'ws://chat example',
    () => new Promise(() => {}),
    () => new URL('https://chat.example/ws'),
  ]
  const { clock, told, net } = await make(t, { connectTimeout: 1000 }, { url: () => ways.shift()() })
  await clock.pass(100)
  await clock.pass(200)
  await clock.pass(400)
  await clock.pass(1000) // the promise that nobody keeps
  await clock.pass(800)
  assert.deepEqual(told.of('onerror').map(({ attempt, nextWait }) => [attempt, nextWait]), [[1, 100], [2, 200], [3, 400], [4, 800]])
  assert.deepEqual(told.of('onerror').map((e) => e.error.message).map((m) => m.replace('icsws: ', '').toLowerCase()),
    ['thrown', 'rejected', 'invalid url', 'timeout'])
  assert.deepEqual(net.list.map((ws) => ws.url), ['wss://chat.example/ws'])
})

for (const [name, options, attempts, why] of [
  ['tried again for ever', {}, 366, []], // 6.3 s of waits that grow, then one each 10 s
  ['the end with maxAttempts', { maxAttempts: 3 }, 3, ['attempts']],
  ['the end when the rule says so', { shouldReconnect: (end) => end.opened }, 1, ['rule']],
]) {
  test(`what can never work is ${name}`, async (t) => { // D-14
    const bad = class { constructor() { throw new SyntaxError('twice the same sub-protocol') } }
    const { clock, told, socket } = await make(t, { WebSocket: bad, ...options })
    await clock.pass(3_600_000)
    assert.equal(socket.attempt, attempts)
    assert.deepEqual(told.of('onerror').map((e) => e.error.name), Array(attempts).fill('SyntaxError'))
    assert.deepEqual(told.of('onstop').map((e) => e.why), why)
  })
}

test('a URL that comes too late is not used', async (t) => { // D-42
  const late = []
  const { clock, socket, net } = await make(t, { connectTimeout: 1000 }, { url: () => new Promise((resolve) => late.push(resolve)) })
  await clock.pass(1100)
  late[0]('ws://first.example/')
  await settle()
  assert.deepEqual(net.list, [])
  late[1]('ws://second.example/')
  await settle()
  assert.deepEqual(net.list.map((ws) => ws.url), ['ws://second.example/'])
  socket.close()
  assert.equal(clock.timers, 0)
})

test('addresses are relative to the page', async (t) => {
  globalThis.location = { href: 'https://chat.example/r/garden' }
  t.after(() => { delete globalThis.location })
  const { net } = await make(t, {}, { url: '/chat?name=Ada' })
  assert.equal(net.last.url, 'wss://chat.example/chat?name=Ada')
})

test('and to its base element, as all addresses of a page are', async (t) => {
  globalThis.location = { href: 'https://chat.example/r/garden' }
  globalThis.document = { baseURI: 'http://cdn.example/app/' }
  t.after(() => { delete globalThis.location; delete globalThis.document })
  const { net } = await make(t, {}, { url: 'chat' })
  assert.equal(net.last.url, 'ws://cdn.example/app/chat')
})

test('a constructor that throws is a failed attempt', async (t) => {
  const { told } = await make(t, { WebSocket: class { constructor() { throw new SyntaxError('protocol') } } })
  assert.equal(told.of('onerror')[0].error.message, 'protocol')
})

test('callbacks may be set after the constructor, and while it runs', async (t) => {
  const clock = new Clock(t)
  const WebSocket = wire()
  const socket = new Socket('ws://chat.example/', { WebSocket })
  const names = []
  socket.onerror = () => { names.push('first'); socket.onerror = () => names.push('second') }
  await settle()
  WebSocket.last.fail()
  await clock.pass(100)
  WebSocket.last.fail()
  assert.deepEqual(names, ['first', 'second'])
  socket.onstop = null
  socket.close()
})

test('late events of an old connection reach nobody', async (t) => { // D-42
  const { clock, socket, told, net } = await make(t)
  const old = net.last
  old.open()
  old.keep()
  old.end(1001)
  await clock.pass(100)
  const fresh = net.last
  fresh.open()
  const before = told.log.length
  old.late('onmessage', { data: 'late' })
  old.late('onopen')
  old.late('onclose', { code: 1008 })
  old.late('onerror')
  assert.equal(told.log.length, before)
  assert.equal(socket.readyState, 1)
  socket.send('new')
  assert.deepEqual([old.sent, fresh.sent], [[], ['new']])
  assert.deepEqual([old.onopen, old.onmessage, old.onclose], [null, null, null])
})

test('the send of a connection that is over does nothing', async (t) => { // D-42
  const { clock, told, net } = await make(t)
  net.last.open()
  const { send } = told.of('onopen')[0]
  net.last.end(1001)
  assert.equal(send('x'), false)
  await clock.pass(100)
  net.last.open()
  assert.equal(send('x'), false)
  assert.deepEqual(net.list.map((ws) => ws.sent), [[], []])
})

test('what callbacks throw is reported and changes nothing', async (t) => {
  const errors = uncaught(t)
  const bad = (name) => () => { throw new Error(name) }
  const names = ['onopen', 'onmessage', 'onclose', 'onerror', 'onstop', 'onstate']
  const { clock, told, net, socket } = await make(t, {}, { actions: Object.fromEntries(names.map((n) => [n, bad(n)])) })
  net.last.fail()
  await clock.pass(100)
  net.last.open()
  net.last.say('x')
  net.last.end(1001)
  socket.close()
  await settle()
  assert.deepEqual(told.log.map(([name]) => name),
    ['onerror', 'onstate', 'onopen', 'onmessage', 'onstate', 'onclose', 'onstate', 'onstop'])
  assert.deepEqual(errors, told.log.map(([name]) => name))
})
