// The page of the files: one connection, and one transfer at a time over it. Further
// ones wait, also for the connection.

import { Download } from './download.js'
import { Link } from './link.js'
import { Upload } from './upload.js'
import { TransferRow, bytes, shelf } from './view.js'

const $ = (id) => document.getElementById(id)

const waiting = [] // transfers
let current = null
let ready = false // the server has let us in, and hears

const link = new Link({
  lost(reason) {
    ready = false
    show('not connected')
    tell(reason ? `Closed: ${reason}. Trying again.` : 'Not connected. Trying again.')
    current?.fail('The connection was lost.')
  },
  note(note) {
    if (note.kind !== 'files') return current?.take(note)
    ready = true
    show('connected')
    tell('')
    $('limit').textContent = `Up to ${bytes(note.size)} each.`
    shelf(note.files ?? [], download)
    next()
  },
  bytes(buffer) { current?.bytes(buffer) },
})

function show(state) {
  $('status').textContent = state
  document.body.dataset.state = state
}

function tell(text) {
  $('why').textContent = text
  $('why').hidden = !text
}

// What the reader wants.

function upload(file) {
  const row = new TransferRow('upload', file.name, () => cancel(transfer))
  const transfer = new Upload(link, row, file)
  add(transfer)
}

function download({ name }) {
  const row = new TransferRow('download', name, () => cancel(transfer))
  const transfer = new Download(link, row, name)
  add(transfer)
}

function add(transfer) {
  transfer.ended = () => {
    current = null
    next()
  }
  waiting.push(transfer)
  next()
}

function next() {
  if (current || !ready) return
  current = waiting.shift() ?? null
  current?.start()
}

function cancel(transfer) {
  if (transfer === current) return transfer.cancel()
  waiting.splice(waiting.indexOf(transfer), 1)
  transfer.row.cancelled()
}

$('pick').addEventListener('change', () => {
  for (const file of $('pick').files) upload(file)
  $('pick').value = '' // so that the same file can be chosen again
})

// Files may be dropped everywhere; without this the browser would open them.
let over = 0 // elements that the pointer is in with files
const hasFiles = (e) => e.dataTransfer?.types.includes('Files')
const hover = (n) => {
  over = n
  document.body.classList.toggle('over', over > 0)
}
addEventListener('dragenter', (e) => { if (hasFiles(e)) hover(over + 1) })
addEventListener('dragleave', (e) => { if (hasFiles(e)) hover(over - 1) })
addEventListener('dragover', (e) => { if (hasFiles(e)) e.preventDefault() })
addEventListener('drop', (e) => {
  hover(0)
  if (!hasFiles(e)) return
  e.preventDefault()
  for (const file of e.dataTransfer.files) upload(file)
})

addEventListener('beforeunload', (e) => { if (current || waiting.length > 0) e.preventDefault() })
