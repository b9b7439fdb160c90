// A server of npm ws for the tests of client/dial: see dial_rig_test.go for what it is
// asked for. Its options are the one argument, as JSON.
const { createServer } = require('node:http')
const secure = require('node:https')
const { readFileSync } = require('node:fs')
const { WebSocketServer } = require('ws')

const options = JSON.parse(process.argv[2])
const say = (o) => process.stdout.write(JSON.stringify(o) + '\n')

const http = options.cert
  ? secure.createServer({ cert: readFileSync(options.cert), key: readFileSync(options.key) })
  : createServer()

const deflate = options.deflate && {
  threshold: 0,
  serverMaxWindowBits: options.deflate.server || undefined,
  clientMaxWindowBits: options.deflate.client || undefined,
}

const server = new WebSocketServer({
  server: http,
  maxPayload: 64 << 20,
  perMessageDeflate: deflate || false,
  handleProtocols: (offered) => (offered.has('chat.v2') ? 'chat.v2' : false),
})

const commands = {
  fragments(socket, size, text) {
    const n = Number(size)
    for (let i = 0; i < text.length; i += n) socket.send(text.slice(i, i + n), { fin: i + n >= text.length })
  },
  ping(socket, payload) { socket.ping(payload) },
  close(socket, code, reason) { socket.close(Number(code), reason) },
  headers(socket) { socket.send(JSON.stringify(socket.headers)) },
  protocol(socket) { socket.send(socket.protocol) },
}

server.on('connection', (socket, request) => {
  socket.headers = request.headers
  socket.on('error', () => {})
  socket.on('pong', (payload) => socket.send('pong ' + payload))
  socket.on('close', (code, reason) => say({ closed: code, reason: String(reason) }))
  socket.on('message', (data, binary) => {
    if (binary || data[0] !== 0x21) return socket.send(data, { binary })
    const [name, first, ...rest] = data.toString().slice(1).split(' ')
    commands[name](socket, first, rest.join(' '))
  })
})

http.listen(options.port, '127.0.0.1', () => say({ ready: http.address().port }))
