// Uses the page of examples/files as people do, in a real Chromium.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { chromium } from 'playwright-core'

import { binary, start } from './server.mjs'
import { Visitor } from './visitor.mjs'

const limit = { timeout: 60_000 }
const MiB = 1 << 20

let browser
before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
    ],
  })
}, limit)
after(() => browser?.close())

// serve runs the server on a folder of its own, with these files.
async function serve(t, { files = {}, addr = '127.0.0.1:0', args = [] } = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'files-test-'))
  t.after(() => rm(dir, { recursive: true }))
  for (const [name, data] of Object.entries(files)) await writeFile(join(dir, name), data)
  const server = await start(t, binary('ICSWS_FILES'), ['-addr', addr, '-dir', dir, ...args])
  return { server, dir, url: server.url('http:') }
}

// visit shows the page; route, if given, gets the connection between page and server.
async function visit(t, url, options, route) {
  const visitor = await Visitor.open(t, browser, 'about:blank', options)
  await visitor.page.addInitScript(`window.noise = ${noise}`)
  if (route) await visitor.page.routeWebSocket('**/transfer', route)
  await visitor.page.goto(url)
  await connected(visitor)
  return visitor
}

const connected = (visitor) => visitor.until(() => document.querySelector('#status').textContent === 'connected')

// noise is what the page makes too: bytes that do not repeat soon.
function noise(size) {
  const bytes = new Uint8Array(size)
  for (let i = 0, x = size + 1; i < size; i++) bytes[i] = (x = Math.imul(x, 1664525) + 1013904223) >>> 24
  return bytes
}

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')

// choose has files made in the page, and chosen with the button or dropped.
async function choose(visitor, files, how = 'choose') {
  await visitor.page.evaluate(([files, how]) => {
    const data = new DataTransfer()
    for (const [name, size] of Object.entries(files)) data.items.add(new File([noise(size)], name))
    if (how === 'choose') {
      const pick = document.querySelector('#pick')
      pick.files = data.files
      pick.dispatchEvent(new Event('change'))
    } else {
      for (const type of ['dragenter', 'dragover', 'drop']) {
        document.querySelector('h1').dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }))
      }
    }
  }, [files, how])
}

// reaches waits until the newest transfer of a file is in a state, and returns what it
// shows.
async function reaches(visitor, name, state) {
  const find = ([name, state]) => {
    const row = [...document.querySelectorAll('.transfer')].find((r) => r.querySelector('.name').textContent === name)
    return row?.dataset.state === state && row.innerText
  }
  await visitor.until(find, [name, state])
  return visitor.page.evaluate(find, [name, state])
}

const cancel = (visitor, name) => visitor.page.locator('.transfer', { hasText: name }).getByRole('button').click()

// download clicks on the file, and resolves to what the browser has saved.
async function download(visitor, name) {
  const saved = visitor.page.waitForEvent('download')
  await visitor.page.getByRole('button', { name: `Download ${name}`, exact: true }).click()
  const file = await saved
  assert.equal(file.suggestedFilename(), name)
  return readFile(await file.path())
}

const shelf = (visitor) => visitor.page.locator('#files .name').allTextContents()

const onShelf = (visitor, name) => visitor.until(
  (name) => [...document.querySelectorAll('#files .name')].some((e) => e.textContent === name), name)

// picture saves what a visitor sees when SHOTS names a folder.
async function picture(visitor, name) {
  if (process.env.SHOTS) await visitor.page.screenshot({ path: join(process.env.SHOTS, `files-${name}.png`) })
}

test('a file goes up and comes down, and both sides verify it', limit, async (t) => {
  const { dir, url } = await serve(t)
  const ada = await visit(t, url)
  const bob = await visit(t, url)
  await ada.page.evaluate(() => {
    window.seen = []
    new MutationObserver((list) => { for (const { target } of list) window.seen.push(target.value) })
      .observe(document.querySelector('#transfers'), { subtree: true, attributeFilter: ['value'] })
  })
  const data = noise(3 * MiB + 1)
  await choose(ada, { 'a b.bin': data.length })
  assert.match(await reaches(ada, 'a b.bin', 'verified'), new RegExp(`verified · 3.0 MiB\\s+${sha256(data)}`))
  const seen = await ada.page.evaluate(() => window.seen)
  assert.ok(seen.length > 10 && seen.at(-1) === 1, `the progress was ${seen}`)
  assert.deepEqual(seen, [...seen].sort((a, b) => a - b), 'the progress goes back')
  assert.equal(sha256(await readFile(join(dir, 'a b.bin'))), sha256(data))

  await onShelf(bob, 'a b.bin') // who was there before
  assert.equal(await bob.text('#files .sha256'), sha256(data))
  assert.equal(sha256(await download(bob, 'a b.bin')), sha256(data))
  await reaches(bob, 'a b.bin', 'verified')
  await picture(bob, 'verified')
  assert.deepEqual(ada.errors, [])
  assert.deepEqual(bob.errors, [])
})

test('several files go one after the other, chosen or dropped', limit, async (t) => {
  const { url } = await serve(t, { files: { 'there.txt': 'there' } })
  const ada = await visit(t, url)
  const files = { 'one.bin': MiB, 'two.bin': 0, 'three.bin': 300_000, 'there.txt': 7 }
  await choose(ada, files, 'drop')
  for (const name of ['one.bin', 'two.bin', 'three.bin', 'there (2).txt']) await reaches(ada, name, 'verified')
  assert.equal(sha256(await download(ada, 'two.bin')), sha256(noise(0)))
  assert.equal(String(await download(ada, 'there.txt')), 'there')
  await onShelf(ada, 'there (2).txt')
  assert.equal((await shelf(ada)).length, 5)
  assert.deepEqual(ada.errors, [])
})

// held lets through what goes either way, but for the answers of one side to the
// bytes of the other.
function held() {
  const gate = { sent: 0 }
  gate.route = (page) => {
    const server = page.connectToServer()
    const pass = (to) => (message) => {
      if (typeof message !== 'string') gate.sent++
      else if (JSON.parse(message).kind === 'got' && JSON.parse(message).size > MiB) return
      to.send(message)
    }
    page.onMessage(pass(server))
    server.onMessage(pass(page))
  }
  return gate
}

test('an upload can be cancelled, and the connection goes on', limit, async (t) => {
  const { dir, url } = await serve(t)
  const gate = held()
  const ada = await visit(t, url, {}, gate.route)
  await choose(ada, { 'large.bin': 8 * MiB })
  await choose(ada, { 'never.bin': 10 })
  await choose(ada, { 'small.bin': 10 })
  await ada.until(() => /^1 MiB of 8 MiB/.test(document.querySelector('[data-state="moving"] .facts')?.textContent))
  await cancel(ada, 'never.bin') // which waits
  await reaches(ada, 'never.bin', 'cancelled')
  await picture(ada, 'moving')
  await cancel(ada, 'large.bin')
  await reaches(ada, 'large.bin', 'cancelled')
  await reaches(ada, 'small.bin', 'verified')
  assert.equal(gate.sent, 4 + 8 + 1, 'the window is not kept')
  assert.deepEqual(await readdir(dir), ['small.bin'])
  assert.equal(ada.sockets.length, 1, 'it is another connection')
  assert.deepEqual(ada.errors, [])
})

test('a download can be cancelled, and the connection goes on', limit, async (t) => {
  const large = noise(8 * MiB)
  const { url } = await serve(t, { files: { 'large.bin': large, 'small.txt': 'small' } })
  const gate = held()
  const ada = await visit(t, url, {}, gate.route)
  await ada.page.getByRole('button', { name: 'Download large.bin' }).click()
  await ada.until(() => /^3 MiB of 8 MiB/.test(document.querySelector('[data-state="moving"] .facts')?.textContent))
  await cancel(ada, 'large.bin')
  await reaches(ada, 'large.bin', 'cancelled')
  assert.equal(String(await download(ada, 'small.txt')), 'small')
  assert.equal(gate.sent, 4 + 8 + 1, 'the window is not kept')
  assert.equal(ada.sockets.length, 1, 'it is another connection')
  assert.deepEqual(ada.errors, [])
})

test('a file that was changed on its way is not saved', limit, async (t) => {
  const { url } = await serve(t, { files: { 'a.txt': 'abc' } })
  const ada = await visit(t, url, {}, (page) => {
    const server = page.connectToServer()
    server.onMessage((m) => page.send(typeof m === 'string' ? m : Buffer.from('abd')))
  })
  ada.page.on('download', () => assert.fail('it was saved'))
  await ada.page.getByRole('button', { name: 'Download a.txt' }).click()
  assert.match(await reaches(ada, 'a.txt', 'failed'), /SHA-256 is not the same/)
})

test('what is not taken is told', limit, async (t) => {
  const { dir, url } = await serve(t, { args: ['-max-size', '1000'] })
  const ada = await visit(t, url)
  assert.match(await ada.text('#limit'), /1000 bytes/)
  await choose(ada, { 'large.bin': 1001, 'what?.txt': 3 })
  assert.match(await reaches(ada, 'large.bin', 'failed'), /larger than what is taken/)
  await reaches(ada, 'what_.txt', 'verified')
  assert.deepEqual(await readdir(dir), ['what_.txt'])
  await picture(ada, 'refused')
})

test('a file that can not be read is told', limit, async (t) => {
  const { dir, url } = await serve(t)
  const ada = await visit(t, url)
  await ada.page.evaluate(() => {
    const read = Blob.prototype.arrayBuffer
    Blob.prototype.arrayBuffer = function () {
      Blob.prototype.arrayBuffer = read // the second time
      return Promise.reject(new DOMException('gone', 'NotFoundError'))
    }
  })
  await choose(ada, { 'gone.bin': 10, 'good.bin': 10 })
  assert.match(await reaches(ada, 'gone.bin', 'failed'), /can not read/)
  await reaches(ada, 'good.bin', 'verified')
  assert.deepEqual(await readdir(dir), ['good.bin'])
})

test('one too many is told so, and comes in later', limit, async (t) => {
  const { url } = await serve(t, { args: ['-max-clients', '1'] })
  const ada = await visit(t, url)
  const eve = await Visitor.open(t, browser, url)
  await eve.until(() => document.querySelector('#why').textContent.includes('too many clients'))
  await ada.page.close()
  await connected(eve)
  await eve.until(() => document.querySelector('#why').hidden)
})

test('a lost connection fails the transfer, and the next one waits for it', limit, async (t) => {
  const first = await serve(t)
  const gate = held()
  const ada = await visit(t, first.url, {}, gate.route)
  await choose(ada, { 'large.bin': 8 * MiB, 'small.bin': 10 })
  await reaches(ada, 'large.bin', 'moving')
  assert.equal(await first.server.stop('SIGTERM'), 0)
  assert.match(await reaches(ada, 'large.bin', 'failed'), /connection was lost/)
  assert.deepEqual(await readdir(first.dir), [])
  await picture(ada, 'lost')
  const second = await serve(t, { addr: new URL(first.url).host })
  await reaches(ada, 'small.bin', 'verified')
  assert.deepEqual(await readdir(second.dir), ['small.bin'])
})

test('the SHA-256 of the page is that of others', limit, async (t) => {
  const ada = await visit(t, (await serve(t)).url)
  const sizes = [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000, 100_003]
  const got = await ada.page.evaluate(async (sizes) => {
    const { SHA256 } = await import('/sha256.js')
    return sizes.map((size) => {
      const data = noise(size)
      const sum = new SHA256()
      for (let at = 0, step = 1; at < size; at += step, step = step * 3 % 200 + 1) sum.update(data.subarray(at, at + step))
      return sum.hex()
    })
  }, sizes)
  assert.deepEqual(got, sizes.map((size) => sha256(noise(size))))
})

test('a phone needs no horizontal scrolling, and light and dark differ', limit, async (t) => {
  const { url } = await serve(t, { files: { [`${'long'.repeat(40)}.txt`]: 'x', 'photo of a cat.jpg': noise(3 * MiB) } })
  const paper = []
  for (const colorScheme of ['light', 'dark']) {
    const gate = held()
    const ada = await visit(t, url, {
      viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2, colorScheme,
    }, gate.route)
    await onShelf(ada, 'photo of a cat.jpg')
    await choose(ada, { [`another ${'long'.repeat(30)}.txt`]: 1000 })
    await ada.until(() => document.querySelector('[data-state="verified"]'))
    await choose(ada, { [`holiday ${colorScheme}.mov`]: 8 * MiB })
    await reaches(ada, `holiday ${colorScheme}.mov`, 'moving')
    assert.ok(await ada.page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth))
    paper.push(await ada.page.evaluate(() => getComputedStyle(document.body).backgroundColor))
    await picture(ada, `phone-${colorScheme}`)
    await ada.page.setViewportSize({ width: 1200, height: 800 })
    await picture(ada, `desk-${colorScheme}`)
    assert.deepEqual(ada.errors, [])
  }
  assert.notEqual(paper[0], paper[1])
})
