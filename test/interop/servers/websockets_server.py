"""A server of python3-websockets for the tests of client/dial: see dial_rig_test.go for
what it is asked for. Its options are the one argument, as JSON."""

import asyncio
import json
import ssl
import sys

import websockets
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

options = json.loads(sys.argv[1])


def say(**what):
    print(json.dumps(what), flush=True)


async def pong(socket, payload):
    await (await socket.ping(payload))
    await socket.send("pong " + payload)


async def command(socket, text):
    name, first, rest = (text[1:].split(" ", 2) + ["", ""])[:3]
    if name == "fragments":
        size = int(first)
        await socket.send([rest[i : i + size] for i in range(0, len(rest), size)])
    elif name == "ping":
        socket.asked = asyncio.create_task(pong(socket, first))
    elif name == "close":
        await socket.close(int(first), rest)
    elif name == "headers":
        await socket.send(json.dumps({k.lower(): v for k, v in socket.request_headers.raw_items()}))
    elif name == "protocol":
        await socket.send(socket.subprotocol or "")


async def handle(socket):
    try:
        async for message in socket:
            if isinstance(message, str) and message.startswith("!"):
                await command(socket, message)
            else:
                await socket.send(message)
    except websockets.ConnectionClosed:
        pass
    finally:
        await socket.wait_closed()
        say(closed=socket.close_code, reason=socket.close_reason)


async def main():
    tls, extensions, deflate = None, None, options.get("deflate")
    if options.get("cert"):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options["cert"], options["key"])
    if deflate is not None:
        extensions = [
            ServerPerMessageDeflateFactory(
                server_max_window_bits=deflate.get("server") or None,
                client_max_window_bits=deflate.get("client") or None,
            )
        ]
    async with websockets.serve(
        handle, "127.0.0.1", options["port"], ssl=tls, compression=None, extensions=extensions,
        subprotocols=["chat.v2"], max_size=64 << 20, max_queue=None, ping_interval=None,
    ) as server:
        say(ready=server.sockets[0].getsockname()[1])
        await asyncio.Future()


asyncio.run(main())
