// What a user writes, compiled against dist alone: build.mjs does it.
import { Backoff, Socket, returnHint } from '../dist/icsws.js'
import type { Closed, Data, Decision, Drop, DropReason, End, Failed, Opened, SocketOptions, Stopped, StopReason } from '../dist/icsws.js'

const options: SocketOptions = {
  protocols: ['chat'], minWait: 200, maxWait: 5000, jitter: 0.2, stableAfter: 1000, maxAttempts: 10, maxHint: 0,
  stopCodes: [1008, 4001], reconnect: true, connectTimeout: 5000, queueBytes: 1 << 16, queueMessages: 100,
  queuePolicy: 'oldest', queueMaxAge: 60_000, binaryType: 'blob', random: () => 0.5, WebSocket, autoStart: false,
  shouldReconnect: (end: End) => end.opened && end.code !== 4001,
  onopen: (e: Opened) => { e.send('login') },
}
const socket = new Socket(async () => new URL('wss://chat.example/'), options)
socket.onmessage = (e) => console.log(e.data)
socket.onclose = ({ code, reason, remote, wasClean, openMs, nextWait, final }: Closed) =>
  console.log(code, reason, remote, wasClean, openMs, nextWait, final)
socket.onerror = ({ attempt, error, nextWait }: Failed) => console.log(attempt, error, nextWait)
socket.ondropped = ({ data, reason }: Drop) => console.log(data, reason satisfies DropReason)
socket.onstop = ({ why, attempts, end }: Stopped) => console.log(why satisfies StopReason, attempts, end?.code)
socket.onstate = null
socket.onstate = undefined
const started: boolean = socket.start()
const messages: Data[] = ['text', new ArrayBuffer(1), new Uint8Array(2), new DataView(new ArrayBuffer(3)), new Blob([])]
const taken: boolean[] = messages.map((m) => socket.send(m))
console.log(started, taken, socket.readyState, socket.url, socket.protocol, socket.bufferedAmount, socket.queuedBytes, socket.nextAttempt, socket.attempt)
socket.retryNow()
socket.close(1000, 'bye')

const decision: Decision = new Backoff({ maxAttempts: 3 }).next({ opened: false, code: 1006, reason: '', remote: false, openMs: 0 })
const hint: number | undefined = returnHint('restart; retry-after=1')
console.log(decision.stop ?? decision.wait, hint)

// @ts-expect-error a policy that is none
new Socket('/', { queuePolicy: 'random' })
// @ts-expect-error numbers are no messages
socket.send(1)
