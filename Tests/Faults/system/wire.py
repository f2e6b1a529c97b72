"""Two networks and a bad wire between them: packets lost, delayed and overtaken, by a seed.

Each end is a network namespace with one TUN device in it; a thread here carries the packets from
one to the other. So it needs neither the kernel's netem, which many kernels are built without, nor
any device of the machine. The namespaces have no names: each is held by a process that ends when
its input does, so they go with this process, however it ends. Needs root.
"""
import fcntl, heapq, os, random, select, shutil, struct, subprocess, threading, time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
MTU = 1400


class Refused(Exception):
    """This machine does not let us make such a network; the text says why."""


class End:
    """A namespace with an address; `wrap` runs a command in it."""

    def __init__(self, name, address):
        self.address = address
        self.fd = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
        self.holder = None
        try:
            fcntl.ioctl(self.fd, TUNSETIFF, struct.pack('16sH22x', name.encode(), IFF_TUN | IFF_NO_PI))
            # The line comes when it is in its namespace.
            self.holder = subprocess.Popen(['unshare', '--net', 'sh', '-c', 'echo; cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            if self.holder.stdout.readline() != '\n': raise Refused(self.holder.stderr.read().strip()[:80])
            self.wrap = ('nsenter', '-t', str(self.holder.pid), '--net')
            self._do('ip', 'link', 'set', name, 'netns', str(self.holder.pid))
            self._do(*self.wrap, 'ip', 'address', 'add', f'{address}/24', 'dev', name)
            for device in ('lo', name): self._do(*self.wrap, 'ip', 'link', 'set', device, 'mtu', str(MTU), 'up')
        except BaseException:
            self.close()
            raise

    def _do(self, *words):
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode: raise Refused(f'{" ".join(words[-6:])}: {done.stderr.strip()[:80]}')

    def close(self):
        os.close(self.fd)
        if self.holder:
            self.holder.kill()
            self.holder.communicate()


class Wire:
    """`loss` is a probability, `delay` and `jitter` are seconds; all may be changed while it runs."""

    def __init__(self, seed, loss=0.1, delay=0.1, jitter=0.05):
        reason = self._missing()
        if reason: raise Refused(reason)
        self.rng, self.loss, self.delay, self.jitter = random.Random(seed), loss, delay, jitter
        self.sent = self.lost = self.overtaken = 0
        self.ends = []
        self.over, self.wakeup = False, os.pipe()
        self.thread = threading.Thread(target=self._run)
        try:
            for side in (1, 2): self.ends.append(End(f'jr{os.getpid()}s{side}', f'10.203.0.{side}'))
        except (OSError, Refused) as error:
            self._close()
            raise Refused(str(error))
        self.thread.start()

    @staticmethod
    def _missing():
        if os.geteuid() != 0: return 'not root, which network namespaces need'
        if not os.path.exists('/dev/net/tun'): return 'the kernel has no TUN devices'
        for name in ('ip', 'unshare', 'nsenter'):
            if not shutil.which(name): return f'{name} is not installed (iproute2, util-linux)'
        return None

    def _run(self):
        first, second = self.ends
        towards = {first.fd: second.fd, second.fd: first.fd}
        flying, number, latest = [], 0, {first.fd: 0, second.fd: 0}
        while not self.over:
            wait = max(0, flying[0][0] - time.monotonic()) if flying else None
            ready, _, _ = select.select([*towards, self.wakeup[0]], [], [], wait)
            for fd in ready:
                if fd == self.wakeup[0]: continue
                try: packet = os.read(fd, MTU + 100)
                except BlockingIOError: continue
                number += 1
                self.sent += 1
                if self.rng.random() < self.loss: self.lost += 1; continue
                due = time.monotonic() + max(0, self.delay + self.rng.uniform(-self.jitter, self.jitter))
                heapq.heappush(flying, (due, number, towards[fd], packet))
            while flying and flying[0][0] <= time.monotonic():
                _, serial, fd, packet = heapq.heappop(flying)
                if serial < latest[fd]: self.overtaken += 1
                latest[fd] = max(latest[fd], serial)
                # A device that is full or down drops it, as any would.
                try: os.write(fd, packet)
                except OSError: pass

    def calm(self):
        """Nothing is lost or held back any more."""
        self.loss = self.delay = self.jitter = 0

    def stop(self):
        if self.over: return
        self.over = True
        os.write(self.wakeup[1], b'x')
        self.thread.join(10)
        self._close()

    def _close(self):
        for end in self.ends: end.close()
        for fd in self.wakeup: os.close(fd)
