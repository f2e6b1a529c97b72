"""A private redis-server on a Unix socket, which can be killed and started again."""
import mmap, os, re, struct, subprocess, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from redis_link import Failure, wait_ready
from server_clock import compile_clock

QUEUE = 'jobrunner:{default}:'


class Server:
    """`arguments` are redis-server's; with `clock` its TIME can be moved: see `shift`; `wrap` starts it."""

    def __init__(self, directory, *arguments, clock=False, wrap=()):
        self.dir = os.path.join(directory, 'redis')
        os.mkdir(self.dir)
        self.path, self.arguments, self.env = os.path.join(directory, 's'), arguments, dict(os.environ)
        self.process, self.memory, self.wrap = None, None, wrap
        self.queues = [QUEUE]      # prefixes of the keys of those that are used
        if clock:
            file = os.path.join(directory, 'clock')
            with open(file, 'wb') as f: f.write(bytes(8))
            self.file = open(file, 'r+b')
            self.memory = mmap.mmap(self.file.fileno(), 8)
            self.env.update(LD_PRELOAD=compile_clock(directory), FAULT_CLOCK=file, FAULT_CLOCK_RUNS='1')
        self.start()

    def start(self, *more):
        if os.path.exists(self.path): os.unlink(self.path)
        self.process = subprocess.Popen(
            [*self.wrap, 'redis-server', '--port', '0', '--unixsocket', self.path, '--save', '', '--dir', self.dir, '--appendonly', 'no',
             '--loglevel', 'warning', '--logfile', os.path.join(self.dir, 'log'), '--auto-aof-rewrite-percentage', '0',
             '--enable-protected-configs', 'yes', '--maxclients', '2000', *self.arguments, *more],
            env=self.env, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.link = wait_ready(self.process, self.path)
        # A user of our own: faults take rights from `default`, which the workers are.
        self.link.call('ACL', 'SETUSER', 'admin', 'on', '>admin', '~*', '&*', '+@all')
        self.link.call('AUTH', 'admin', 'admin')

    def start_slowly(self):
        """Starts it so that it loads its append-only file for about two seconds, and answers LOADING meanwhile."""
        with open(self.log(), 'rb') as f: commands = f.read().count(b'\n*')
        # Sleeps at one command of so many, 60 us or a little more each.
        self.start('--key-load-delay', str(-max(1, commands * 60 // 2_000_000)))

    def lose_directory(self):
        """Where it writes is gone: snapshots fail."""
        gone = os.path.join(self.dir, 'gone')
        os.mkdir(gone)
        self.call('CONFIG', 'SET', 'dir', gone)
        os.rmdir(gone)

    def kill(self):
        """SIGKILL: what the process has not written is gone."""
        self.process.kill(); self.process.wait()
        self.link.close()

    def stop(self):
        if self.process and self.process.poll() is None: self.kill()
        if self.memory: self.memory.close(); self.file.close(); self.memory = None

    def call(self, *words): return self.link.call(*words)

    def pipeline(self, commands):
        self.link.send_all(commands)
        return [self.link.read() for _ in commands]

    def info(self, section):
        return dict(l.split(':', 1) for l in self.call('INFO', section).split('\r\n') if ':' in l)

    def refusals(self, code):
        """How many commands were answered with this error so far."""
        return int(self.info('errorstats').get('errorstat_' + code, 'count=0').split('=')[1])

    def rejected(self, command):
        """How often a command was refused unexecuted since it started."""
        line = self.info('commandstats').get('cmdstat_' + command, '')
        return int(dict(p.split('=') for p in line.strip().split(',') if '=' in p).get('rejected_calls', 0))

    def shift(self, ms):
        """The server's clock is now so much ahead of the real one."""
        self.memory[:8] = struct.pack('q', ms * 1000)

    # Of the append-only file.

    def log(self): return os.path.join(self.dir, 'appendonlydir', 'appendonly.aof.1.incr.aof')

    def torn(self):
        """Ids in transactions that Redis cut off in their middle at one start, and ran at a later one.

        Redis 7.0 truncates a log that ends within a command behind the last whole one, also within
        MULTI; what is written next completes that transaction. (Mended in Valkey by its change 4342.)
        """
        with open(os.path.join(self.dir, 'log')) as f:
            if 'MULTI calls can not be nested' not in f.read(): return set()
        with open(self.log(), 'rb') as f: log = f.read()
        ids, at, begin = set(), 0, None
        while at < len(log):
            start, end = at, log.index(b'\r\n', at)
            words, at = int(log[at + 1:end]), end + 2
            for word in range(words):
                end = log.index(b'\r\n', at)
                at = end + 2 + int(log[at + 1:end]) + 2
                if word == 0: name = log[end + 2:at - 2]
            if name == b'MULTI':
                if begin is not None: ids |= set(re.findall(rb'"id":"([\w.-]+)"', log[begin:start]))
                begin = start
            elif name == b'EXEC': begin = None
        return {i.decode() for i in ids}

    def cut(self, size):
        """Power loss: the log of a dead server ends at this byte.

        A transaction cut in half is taken off as an operator would: Redis 7.0 itself starts but
        leaves it in the file, which spoils the start after next.
        """
        os.truncate(self.log(), size)
        manifest = os.path.join(self.dir, 'appendonlydir', 'appendonly.aof.manifest')
        subprocess.run(['redis-check-aof', '--fix', manifest], input=b'y\n', stdout=subprocess.DEVNULL, check=True)

    # Of the queue.

    def keys(self, pattern='*'):
        found, cursor = [], '0'
        while True:
            cursor, page = self.call('SCAN', cursor, 'MATCH', pattern, 'COUNT', 5000)
            found += page
            if cursor == '0': return found

    def is_drained(self, workers):
        """Nothing waits, nothing is held, and of workers only `workers` are known."""
        for q in self.queues:
            counts = self.pipeline([('LLEN', q + 'ready'), ('LLEN', q + 'landing'), ('ZCARD', q + 'scheduled'), ('ZCARD', q + 'reaping'), ('ZCARD', q + 'workers')])
            if any(isinstance(c, Failure) for c in counts): return False
            if counts[:4] != [0] * 4 or counts[4] > workers or self.keys(q + 'active:*'): return False
        return True
