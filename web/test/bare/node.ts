// A program without a browser, such as one of Node.js: the types need no DOM, but for what
// is declared here, and take a WebSocket in the shape of npm ws.
import { Socket, type Data } from '../../dist/icsws.js'

declare global {
  class URL {}
  interface Blob {}
  interface MessageEvent { data: any }
}

interface Told { target: NodeSocket }

declare class NodeSocket {
  constructor(address: null)
  constructor(address: string | URL, options?: { origin?: string })
  constructor(address: string | URL, protocols?: string | string[], options?: { origin?: string })
  readonly readyState: 0 | 1 | 2 | 3
  readonly bufferedAmount: number
  readonly protocol: string
  binaryType: 'nodebuffer' | 'arraybuffer' | 'fragments' | 'blob'
  onopen: ((e: Told & { type: string }) => void) | null
  onmessage: ((e: Told & { data: string | ArrayBuffer }) => void) | null
  onclose: ((e: Told & { code: number; reason: string; wasClean: boolean }) => void) | null
  onerror: ((e: Told & { error: any; message: string }) => void) | null
  send(data: string | number | ArrayBufferView | ArrayBufferLike, sent?: (error?: Error) => void): void
  close(code?: number, reason?: string | ArrayBufferView): void
}

const socket = new Socket('wss://chat.example/', { WebSocket: NodeSocket, binaryType: 'arraybuffer' })
const bytes: Uint8Array = new Uint8Array(3) // of whatever memory
const data: Data = bytes
socket.send(data)
