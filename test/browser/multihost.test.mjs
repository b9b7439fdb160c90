// Uses the pages of examples/multihost as people do, in a real Chromium that takes every
// name for 127.0.0.1.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { chromium } from 'playwright-core'

import { binary, start } from './server.mjs'
import { Visitor } from './visitor.mjs'

const limit = { timeout: 60_000 }

let browser
before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
      '--host-resolver-rules=MAP *.example 127.0.0.1',
    ],
  })
}, limit)
after(() => browser?.close())

// serve resolves to a function from scheme and name to the address of a host.
async function serve(t, { port = '0', tlsPort = '0' } = {}) {
  const server = await start(t, binary('ICSWS_MULTIHOST'), ['-port', port, '-tls-port', tlsPort], 2)
  const at = (scheme, name) => {
    const url = new URL(server.url(scheme))
    url.hostname = name
    return url.href
  }
  return { server, at }
}

// visit shows the page of a host once it is connected. The certificates are temporary.
async function visit(t, url, options) {
  const visitor = await Visitor.open(t, browser, url, { ignoreHTTPSErrors: true, ...options })
  await visitor.isConnected()
  return visitor
}

// fact is what the page says for a term of a list; several lines are joined with commas.
const fact = (visitor, list, term) => visitor.page.evaluate(([list, term]) => {
  const found = [...document.querySelectorAll(`#${list} dt`)].find((dt) => dt.textContent === term)
  const texts = []
  for (let dd = found?.nextElementSibling; dd?.tagName === 'DD'; dd = dd.nextElementSibling) texts.push(dd.textContent)
  return texts.join(', ')
}, [list, term])

// picture saves what a visitor sees when SHOTS names a folder.
async function picture(visitor, name) {
  if (process.env.SHOTS) await visitor.page.screenshot({ path: join(process.env.SHOTS, `multihost-${name}.png`), fullPage: true })
}

test('each name has its host, certificate and play on one port', limit, async (t) => {
  const { at } = await serve(t)
  const serials = new Set()
  for (const [name, title] of [['clock', 'The Clock'], ['dice', 'The Dice'], ['vault', 'The Vault']]) {
    const visitor = await visit(t, at('https:', `${name}.example`))
    assert.equal(await visitor.text('#title'), title)
    assert.match(visitor.sockets[0], new RegExp(`^wss://${name}\\.example:`))
    assert.equal(await fact(visitor, 'host', 'Tag'), name)
    assert.match(await fact(visitor, 'host', 'You asked for'), new RegExp(`^${name}\\.example:`))
    assert.match(await fact(visitor, 'cert', 'Kind'), /temporary/)
    assert.match(await fact(visitor, 'cert', 'Names'), new RegExp(`${name}\\.example`))
    assert.match(await fact(visitor, 'cert', 'Valid until'), /days left/)
    assert.equal(await fact(visitor, 'tls', 'Version'), 'TLS 1.3')
    assert.match(await fact(visitor, 'tls', 'Cipher suite'), /^TLS_/)
    assert.match(await fact(visitor, 'tls', 'Key exchange'), /25519|P-?256/)
    assert.equal(await fact(visitor, 'tls', 'Server name'), `${name}.example`)
    assert.equal(await fact(visitor, 'tls', 'Your certificate'), 'none')
    serials.add(await fact(visitor, 'cert', 'Serial'))
    await picture(visitor, name)
    assert.deepEqual(visitor.errors, [])
  }
  assert.equal(serials.size, 3, 'each host has a certificate of its own')
})

test('two windows at two hosts do not meet', limit, async (t) => {
  const { at } = await serve(t)
  const clock = await visit(t, at('https:', 'clock.example'))
  const dice = await visit(t, at('https:', 'dice.example'))
  await clock.until(() => /^\d\d:\d\d$/.test(document.querySelector('#hours').textContent))
  await dice.page.click('#roll')
  await dice.until(() => /^Roll 1: \d+$/.test(document.querySelector('#count').textContent))
  await dice.page.click('#roll')
  await dice.until(() => /^Roll 2: \d+$/.test(document.querySelector('#count').textContent))
  assert.equal(await clock.page.$('#roll'), null)
  assert.deepEqual(clock.errors, [])
  assert.deepEqual(dice.errors, [])
})

test('the vault keeps a note from the keyboard', limit, async (t) => {
  const { at } = await serve(t)
  const visitor = await visit(t, at('https:', 'vault.example'))
  await visitor.page.focus('#note')
  await visitor.page.keyboard.type('grüße')
  await visitor.page.keyboard.press('Tab')
  await visitor.page.keyboard.press('Enter')
  await visitor.until(() => document.querySelector('#kept').textContent === 'The vault keeps 5 characters.')
  assert.deepEqual(visitor.errors, [])
})

test('a plain connection says that it is plain', limit, async (t) => {
  const { at } = await serve(t)
  const visitor = await visit(t, at('http:', 'clock.example'))
  assert.match(visitor.sockets[0], /^ws:/)
  assert.equal(await visitor.page.isVisible('#no-cert'), true)
  assert.equal(await visitor.page.isVisible('#no-tls'), true)
  assert.equal(await visitor.page.locator('#tls dt').count(), 0)
  await picture(visitor, 'plain')
  assert.deepEqual(visitor.errors, [])
})

test('a name that no host has is told so, with the certificate of the first', limit, async (t) => {
  const { at } = await serve(t)
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  t.after(() => context.close())
  const response = await (await context.newPage()).goto(at('https:', 'other.example'))
  assert.equal(response.status(), 421)
})

test('the links lead to the other hosts on the same port', limit, async (t) => {
  const { at } = await serve(t)
  const visitor = await visit(t, at('https:', 'clock.example'))
  const { port } = new URL(at('https:', 'clock.example'))
  await visitor.page.click('footer a:has-text("The Dice")')
  await visitor.page.waitForURL(`https://dice.localhost:${port}/`)
  await visitor.isConnected()
  assert.equal(await fact(visitor, 'host', 'Tag'), 'dice')
})

test('the page connects again by itself after a restart of the server', limit, async (t) => {
  const { server, at } = await serve(t)
  const url = at('https:', 'dice.example')
  const visitor = await visit(t, url)
  const before = await fact(visitor, 'cert', 'Serial')
  assert.equal(await server.stop('SIGTERM'), 0)
  await visitor.until(() => document.querySelector('#status').textContent !== 'connected')
  assert.equal(await visitor.page.isDisabled('#roll'), true)
  await serve(t, { port: new URL(at('http:', 'dice.example')).port, tlsPort: new URL(url).port })
  await visitor.isConnected()
  assert.notEqual(await fact(visitor, 'cert', 'Serial'), before, 'a temporary certificate is made anew')
})

test('SIGHUP is no reason to end', limit, async (t) => {
  const { server, at } = await serve(t)
  const visitor = await visit(t, at('https:', 'dice.example'))
  server.signal('SIGHUP')
  await visitor.page.click('#roll')
  await visitor.until(() => document.querySelector('#count').textContent.startsWith('Roll 1'))
  assert.equal(await visitor.text('#status'), 'connected')
})

test('a phone needs no horizontal scrolling', limit, async (t) => {
  const { at } = await serve(t)
  for (const name of ['clock', 'dice', 'vault']) {
    const visitor = await visit(t, at('https:', `${name}.example`), {
      viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2,
    })
    const fits = await visitor.page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)
    assert.ok(fits, `${name} is too wide`)
    await picture(visitor, `${name}-phone`)
    assert.deepEqual(visitor.errors, [])
  }
})

test('the page follows the colour scheme of the system', limit, async (t) => {
  const { at } = await serve(t)
  const ink = []
  for (const colorScheme of ['light', 'dark']) {
    const visitor = await visit(t, at('https:', 'dice.example'), { colorScheme })
    ink.push(await visitor.page.evaluate(() => getComputedStyle(document.body).color))
    await picture(visitor, colorScheme)
  }
  assert.notEqual(ink[0], ink[1], 'the text has one colour in both')
})
