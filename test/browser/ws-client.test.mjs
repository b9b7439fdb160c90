// Drives examples/echo with npm ws, the WebSocket library most programs outside
// of browsers use.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { test } from 'node:test'
import WebSocket from 'ws'

import { binary, start } from './server.mjs'
import { Peer } from './peer.mjs'

const MiB = 1 << 20
const limit = { timeout: 30_000 }

const echo = (t, args = [], addresses = 1) =>
  start(t, binary('ICSWS_ECHO'), ['-addr', '127.0.0.1:0', ...args], addresses)

// roundTrip sends one message and checks that it comes back as it was.
async function roundTrip(peer, data, options) {
  peer.send(data, options)
  const got = await peer.next()
  assert.equal(got.binary, typeof data !== 'string')
  assert.ok(got.data.equals(Buffer.from(data)), `${got.data.length} of ${data.length} bytes came back, or other ones`)
}

test('text and binary of every length form come back as sent', limit, async (t) => {
  const peer = await Peer.open(t, (await echo(t)).url('ws:'))
  for (const length of [0, 1, 125, 126, 65_535, 65_536, MiB]) {
    await roundTrip(peer, 'x'.repeat(length))
    await roundTrip(peer, randomBytes(length))
  }
  await roundTrip(peer, 'grüße, 你好, 👋')
})

test('a message over the limit closes with 1009, one of just the limit passes', limit, async (t) => {
  for (const [args, max] of [[[], MiB], [['-max-message', '1000'], 1000]]) {
    const peer = await Peer.open(t, (await echo(t, args)).url('ws:'))
    await roundTrip(peer, randomBytes(max))
    peer.send(randomBytes(max + 1))
    assert.equal((await peer.closed).code, 1009)
  }
})

test('text that is not UTF-8 closes with 1007', limit, async (t) => {
  const peer = await Peer.open(t, (await echo(t)).url('ws:'))
  peer.send(Buffer.from([0x68, 0xff]), { binary: false })
  assert.equal((await peer.closed).code, 1007)
})

test('a fragmented message comes back whole, a ping between its fragments is answered', limit, async (t) => {
  const peer = await Peer.open(t, (await echo(t)).url('ws:'))
  const pong = once(peer.ws, 'pong')
  peer.send('one, ', { fin: false })
  peer.ws.ping('meanwhile')
  peer.send('', { fin: false })
  peer.send('two', { fin: true })
  assert.equal((await peer.next()).text, 'one, two')
  assert.equal(String((await pong)[0]), 'meanwhile')
})

test('a pong carries the payload of its ping', limit, async (t) => {
  const { ws } = await Peer.open(t, (await echo(t)).url('ws:'))
  for (const payload of ['', 'p', randomBytes(125)]) {
    const pong = once(ws, 'pong')
    ws.ping(payload)
    assert.ok((await pong)[0].equals(Buffer.from(payload)))
  }
})

test('the code of a close comes back', limit, async (t) => {
  const url = (await echo(t)).url('ws:')
  for (const [code, reason] of [[1000, 'done'], [1001, ''], [3000, 'grüße'], [4999, 'r'.repeat(123)]]) {
    const peer = await Peer.open(t, url)
    peer.ws.close(code, reason)
    const got = await peer.closed
    assert.equal(got.code, code)
    assert.ok(['', reason].includes(got.reason), `reason ${got.reason}`)
  }
  const peer = await Peer.open(t, url)
  peer.ws.close()
  assert.equal((await peer.closed).code, 1005, 'a close without a code is answered without one')
})

test('no sub-protocol is chosen, asked for or not', limit, async (t) => {
  const url = (await echo(t)).url('ws:')
  assert.equal((await Peer.open(t, url)).ws.protocol, '')
  await assert.rejects(Peer.open(t, url, ['chat.v1']), /no subprotocol/)
})

for (const mode of ['message', 'context']) {
  test(`-compress ${mode}: compressed messages come back as sent`, limit, async (t) => {
    const url = (await echo(t, ['-compress', mode])).url('ws:')
    const peer = await Peer.open(t, url, [], { perMessageDeflate: { threshold: 0 } })
    assert.match(peer.ws.extensions, /^permessage-deflate/)
    for (let i = 0; i < 50; i++) await roundTrip(peer, `{"id":${i},"text":"the same words again and again"}`)
    for (const length of [0, 1, 126, 70_000, 1_000_000]) {
      await roundTrip(peer, 'abc'.repeat(length / 3))
      await roundTrip(peer, randomBytes(length))
    }
    peer.send('one, '.repeat(100), { fin: false })
    peer.send('two', { fin: true })
    assert.equal((await peer.next()).text, 'one, '.repeat(100) + 'two')
  })

  test(`-compress ${mode}: what repeats itself is short on the wire`, limit, async (t) => {
    const url = (await echo(t, ['-compress', mode])).url('ws:')
    const peer = await Peer.open(t, url) // the library's own defaults
    const before = peer.bytesRead
    await roundTrip(peer, 'all work and no play '.repeat(10_000))
    assert.ok(peer.bytesRead - before < 21_000, `${peer.bytesRead - before} bytes for 210,000`)
  })

  test(`-compress ${mode}: a message over the limit once inflated closes with 1009`, limit, async (t) => {
    const peer = await Peer.open(t, (await echo(t, ['-compress', mode])).url('ws:'))
    peer.send(Buffer.alloc(MiB + 1))
    assert.equal((await peer.closed).code, 1009)
  })

  test(`-compress ${mode}: a client that offers no compression gets none`, limit, async (t) => {
    const url = (await echo(t, ['-compress', mode])).url('ws:')
    const peer = await Peer.open(t, url, [], { perMessageDeflate: false })
    assert.equal(peer.ws.extensions, '')
    await roundTrip(peer, 'plain '.repeat(1000))
  })
}

test('-compress off: an offer is not taken', limit, async (t) => {
  const peer = await Peer.open(t, (await echo(t, ['-compress', 'off'])).url('ws:'))
  assert.equal(peer.ws.extensions, '')
  await roundTrip(peer, 'plain '.repeat(1000))
})

for (const mode of ['off', 'context']) {
  test(`-compress ${mode}: 2,000 messages sent at once come back in order`, limit, async (t) => {
    const peer = await Peer.open(t, (await echo(t, ['-compress', mode])).url('ws:'))
    const message = (i) => (i % 3 ? `message ${i} ${'.'.repeat(i % 300)}` : Buffer.from(`binary ${i}`))
    for (let i = 0; i < 2000; i++) peer.send(message(i))
    for (let i = 0; i < 2000; i++) {
      const got = await peer.next()
      assert.equal(got.binary, i % 3 === 0)
      assert.equal(got.text, String(message(i)))
    }
  })
}

test('TLS with the temporary certificate', limit, async (t) => {
  const server = await start(t, binary('ICSWS_ECHO'), ['-addr', '', '-tls-addr', '127.0.0.1:0'])
  const url = server.url('wss:')
  await assert.rejects(Peer.open(t, url), /certificate/, 'nobody vouches for it')
  const peer = await Peer.open(t, url, [], { rejectUnauthorized: false })
  await roundTrip(peer, 'secret')
  await roundTrip(peer, randomBytes(MiB))
  peer.ws.close(1000)
  assert.equal((await peer.closed).code, 1000)
})

test('plain and TLS listeners side by side', limit, async (t) => {
  const server = await echo(t, ['-tls-addr', '127.0.0.1:0'], 2)
  await roundTrip(await Peer.open(t, server.url('ws:')), 'plain')
  await roundTrip(await Peer.open(t, server.url('wss:'), [], { rejectUnauthorized: false }), 'secret')
})

test('the banner is the first message', limit, async (t) => {
  const peer = await Peer.open(t, (await echo(t, ['-banner', 'welcome to the echo'])).url('ws:'))
  assert.equal((await peer.next()).text, 'welcome to the echo')
  await roundTrip(peer, 'hello')
})

test('-busy http: the client over the limit gets 503 and when to try again', limit, async (t) => {
  const url = (await echo(t, ['-max-clients', '1', '-busy', 'http'])).url('ws:')
  const first = await Peer.open(t, url)

  const second = new WebSocket(url)
  const [request, response] = await once(second, 'unexpected-response')
  assert.equal(response.statusCode, 503)
  assert.match(response.headers['retry-after'], /^\d+$/)
  request.destroy()

  first.ws.close()
  await first.closed
  await roundTrip(await Peer.openSoon(t, url), 'the place is free again')
})

test('-busy close: the client over the limit is told why, then closed with 1013', limit, async (t) => {
  const url = (await echo(t, ['-max-clients', '1', '-busy', 'close', '-too-busy', 'try later'])).url('ws:')
  const first = await Peer.open(t, url)
  const second = await Peer.open(t, url)
  assert.equal((await second.next()).text, 'try later')
  assert.equal((await second.closed).code, 1013)
  await roundTrip(first, 'still here')
})

test('-busy drop: the client over the limit gets no answer', limit, async (t) => {
  const url = (await echo(t, ['-max-clients', '1', '-busy', 'drop'])).url('ws:')
  const first = await Peer.open(t, url)
  await assert.rejects(Peer.open(t, url), /socket hang up|ECONNRESET/)
  await roundTrip(first, 'still here')
})

test('a message on /broadcast reaches everyone there, the sender included, and nobody else', limit, async (t) => {
  const server = await echo(t)
  const bystander = await Peer.open(t, server.url('ws:', '/'))
  const members = []
  for (let i = 0; i < 4; i++) members.push(await Peer.open(t, server.url('ws:', '/broadcast')))

  for (const [i, sender] of members.entries()) {
    sender.send(`from ${i}`)
    for (const member of members) assert.equal((await member.next()).text, `from ${i}`)
  }
  members[0].send(Buffer.from([1, 2, 3]))
  for (const member of members) assert.deepEqual([...(await member.next()).data], [1, 2, 3])
  await roundTrip(bystander, 'only mine')
})

test('SIGTERM closes everyone with 1001 and ends with exit code 0', limit, async (t) => {
  const server = await echo(t, ['-tls-addr', '127.0.0.1:0'], 2)
  const peers = [
    await Peer.open(t, server.url('ws:')),
    await Peer.open(t, server.url('ws:', '/broadcast')),
    await Peer.open(t, server.url('wss:'), [], { rejectUnauthorized: false }),
  ]
  const code = server.stop('SIGTERM')
  for (const peer of peers) assert.equal((await peer.closed).code, 1001)
  assert.equal(await code, 0)
  await assert.rejects(Peer.open(t, server.url('ws:')), /ECONNREFUSED/)
})
