"""A TCP proxy before Redis that loses, cuts, delays and rewrites: asyncio in a thread of its own.

What it does is set by plain attributes, which the test changes while it runs:

    lose     probability that a reply is thrown away and its connection reset: executed, not told
    tear     probability that a reply is cut somewhere in its middle and the connection reset
    dribble  replies go one byte at a time
    delay    most seconds a reply is held back; the time is drawn anew for each
    hole     True: nothing passes in either direction, and no connection is closed (half-open);
             what was sent into it arrives when it ends, perhaps after its sender gave up
    swap     {digest: digest} to replace in the commands: EVALSHA then runs another script
"""
import asyncio, random, socket, struct, threading


class Swapper:
    """Replaces digests in a stream of bytes, also where one lies across two reads."""

    def __init__(self, pairs):
        self.pairs, self.kept = pairs, b''

    def __call__(self, data):
        if not self.pairs: return data
        data, self.kept = self.kept + data, b''
        for old, new in self.pairs.items(): data = data.replace(old, new)
        for length in range(min(39, len(data)), 0, -1):
            if any(old.startswith(data[-length:]) for old in self.pairs):
                data, self.kept = data[:-length], data[-length:]
                break
        return data


class Proxy:
    def __init__(self, upstream, seed=0, on_fault=lambda kind: None):
        self.upstream, self.rng, self.on_fault = upstream, random.Random(seed), on_fault
        self.lose = self.tear = self.delay = 0.0
        self.dribble = self.hole = False
        self.swap = {}
        self.count, self.writers = 0, set()
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(ready,))
        self.thread.start()
        if not ready.wait(10): raise SystemExit('the proxy does not start')

    @property
    def url(self): return f'redis://127.0.0.1:{self.port}'

    def _run(self, ready):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self._accept, '127.0.0.1', 0, limit=1 << 20))
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        self.loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self.loop): task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    def stop(self):
        if not self.loop.is_closed(): self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    def calm(self):
        """No more faults; the digests stay swapped."""
        self.lose = self.tear = self.delay = 0.0
        self.dribble = self.hole = False

    def cut_all(self):
        """Resets every connection."""
        self.loop.call_soon_threadsafe(lambda: [self._reset(w) for w in list(self.writers)])
        self._fault('cut')

    def _fault(self, kind):
        self.count += 1
        self.on_fault(kind)

    def _reset(self, writer):
        sock = writer.get_extra_info('socket')
        if sock and sock.fileno() >= 0: sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        writer.transport.abort()

    async def _accept(self, reader, writer):
        self.writers.add(writer)
        back = None
        try:
            back_reader, back = await asyncio.open_unix_connection(self.upstream, limit=1 << 20)
            pumps = [asyncio.create_task(self._commands(reader, back)), asyncio.create_task(self._replies(back_reader, writer))]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps: pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        except (OSError, asyncio.CancelledError): pass
        finally:
            self.writers.discard(writer)
            self._reset(writer)
            if back: back.close()

    async def _open(self):
        while self.hole: await asyncio.sleep(0.02)

    async def _commands(self, reader, writer):
        swapper = Swapper(self.swap)
        try:
            while data := await reader.read(1 << 18):
                await self._open()
                writer.write(swapper(data))
                await writer.drain()
        except OSError: pass

    async def _replies(self, reader, writer):
        try:
            while data := await reader.read(1 << 18):
                await self._open()
                luck = self.rng.random()
                if luck < self.lose: return self._fault('lost-reply')
                if luck < self.lose + self.tear:
                    writer.write(data[:self.rng.randrange(len(data))])
                    await writer.drain()
                    await asyncio.sleep(0.01)       # so that it leaves before the reset
                    return self._fault('torn-reply')
                if self.delay: await asyncio.sleep(self.rng.random() * self.delay)
                if self.dribble and len(data) < 4096:
                    for i in range(len(data)):
                        writer.write(data[i:i + 1])
                        await writer.drain()
                        if i % 16 == 0: await asyncio.sleep(0)
                else: writer.write(data)
                await writer.drain()
        except OSError: pass
