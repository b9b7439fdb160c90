// Uses the client for browsers (web) in a real Chromium: against examples/echo, which is
// killed and comes back, and against a server that does what a test wants.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { chromium } from 'playwright-core'
import { WebSocketServer } from 'ws'

import { binary, start } from './server.mjs'
import { Visitor } from './visitor.mjs'

const limit = { timeout: 60_000 }
const POLICY = "default-src 'none'; script-src 'self'; img-src data:; connect-src 'self' ws://127.0.0.1:*; require-trusted-types-for 'script'; trusted-types 'none'"

// The page notes what its socket tells. An action is done in the callback of its name.
const PAGE = '<!doctype html><title>web</title><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>'
const SCRIPT = `
import { Socket } from '/icsws.js'
window.connect = (url, options = {}, actions = {}) => {
  const told = window.told = []
  const socket = window.socket = new Socket(url, { jitter: -1, ...options })
  for (const name of ['onopen', 'onmessage', 'onclose', 'onerror', 'ondropped', 'onstop']) {
    socket[name] = (e) => {
      const data = name === 'onmessage' ? { data: e.data } : { ...e, error: e.error?.message }
      told.push({ name, ...data })
      const act = actions[name]
      if (act === 'close') socket.close(4000, 'in ' + name)
      else if (act) e.send(act)
    }
  }
}
document.body.dataset.ready = ''
`

const launch = (options) => chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
  ],
  ...options,
})

let browser
before(async () => { browser = await launch() }, limit)
after(() => browser?.close())

// Site serves the page and its sockets. serve gets each WebSocket and its number from 1;
// a handshake of which silent says so is never answered.
class Site {
  heard = [] // messages, text or Buffer
  count = 0 // handshakes
  silent = () => false
  serve = () => {}

  static async open(t) {
    const site = new Site()
    const files = { '/': ['text/html', PAGE], '/page.js': ['text/javascript', SCRIPT] }
    files['/icsws.js'] = ['text/javascript', await readFile(new URL('../../web/dist/icsws.js', import.meta.url))]
    site.http = createServer((req, res) => {
      const [type, body] = files[req.url] ?? ['text/plain', '']
      res.writeHead(body ? 200 : 404, { 'Content-Type': `${type}; charset=utf-8`, 'Content-Security-Policy': POLICY })
      res.end(body)
    })
    const sockets = new Set()
    site.http.on('connection', (socket) => sockets.add(socket.on('close', () => sockets.delete(socket))))
    const wss = new WebSocketServer({ noServer: true })
    site.http.on('upgrade', (req, socket, head) => {
      const number = ++site.count
      if (site.silent(number)) return
      wss.handleUpgrade(req, socket, head, (ws) => {
        ws.on('message', (data, isBinary) => site.heard.push(isBinary ? data : String(data)))
        ws.on('error', () => {})
        site.serve(ws, number)
      })
    })
    await once(site.http.listen(0, '127.0.0.1'), 'listening')
    t.after(() => {
      for (const socket of sockets) socket.destroy()
      site.http.close()
    })
    return site
  }

  get url() { return `http://127.0.0.1:${this.http.address().port}/` }
}

// visit opens the page of a site of its own.
async function visit(t, where = browser) {
  const site = await Site.open(t)
  const visitor = await Visitor.open(t, where, site.url)
  await visitor.until(() => document.body.dataset.ready === '')
  const { page } = visitor
  return {
    site, visitor, page,
    connect: (url, options, actions) => page.evaluate(([u, o, a]) => window.connect(u, o, a), [url, options, actions]),
    told: (name) => page.evaluate((name) => window.told.filter((e) => e.name === name), name),
    names: () => page.evaluate(() => window.told.map((e) => e.name)),
    send: (...all) => page.evaluate((all) => all.map((d) => window.socket.send(d)), all),
    count: (name, n) => visitor.until(([name, n]) => window.told.filter((e) => e.name === name).length >= n, [name, n]),
    state: () => page.evaluate(() => window.socket.readyState),
  }
}

test('a server that was killed is found again, and nothing of the queue is lost', limit, async (t) => { // D-05, D-25
  const args = (addr) => ['-addr', addr]
  const first = await start(t, binary('ICSWS_ECHO'), args('127.0.0.1:0'))
  const url = first.url('ws:')
  const { connect, told, count, send, names, state } = await visit(t)
  await connect(url, { queueBytes: 1000, maxWait: 200, stableAfter: 0 })
  assert.deepEqual(await send('early'), [true])
  await count('onmessage', 1)
  await first.stop('SIGKILL')
  await count('onerror', 2)
  assert.equal(await state(), 0)
  assert.deepEqual(await send('a', 'b', 'c'), [true, true, true])

  await start(t, binary('ICSWS_ECHO'), args(new URL(url).host))
  await count('onopen', 2)
  await send('d')
  await count('onmessage', 5)
  assert.deepEqual((await told('onmessage')).map((e) => e.data), ['early', 'a', 'b', 'c', 'd'])
  const [close] = await told('onclose')
  assert.deepEqual([close.code, close.remote, close.nextWait], [1006, false, 100])
  assert.deepEqual((await told('onerror')).slice(0, 2).map((e) => e.nextWait), [200, 200])
  assert.deepEqual((await names()).filter((n) => !/onmessage|onerror/.test(n)), ['onopen', 'onclose', 'onopen'])
})

test('a login goes ahead of the queue, on each connection', limit, async (t) => { // D-25
  const { site, connect, send, count, visitor } = await visit(t)
  site.serve = (ws) => ws.on('message', (data) => { if (String(data) === 'end') ws.close(1001) })
  await connect('/ws', { queueBytes: 100, stableAfter: 0 }, { onopen: 'login' })
  await send('a', 'bb', 'end')
  await count('onclose', 1)
  await send('again')
  await count('onopen', 2)
  await send('done')
  await waitFor(() => site.heard.includes('done'))
  assert.deepEqual(site.heard, ['login', 'a', 'bb', 'end', 'login', 'again', 'done'])
  assert.deepEqual(visitor.errors, [])
})

test('the hint of a server is waited for', limit, async (t) => {
  const { site, connect, told, count, visitor } = await visit(t)
  site.serve = (ws, number) => { if (number === 1) ws.close(1012, 'restart; retry-after=0.5') }
  await connect('/ws')
  await count('onopen', 2)
  const [{ code, reason, remote, wasClean, nextWait, final }] = await told('onclose')
  assert.deepEqual([code, reason, remote, wasClean, nextWait, final], [1012, 'restart; retry-after=0.5', true, true, 600, false])
  assert.equal(site.count, 2)
  assert.deepEqual(visitor.errors, [])
})

test('1008 is the end, until start', limit, async (t) => { // D-05
  const { site, connect, told, names, count, page, state } = await visit(t)
  site.serve = (ws, number) => { if (number === 1) ws.close(1008, 'not you') }
  await connect('/ws')
  await count('onstop', 1)
  assert.deepEqual(await names(), ['onopen', 'onclose', 'onstop'])
  const [{ why, end }] = await told('onstop')
  assert.deepEqual([why, end.code, end.reason], ['code', 1008, 'not you'])
  assert.equal(await state(), 3)
  assert.equal(await page.evaluate(() => window.socket.start()), true)
  await count('onopen', 2)
  assert.equal(site.count, 2)
})

for (const [name, want, code] of [
  ['onopen', ['onopen', 'onclose', 'onstop'], 4000],
  ['onmessage', ['onopen', 'onmessage', 'onclose', 'onstop'], 4000],
  ['onclose', ['onopen', 'onmessage', 'onclose', 'onstop'], 1001],
  ['onerror', ['onerror', 'onstop'], undefined],
]) {
  test(`close in ${name}`, limit, async (t) => { // D-21
    const { site, connect, told, names, count } = await visit(t)
    site.silent = () => name === 'onerror'
    site.serve = (ws) => {
      if (name !== 'onopen') ws.send('x')
      if (name === 'onclose') ws.close(1001)
    }
    await connect('/ws', { connectTimeout: name === 'onerror' ? 100 : 10_000 }, { [name]: 'close' })
    await count('onstop', 1)
    assert.deepEqual(await names(), want)
    const [close] = await told('onclose')
    assert.equal(close?.code, code)
    assert.equal((await told('onstop'))[0].why, 'local')
    assert.equal(site.count, 1)
  })
}

test('a handshake that nobody answers ends in time', limit, async (t) => { // D-15
  const { site, connect, told, count } = await visit(t)
  site.silent = (number) => number === 1
  await connect('/ws', { connectTimeout: 200 })
  await count('onopen', 1)
  const errors = await told('onerror')
  assert.deepEqual(errors.map(({ attempt, error, nextWait }) => [attempt, error, nextWait]), [[1, 'icsws: timeout', 100]])
})

test('a server that answers no WebSocket is a failed attempt', limit, async (t) => {
  const { site, connect, told, count } = await visit(t)
  site.http.removeAllListeners('upgrade')
  await connect('/ws', { maxAttempts: 2 })
  await count('onstop', 1)
  assert.deepEqual((await told('onerror')).map(({ attempt, final }) => [attempt, final]), [[1, false], [2, true]])
})

test('every kind of data comes through, queued or not', limit, async (t) => { // D-25
  const { site, page, count, connect } = await visit(t)
  const sendAll = () => page.evaluate(() => {
    const bytes = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8])
    const all = ['grüße', bytes.buffer, bytes.subarray(2, 5), new DataView(bytes.buffer, 6), new Blob(['abc'])]
    const taken = all.map((d) => window.socket.send(d))
    bytes.fill(0)
    return taken
  })
  const want = ['grüße', [1, 2, 3, 4, 5, 6, 7, 8], [3, 4, 5], [7, 8], [97, 98, 99]]
  let answer
  site.http.removeAllListeners('upgrade').on('upgrade', (...args) => { answer ??= args })
  await connect('/ws', { queueBytes: 1000 })
  assert.deepEqual(await sendAll(), Array(5).fill(true))
  await waitFor(() => answer)
  const wss = new WebSocketServer({ noServer: true })
  wss.handleUpgrade(...answer, (ws) => ws.on('message', (d, isBinary) => site.heard.push(isBinary ? [...d] : String(d))))
  await count('onopen', 1)
  assert.deepEqual(await sendAll(), Array(5).fill(true))
  await waitFor(() => site.heard.length === 10)
  assert.deepEqual(site.heard, [...want, ...want])
})

test('the network that is back ends the wait', limit, async (t) => {
  const { site, connect, count, page, told } = await visit(t)
  site.serve = (ws, number) => { if (number === 1) ws.close(1001) }
  await connect('/ws', { minWait: 3_600_000, maxWait: 3_600_000 })
  await count('onclose', 1)
  assert.equal((await told('onclose'))[0].nextWait, 3_600_000)
  await page.context().setOffline(true)
  await page.context().setOffline(false)
  await count('onopen', 2)
})

test('a page that was frozen goes on', limit, async (t) => {
  const { site, connect, count, page, told } = await visit(t)
  const server = new Promise((resolve) => { site.serve = (ws, number) => { if (number === 1) resolve(ws) } })
  await connect('/ws', { queueBytes: 100 })
  await count('onopen', 1)
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('Page.setWebLifecycleState', { state: 'frozen' })
  const ws = await server
  ws.close(1012)
  await once(ws, 'close')
  await devtools.send('Page.setWebLifecycleState', { state: 'active' })
  await count('onopen', 2)
  assert.equal((await told('onclose')).length, 1)
})

test('a page that one comes back to goes on', limit, async (t) => {
  const caching = await launch({ ignoreDefaultArgs: ['--disable-back-forward-cache'] })
  t.after(() => caching.close())
  const { site, connect, count, page, told, visitor } = await visit(t, caching)
  await connect('/ws', { queueBytes: 100 })
  await count('onopen', 1)
  await page.goto(`${site.url.replace('127.0.0.1', 'localhost')}page.js`)
  await page.evaluate(() => { setTimeout(() => history.back(), 50) })
  await visitor.until(() => window.told?.filter((e) => e.name === 'onopen').length === 2) // the same page
  assert.deepEqual((await told('onclose')).map(({ code, remote, final }) => [code, remote, final]), [[1006, false, false]])
  assert.equal(site.count, 2)
})

// waitFor is for what happens on this side.
async function waitFor(condition) {
  for (let i = 0; i < 1000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.ok(condition(), `${condition} did not come about`)
}
