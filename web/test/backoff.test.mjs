// The machine without a socket: the vectors that the Go client has too.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { Backoff, returnHint } from '../dist/icsws.js'

const read = (path) => JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'))
const { vectors } = read('testdata/reconnect.json')
const hints = read('client/testdata/returnhint.json')

const OPTIONS = new Map([
  ['minWaitMs', 'minWait'], ['maxWaitMs', 'maxWait'], ['jitter', 'jitter'], ['stableAfterMs', 'stableAfter'],
  ['maxAttempts', 'maxAttempts'], ['maxHintMs', 'maxHint'], ['stopCodes', 'stopCodes'], ['reconnect', 'reconnect'],
])

function options(of) {
  return Object.fromEntries(Object.entries(of).map(([name, value]) => {
    assert.ok(OPTIONS.has(name), `no option ${name}`)
    return [OPTIONS.get(name), value]
  }))
}

// end is the step as the socket reports it.
function end({ event, code = 1006, reason = '', remote = false, openMs = 0 }) {
  assert.match(event, /^(failed|closed)$/)
  return { opened: event === 'closed', code, reason, remote, openMs }
}

// X-12, D-05, D-08
const ours = vectors.filter(({ steps }) => !steps.some((step) => step.go))
for (const { name, options: o, steps } of ours) {
  test(name, () => {
    let random
    const backoff = new Backoff({ ...options(o), random: () => random })
    for (const [i, step] of steps.entries()) {
      random = step.random
      const { wait, stop } = backoff.next(end(step))
      assert.deepEqual(stop ? { stop } : { waitMs: wait }, step.want, `step ${i}`)
    }
  })
}

test('most vectors are for browsers', () => {
  assert.ok(ours.length >= 40, `${ours.length} of ${vectors.length}`)
})

for (const { reason, ms } of hints.read) {
  test(`the hint of ${JSON.stringify(reason)} is ${ms}`, () => {
    assert.equal(returnHint(reason) ?? null, ms)
  })
}

test('every millisecond of a hint counts', () => {
  for (let ms = 0; ms <= 86_400_000; ms += 1 + ms % 997) assert.equal(returnHint(`retry-after=${(ms / 1000).toFixed(3)}`), ms)
})

test('what Go writes is read', () => {
  for (const { want } of hints.write) {
    const [, seconds] = /(?:^|; )retry-after=([\d.]+)$/.exec(want) ?? []
    assert.equal(returnHint(want), seconds && Math.round(seconds * 1000), want)
  }
})

test('without options there are defaults, and chance is that of the system', (t) => {
  t.mock.method(Math, 'random', () => 0.5)
  const backoff = new Backoff()
  const lost = { opened: false, code: 1006, reason: '', remote: false, openMs: 0 }
  assert.deepEqual(backoff.next(lost), { wait: 50, hint: 0 })
  assert.equal(backoff.failures, 1)
  assert.deepEqual(new Backoff({ minWait: undefined, jitter: undefined }).next(lost), { wait: 50, hint: 0 })
})

test('a failed attempt is never stable', () => {
  const backoff = new Backoff({ stableAfter: 0, jitter: -1 })
  const lost = { opened: false, code: 1006, reason: '', remote: false, openMs: 0 }
  assert.deepEqual([1, 2, 3].map(() => backoff.next(lost).wait), [100, 200, 400])
  assert.deepEqual([1, 2].map(() => backoff.next({ ...lost, opened: true }).wait), [100, 100])
})

test('jitter above 1 is 1', () => {
  const backoff = new Backoff({ jitter: 7, random: () => 0.5 })
  assert.equal(backoff.next({ opened: false, code: 1006, reason: '', remote: false, openMs: 0 }).wait, 50)
})

test('the rule decides in place of the codes', () => { // D-05
  const asked = []
  const backoff = new Backoff({ jitter: -1, shouldReconnect: (e) => asked.push(e) && e.code !== 4000 })
  const closed = { opened: true, code: 1008, reason: 'no', remote: true, openMs: 7 }
  assert.deepEqual(backoff.next(closed), { wait: 100, hint: 0 })
  assert.deepEqual(backoff.next({ ...closed, code: 4000 }), { wait: 0, hint: 0, stop: 'rule' })
  assert.deepEqual(asked, [closed, { ...closed, code: 4000 }])
})

for (const [name, options, want] of [
  ['a first wait of nothing grows, too', { minWait: 0 }, [1, 2, 4, 8]],
  ['the longest wait is the first at least', { minWait: 300, maxWait: 0 }, [300, 300, 300]],
  ['a wait that is no number is long', { minWait: NaN }, [10_000, 10_000]],
  ['so is one that chance spoils', { jitter: 1, random: () => NaN }, [10_000, 10_000]],
  ['the most of a hint that is no number is none', { maxHint: NaN }, [100, 200]],
]) {
  test(`no option makes a storm: ${name}`, () => { // D-08
    const backoff = new Backoff({ jitter: -1, ...options })
    const lost = { opened: false, code: 1006, reason: '', remote: false, openMs: 0 }
    assert.deepEqual(want.map(() => backoff.next(lost).wait), want)
  })
}
