// Package web has the client for browsers: a WebSocket that connects again, as one
// script without dependencies. A server embeds it and serves it to its own pages:
//
//	mux.Handle("/icsws.js", web.Handler())
//
//	<script type="module">
//	  import { Socket } from '/icsws.js'
//	  const socket = new Socket('/chat', { queueBytes: 65536 })
//	  socket.onmessage = (e) => console.log(e.data)
//	</script>
//
// docs/browser.md says what it can do. Its source, in TypeScript, is in src, and
// "npm run build" makes dist of it. It has the rules of reconnection in common with
// client/dial, the client for Go.
package web
