"""The few words of Redis that the fault tests speak: a connection, and waiting for a server."""
import os, shutil, socket, sys, time


class Failure(Exception):
    """An error reply."""


class Link:
    """One connection to a Unix socket; `call` waits, `send` does not."""

    def __init__(self, path, user=None):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.file = self.sock.makefile('rb')
        if user: self.call('AUTH', user, user)

    def send_all(self, commands):
        out = []
        for words in commands:
            out.append(b'*%d\r\n' % len(words))
            for w in words:
                w = w if isinstance(w, bytes) else str(w).encode()
                out.append(b'$%d\r\n%s\r\n' % (len(w), w))
        self.sock.sendall(b''.join(out))

    def send(self, *words): self.send_all([words])

    def read(self):
        line = self.file.readline()
        if not line: raise ConnectionError
        kind, rest = line[:1], line[1:-2]
        if kind == b'$': return None if rest == b'-1' else self.file.read(int(rest) + 2)[:-2].decode()
        if kind == b':': return int(rest)
        if kind == b'*': return None if rest == b'-1' else [self.read() for _ in range(int(rest))]
        if kind == b'-': return Failure(rest.decode())
        return rest.decode()

    def call(self, *words):
        self.send(*words)
        reply = self.read()
        if isinstance(reply, Failure): raise reply
        return reply

    def close(self):
        self.file.close(); self.sock.close()


def needs(*programs):
    """Says what is missing, before anything is started."""
    for name, package in programs:
        if not shutil.which(name): raise SystemExit(f'{os.path.basename(sys.argv[0])}: needs {name}; on Debian: apt-get install {package}')


def wait_ready(process, path):
    """Until the server answers; it is not told to us, so ask every 5 ms, for 20 s.

    By DBSIZE: a PING that it refuses while it loads is a worker's, see F28.
    """
    for _ in range(4000):
        if process.poll() is not None: raise SystemExit(f'redis-server ended with {process.returncode}')
        try:
            link = Link(path)
            if link.call('DBSIZE') >= 0: return link
            link.close()
        except (OSError, Failure, ConnectionError): pass
        time.sleep(0.005)
    raise SystemExit('redis-server does not answer')
