#!/usr/bin/env python3
"""Randomised check of the queue protocol: the library's own Lua scripts on a real redis-server.

It runs Sources/JobRunner/Store/Scripts/*.lua, not a copy, with clients written here: what it
checks is the protocol, without the Swift code above it. A change to a script has to pass this.

One seed is one run: producers, workers, reapers and supervisors are small state machines; a
random scheduler lets them act one command at a time, which covers every interleaving, as Redis
runs commands and scripts one by one. The server's clock is ours (a preload that replaces
gettimeofday), so leases lapse without waiting. A seed repeats but for HRANDFIELD, which draws on
the server's own luck. A ledger beside the server knows what each call really did, also when the
caller never got the reply. After the run all faults stop, the queue drains, and the ledger is
compared with what is left in the server: every accepted job was acked or is in `dead` with a
reason, and every extra run has a cause among the faults of its profile.

    model.py                       every profile, 50 seeds each (about 5 minutes)
    model.py --profile all --seeds 1000 --first 1
    model.py --controls            take one safety line out at a time: the checker must fail
    model.py --controls 'source'   only those whose name starts so
    model.py --controls --quick    stop each at the first seed that catches it

Needs Linux, Python 3.11 or later, redis-server 7.0 or later and a C compiler (CC, cc, clang
or gcc) for the clock. Nothing else.
"""
import argparse, collections, json, os, random, re, select, shutil, struct, subprocess, sys, tempfile, time, mmap

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from redis_link import Failure, Link, needs, wait_ready
from server_clock import compile_clock, compiler

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..', '..'))
SCRIPTS = os.path.join(ROOT, 'Sources', 'JobRunner', 'Store', 'Scripts')
NAMES = ('enqueue', 'enqueue_many', 'cycle', 'tick', 'promote', 'reap', 'cancel', 'flow', 'enlist', 'advance', 'halt', 'revive', 'adopt', 'unpark', 'take', 'close', 'claim', 'pause', 'purge', 'unlock', 'reschedule', 'find', 'note')
CYCLE = ('ready', 'landing', 'active:%s', 'workers', 'scheduled', 'dead', 'crashes', 'cancelled', 'meta', 'ordered')
TICK = 'workers reaping ready landing scheduled dead cancelled meta parked ordered turns blocked ticks'.split()
PROMOTE = 'scheduled ready ordered turns meta'.split()
ENQUEUE = ('ready', 'scheduled', 'seen:%s', 'ordered', 'turns', 'meta', 'cancelled', 'bell')


def keys_of(names, name): return [n % name if '%' in n else n for n in names]

Q = 'jobrunner:{q}:'
LEASE, SWEEP, LIMIT = 2000, 200, 7                        # a small limit, so that it is met
SOFT, HARD = 3, 5                                         # crash limits: the worker's, the reaper's
WINDOW = 10 ** 11                                         # dedup window and unique TTL: longer than any clock step
START = 1_795_000_000_000_000                             # us

PROFILES = {                     # fault classes at work; DUPLICATES says where an extra run is allowed
    'calm': '', 'network': 'network', 'flush': 'flush', 'clock': 'clock', 'full': 'full',
    'restart': 'restart', 'stop': 'stop', 'kill': 'kill', 'freeze': 'freeze', 'abort': 'abort', 'rollback': 'rollback network',
    'kill+abort': 'kill abort', 'all': 'network flush clock full stop kill freeze', 'all+abort': 'network flush clock full stop kill freeze abort',
}
DUPLICATES = {'kill', 'freeze', 'abort', 'rollback'}


class Wrong(Exception):
    """The protocol broke a promise."""


def source(name):
    """The text of a script of the library, with what it includes."""
    with open(os.path.join(SCRIPTS, name + '.lua')) as f: text = f.read()
    return re.sub('-- include (.*)\n', lambda found: source(found[1]), text)


class Server:
    def __init__(self, aof=False):
        needs(('redis-server', 'redis-server'), ('redis-check-aof', 'redis-tools'), (compiler(), 'gcc libc6-dev'))
        self.dir, self.aof = tempfile.mkdtemp(prefix='jobrunner-model-'), aof
        self.path, clock = self.dir + '/s', self.dir + '/clock'
        with open(clock, 'wb') as f: f.write(struct.pack('q', START))
        self.file = open(clock, 'r+b')
        self.memory = mmap.mmap(self.file.fileno(), 8)
        self.env = dict(os.environ, LD_PRELOAD=compile_clock(self.dir), FAULT_CLOCK=clock)
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ['redis-server', '--port', '0', '--unixsocket', self.path, '--save', '', '--dir', self.dir, '--loglevel', 'warning',
             '--appendonly', 'yes' if self.aof else 'no', '--appendfsync', 'always', '--auto-aof-rewrite-percentage', '0',
             '--enable-debug-command', 'yes', '--logfile', self.dir + '/log'], env=self.env)
        link = wait_ready(self.process, self.path)
        link.call('ACL', 'SETUSER', 'admin', 'on', '>admin', '~*', '&*', '+@all')
        link.call('DEBUG', 'SET-ACTIVE-EXPIRE', 0)     # expiry by our clock only, so that digests compare
        link.close()

    def log(self): return self.dir + '/appendonlydir/appendonly.aof.1.incr.aof'
    def size(self): return os.path.getsize(self.log()) if self.aof else 0

    def crash(self, keep=None):
        self.process.kill(); self.process.wait()
        if os.path.exists(self.path): os.unlink(self.path)
        if keep is not None:
            os.truncate(self.log(), keep)      # Redis 7.0 leaves a torn MULTI in the log, which spoils the next start: mend it as an operator would
            subprocess.run(['redis-check-aof', '--fix', self.dir + '/appendonlydir/appendonly.aof.manifest'], input=b'y\n', stdout=subprocess.DEVNULL, check=True)
        self.start()

    def now(self): return struct.unpack('q', self.memory[:8])[0]
    def set(self, us): self.memory[:8] = struct.pack('q', us)

    def stop(self):
        self.process.kill(); self.process.wait()
        self.memory.close(); self.file.close(); shutil.rmtree(self.dir)


class Held:
    """A job in a worker's hands."""
    def __init__(self, tag, raw, lost=0, cancelled=False, adopted=False):
        self.tag, self.raw, self.lost, self.cancelled, self.adopted = tag, raw, lost, cancelled, adopted
        self.n = number(raw)
        self.run = None            # ledger record of the handler's run
        self.ack = None            # (kind, writes, keys), once it ended


class Worker:
    def __init__(self, name):
        self.name, self.joined, self.dead, self.frozen = name, False, False, 0
        self.held, self.resend, self.reconcile, self.reap, self.cancels = {}, [], False, [], None
        self.link = self.block = None
        self.beat = self.mute = self.floor = 0


def number(raw): return json.loads(raw)['n']


class World:
    def __init__(self, server, seed, profile, scripts, steps=400, lazy=()):
        self.s, self.rng, self.seed, self.profile, self.scripts, self.steps, self.lazy = server, random.Random(seed), seed, profile, scripts, steps, lazy
        self.faults = set(PROFILES[profile].split())
        self.strict = not self.faults & {'abort', 'rollback'}
        self.links()
        self.admin.call('FLUSHALL'); self.admin.call('SCRIPT', 'FLUSH')
        self.shas, self.step, self.serial, self.jobs = {}, 0, 0, 0
        self.spec, self.events, self.runs = {}, [], []
        self.maybe, self.fences, self.last = set(), {}, 0
        self.late, self.ghosts, self.producers, self.doomed = [], [], [], []
        self.calm, self.paused, self.oom, self.count = False, False, 0, collections.Counter()
        self.holders, self.reported = {}, collections.defaultdict(set)
        self.workers = [self.worker() for _ in range(4)]

    def links(self):
        self.admin, self.app = Link(self.s.path, 'admin'), Link(self.s.path)

    # The ledger.

    def note(self, kind, n):
        self.events.append((kind, n, self.s.size()))
        self.count[kind] += 1

    def tally(self, kind): return collections.Counter(n for k, n, _ in self.events if k == kind)

    # Calls: execute on the server, tell the ledger, then perhaps lose the reply.

    def script(self, name, keys, args, link=None):
        link = link or self.app
        words = (len(keys), *[Q + k for k in keys], *args)
        for _ in range(2):
            try: return link.call('EVALSHA', self.shas.get(name, '0' * 40), *words)
            except Failure as error:
                if not str(error).startswith('NOSCRIPT'): raise
                self.shas[name] = self.admin.call('SCRIPT', 'LOAD', self.scripts[name])

    def faulty(self, action, fragile=0.2):
        """Runs `action`; None means that the caller does not know what happened."""
        if self.calm: return action()
        luck = self.rng.random()
        if 'network' in self.faults:
            if luck < 0.03: self.count['never sent'] += 1; return None
            if luck < 0.06:
                self.count['executed late'] += 1
                self.late.append((self.step + self.rng.randint(1, 60), action)); return None
            if luck < 0.10: self.count['reply lost'] += 1; self.guard(action); return None
        if 'abort' in self.faults and luck > 1 - fragile and not self.oom: return self.broken(action)
        return self.guard(action)

    def guard(self, action):
        try: return action()
        except Failure as error:
            if self.oom and 'OOM' in str(error): self.count['refused, full'] += 1; return None
            raise

    def broken(self, action):
        """One command of the script is forbidden, or one key has another type: it stops half-way."""
        if self.rng.random() < 0.7:
            word = self.rng.choice('hset ltrim hdel zadd zrem rpush lpush set hincrby hlen lmove srem hsetnx'.split())
            begin, end = ('ACL', 'SETUSER', 'default', '-' + word), ('ACL', 'SETUSER', 'default', '+@all')
        else:
            key = Q + self.rng.choice('crashes cancelled dead scheduled landing reaping ready unique:u0 unique:u1'.split())
            if self.admin.call('EXISTS', key): return self.guard(action)
            begin, end = ('SET', key, 'x'), ('DEL', key)
        self.admin.call(*begin)
        try: return action()
        except Failure as error:
            if not any(w in str(error) for w in ('WRONGTYPE', 'NOPERM', "can't run this command")): raise
            self.count['aborted'] += 1; return None
        finally:
            if end[0] == 'DEL':
                if self.admin.call('TYPE', end[1]) == 'string': self.admin.call(*end)
            else: self.admin.call(*end)

    # Producers.

    def job(self, foreign=False, **spec):
        self.jobs += 1
        n = self.jobs
        spec.setdefault('id', f'j{n}')
        luck = self.rng.random()
        spec.setdefault('poison', luck < 0.02)
        spec.setdefault('fails', self.rng.choice((0, 0, 0, 0, 0, 1, 2, 9)))
        self.spec[n] = dict(spec, n=n, foreign=foreign)
        # Behind the id: what gives it a rank among those that wait.
        spec.setdefault('rank', self.rng.choice(('', '', '', '"priority":%d,' % self.rng.randint(1, 9), '"fair":"t%d",' % self.rng.randint(0, 3),
                                                 '"priority":3,"fair":"t1",')))
        self.spec[n]['rank'] = spec['rank']
        return n, (json.dumps({'job': 'x', 'n': n}) if foreign else '{"id":"%s",%s"job":"x","n":%d,"attempt":1}' % (spec['id'], spec['rank'], n))

    def produce(self):
        luck = self.rng.random()
        if luck < 0.1:
            n, raw = self.job(foreign=True)
            action = lambda: (self.app.call('LPUSH', Q + 'ready', raw), self.note('accept', n))
            try: action()
            except Failure as error:
                if 'OOM' not in str(error): raise
            return
        if luck < 0.2: return self.open_group()
        if luck < 0.3:
            batch = [self.job() for _ in range(self.rng.randint(1, 5))]
            def action():
                try:
                    got = self.script('enqueue_many', ['ready'] + ['seen:' + self.spec[n]['id'] for n, _ in batch], [WINDOW, 0] + [r for _, r in batch])
                except Failure:
                    for n, _ in batch: self.maybe.add(n)
                    raise
                for (n, _), new in zip(batch, got):
                    if new: self.note('accept', n)
                return got
            return self.producers.append([action, 0])
        unique = f'u{self.rng.randint(0, 5)}' if self.rng.random() < 0.15 else None
        n, raw = self.job(unique=unique, chain=self.rng.randint(1, 3) if self.rng.random() < 0.2 else 0, result=self.rng.random() < 0.5)
        delay = self.rng.randint(1, 4000) if self.rng.random() < 0.25 else 0
        self.producers.append([lambda: self.enqueue(n, raw, unique, delay), 0])

    def enqueue(self, n, raw, unique=None, delay=0):
        i = self.spec[n]['id']
        keys = keys_of(ENQUEUE, i) + (['unique:' + unique] if unique else [])
        try: reply = self.script('enqueue', keys, [i, raw, delay, 0, WINDOW, WINDOW, 0, 'keep', n % 5 == 0 and 1 or 0, 0])
        except Failure as error:
            if 'OOM' not in str(error): self.maybe.add(n)
            raise
        if reply[0] == 1:
            if unique and self.strict:
                before = self.holders.get(unique)
                if before and not self.ended(before): raise Wrong(f'unique {unique}: {n} accepted while {before} is unfinished')
                self.holders[unique] = n
            self.note('accept', n)
        return reply

    def ended(self, n): return any(k in ('done', 'buried', 'cancelled') and m == n for k, m, _ in self.events)

    def open_group(self):
        size = self.rng.randint(1, 4)
        back, callback = self.job(callback=True, fails=0, poison=False)
        group = f'g{back}'
        members = [self.job(group=group, poison=False) for _ in range(size)]
        self.spec[back]['members'] = [n for n, _ in members]
        for step, (n, _) in enumerate(members): self.spec[n]['step'] = step
        # Members, a group of them that minds no failure, and a step behind it.
        fields = {f'n:{step}': f'g{size}=each' for step in range(size)}
        fields |= {f'n:{size}': size + 1, f'r:{size}': f'each 0 {size - 1}', f'v:{size}': ' '.join(map(str, range(size))),
                   'root': size + 1, 'steps': size + 2, 'gates': size, 'keep': 1000}
        fields |= {f's:{step}': 'f' for step in range(size)} | {f'j:{size + 1}': 'q\n' + callback}
        try: self.script('flow', [f'flow:{group}', 'flows', f'result:{group}', 'ready'],
            [group, 10 ** 11, 100, 0, 0, 2 * len(fields), 0, *[word for pair in fields.items() for word in pair], 1, size, size, *range(size)], self.admin)
        except Failure as error:
            if 'OOM' not in str(error): raise
            return
        self.spec[back]['opened'] = self.s.size()
        for n, raw in members: self.producers.append([lambda n=n, raw=raw: self.enqueue(n, raw), 0])

    def producer_step(self):
        if not self.producers: return
        entry = self.rng.choice(self.producers)
        entry[1] += 1
        if self.faulty(entry[0]) is not None: self.producers.remove(entry)     # else: the same id again, later

    # Workers.

    def worker(self):
        self.serial += 1
        w = Worker(f'w{self.serial}')
        w.link = Link(self.s.path)
        return w

    def again(self, w, why):
        """The lease is lost: drop everything, a new id."""
        for h in [*w.held.values(), *w.resend]:
            if h.run and h.run['fate'] is None: h.run['fate'] = why
        self.serial += 1
        self.count['lease lost'] += 1
        w.name, w.joined, w.held, w.resend, w.reconcile, w.reap = f'w{self.serial}', False, {}, [], False, []

    def tick(self, w, every=SWEEP):
        if self.rng.random() < 0.3: self.faulty(lambda: self.script('promote', PROMOTE, [LIMIT]))
        name, join = w.name, 0 if w.joined else 1
        reply = self.faulty(lambda: self.script('tick', TICK, [name, join, LEASE, every, LIMIT, 10 ** 6, 10 ** 15]))
        if reply is None: return
        lease, _, cancels, _, _, _, more, reap, *_ = reply
        w.reap += [r for r in reap if r not in w.reap]
        if lease == -1: return self.again(w, 'lease lost')
        w.joined, w.beat = True, self.s.now()
        if cancels != w.cancels:
            w.cancels = cancels
            mine = [h for h in w.held.values() if not h.ack]
            if mine:
                marks = self.app.call('ZMSCORE', Q + 'cancelled', *[self.spec[h.n]['id'] for h in mine])
                for h, mark in zip(mine, marks): h.cancelled = h.cancelled or mark is not None
        if more and self.rng.random() < 0.5: self.tick(w, 0)

    def reap_step(self, name, sure, count=HARD):
        def action():
            before = self.admin.call('HGETALL', Q + 'active:' + name)
            try: reply = self.script('reap', ['workers', 'reaping', 'active:' + name, 'ready', 'crashes', 'dead'], [name, sure, 3, count])
            except Failure: self.count['reap aborted'] += 1; raise
            if reply[0] == -1: return reply
            if reply[2]:
                after = set(self.admin.call('HKEYS', Q + 'active:' + name))
                entries = self.admin.call('ZRANGE', Q + 'dead', 0, -1)
                for tag, raw in zip(before[::2], before[1::2]):
                    if tag not in after and any(e.startswith(f'{name}/{tag} ') for e in entries): self.note('buried', number(raw))
            return reply
        return self.faulty(action, 0.6)

    def cycle(self, w, want, acks):
        """acks: list of Held with .ack; returns what the worker sees."""
        name, link = w.name, w.link
        keys = keys_of(CYCLE, name)
        args = [name, want, len(acks), w.floor]
        for h in acks:
            _, writes, extra = h.ack
            args += [h.tag, len(writes)]
            for write in writes: args += write
            keys += extra
        def action():
            active = Q + 'active:' + name
            before = set(self.admin.call('HKEYS', active))
            leased = self.admin.call('ZSCORE', Q + 'workers', name) is not None
            digest = None if leased else self.admin.call('DEBUG', 'DIGEST')
            try: reply = self.script('cycle', keys, args, self.app if w.dead or link is not w.link else link)
            except Failure: reply = None
            after = set(self.admin.call('HKEYS', active))
            if not leased and acks:
                self.count['zombie acks refused'] += 1
            if not leased and 'digest' not in self.lazy and self.admin.call('DEBUG', 'DIGEST') != digest: raise Wrong(f'{name} is not leased, yet its call changed the server')
            for h in acks:
                if h.tag in before and h.tag not in after:
                    if h.run: h.run['fate'] = 'acked'
                    self.effect(h)
            if reply is None: raise Failure('aborted: NOPERM')
            if reply[0] == -1: return reply
            if reply[1] != len({h.tag for h in acks} & before): raise Wrong(f'acked {reply[1]}, but {len({h.tag for h in acks} & before)} were there')
            for i, raw in enumerate(reply[4]): self.deliver(number(raw), reply[3] + i)
            return reply
        return self.faulty(action)

    def effect(self, h):
        kind, writes, _ = h.ack
        if kind in ('done', 'buried', 'cancelled'):
            if self.strict and self.ended(h.n): raise Wrong(f'job {h.n} ended twice')
            self.note(kind, h.n)
        for verb, _, raw in writes:
            if verb == 'next': self.note('accept', number(raw))

    def deliver(self, n, fence):
        self.count['delivered'] += 1
        if fence <= self.last and 'rollback' not in self.faults: raise Wrong(f'fence {fence} after {self.last}')
        self.last = max(self.last, fence)
        if self.strict and self.ended(n): raise Wrong(f'job {n} delivered after its end')
        self.fences[n] = fence

    def handle(self, w, h):
        """Run the handler to its end and write down the ack."""
        spec = self.spec[h.n]
        i = spec['id'] if not spec['foreign'] else None
        sweep = [('forget', self.identity(h.raw), '-')] if h.lost or h.adopted else []
        extra = []
        if spec.get('unique'): sweep.append(('unlock', i, '-')); extra = ['unique:' + spec['unique']]
        if h.cancelled or h.lost >= SOFT:
            then = self.report(w, spec, 'c' if h.cancelled else 'x')
            if then is None: return
            if h.cancelled: h.ack = ('cancelled', [('result', 5000, 'cancelled')] + sweep + then, [f'result:{spec["id"]}'] + extra)
            else: h.ack = ('buried', [('bury', f'lost with {h.lost} workers', h.raw)] + sweep + then, extra)
            return
        if not h.run:
            h.run = {'n': h.n, 'fate': None, 'worker': w.name}
            self.runs.append(h.run)
            if spec['poison'] and not self.calm and 'kill' in self.faults:
                self.count['poison kills'] += 1
                return self.kill(w)
        raw = json.loads(h.raw)
        attempt = raw.get('attempt', 1)
        if attempt <= spec['fails']:
            if attempt >= 4:
                then = self.report(w, spec, 'x')
                if then is None: return
                h.ack = ('buried', [('bury', 'failed 4 times', h.raw)] + sweep + then, extra)
            else:
                again = '{"id":"%s",%s"job":"x","n":%d,"attempt":%d}' % (spec['id'], spec['rank'], h.n, attempt + 1)
                h.ack = ('retry', [('retry', self.rng.choice((0, 50, 3000)), again)] + ([s for s in sweep if s[0] == 'forget']), [])
            return
        then = self.report(w, spec, 'd')
        if then is None: return
        writes, keys = then, []
        if spec.get('result'): writes.append(('result', 60_000, '{"ok":%d}' % h.n)); keys.append('result:' + spec['id'])
        if spec.get('chain'):
            if 'follow' not in spec: spec['follow'] = self.job(chain=spec['chain'] - 1, id=spec['id'] + 'n', fails=0, poison=False)
            writes.append(('next', self.rng.choice((0, 500)), spec['follow'][1]))
        h.ack = ('done', writes + sweep, keys + extra)

    def identity(self, raw):
        import hashlib, re
        found = re.match(r'\{"id":"([\w.-]+)"', raw)
        return found.group(1) if found else hashlib.sha1(raw.encode()).hexdigest()

    def report(self, w, spec, letter):
        """Tells the job's group of its end, before the ack; returns what to enqueue with that, None when nothing is known."""
        group = spec.get('group')
        if not group: return []
        def action():
            reply = self.script('advance', [f'flow:{group}', f'result:{group}'], [spec['step'], letter, '{}', 1 << 20, '', f'g{len(self.spec[int(group[1:])]["members"])}' if spec['n'] % 2 else ''])
            back = int(group[1:])
            self.reported[back].add(spec['n'])
            starts = reply[1] if len(reply) > 1 else []
            if starts and self.strict and self.reported[back] != set(self.spec[back]['members']): raise Wrong(f'callback {back} before its members ended')
            return [('next', 0, job.split('\n', 1)[1]) for job in starts[1::2]]
        try: return self.faulty(action)
        except Failure: return None

    def cycle_step(self, w, want=None):
        if w.reconcile and not w.resend and 'reconcile' not in self.lazy: return self.reconcile(w)
        finished = [h for h in w.held.values() if h.ack]
        self.rng.shuffle(finished)
        acks = w.resend or finished[:self.rng.randint(0, len(finished))]
        resending = bool(w.resend)
        if want is None: want = 0 if resending else max(0, self.rng.randint(0, 5) - len(w.held) // 2)
        reply = self.cycle(w, want, acks)
        for h in acks: w.held.pop(h.tag, None)
        if reply is None:
            w.resend, w.reconcile = acks, True
            if not w.dead: w.link.close(); w.link = Link(self.s.path)
            return
        if reply[0] == -1:
            w.resend = acks
            return self.again(w, 'lease lost')
        w.resend = []
        _, _, held, fence, jobs, crashes, cancelled, _ = reply
        for i, raw in enumerate(jobs):
            h = Held(str(fence + i), raw, int((crashes[i] if crashes else 0) or 0), bool(cancelled and cancelled[i]))
            if h.tag in w.held: raise Wrong(f'tag {h.tag} twice')
            w.held[h.tag], w.floor = h, max(w.floor, fence + i)
        if held != len(w.held): w.reconcile = True

    def reconcile(self, w):
        """What does the server say I hold? Adopt it, or give it back."""
        tags = self.app.call('HKEYS', Q + 'active:' + w.name)
        strange = [t for t in tags if t not in w.held]
        w.reconcile = False
        self.count['reconciled'] += len(strange)
        if not strange: return
        bodies = self.app.call('HMGET', Q + 'active:' + w.name, *strange)
        give = []
        for tag, raw in zip(strange, bodies):
            if raw is None: continue
            h = Held(tag, raw, adopted=True)
            w.floor = max(w.floor, int(tag))
            w.held[tag] = h
            if self.rng.random() < 0.5: h.ack = ('released', [('release', 0, raw)], []); give.append(h)

    def kill(self, w):
        w.dead = True
        self.count['killed'] += 1
        for h in [*w.held.values(), *w.resend]:
            if h.run and h.run['fate'] is None: h.run['fate'] = 'killed'
        if w.block: self.ghosts.append(w.block); w.block = None       # nobody reads it, the server still serves it
        if self.rng.random() < 0.4: self.doomed.append([w.name, self.rng.randint(1, 4)])   # its supervisor saw it; may die too
        self.workers.remove(w)
        self.workers.append(self.worker())

    def leave(self, w):
        """A clean stop: hand back what is finished, give the rest back uncounted, go."""
        if w.resend or w.reconcile or not w.joined: return
        for h in w.held.values():
            if h.run and h.run['fate'] is None and not h.ack: return   # a handler runs: not yet
        finished = [h for h in w.held.values() if h.ack]
        reply = self.cycle(w, 0, finished)
        if reply is None or reply[0] == -1: w.resend = finished if reply is None else []; w.reconcile = True; return self.again(w, 'lease lost') if reply else None
        for _ in range(50):
            reply = self.reap_step(w.name, 1, 0)
            if reply and reply[0] == 0: break
        self.count['left'] += 1
        if w.block: self.ghosts.append(w.block)
        self.workers.remove(w); self.workers.append(self.worker())

    def act(self, w):
        if not w.joined: return self.tick(w)
        luck = self.rng.random()
        if w.block:
            if select.select([w.block.sock], [], [], 0)[0]: w.block.read(); w.block.close(); w.block = None; return self.cycle_step(w, 3)
            if luck < 0.5: return
        if w.reap and luck < 0.3:
            name = w.reap[0]
            reply = self.reap_step(name, 0)
            if reply and reply[0] in (0, -1): w.reap.remove(name)
        elif luck < 0.6: self.cycle_step(w)
        elif luck < 0.9:
            todo = [h for h in w.held.values() if not h.ack]
            if todo: self.handle(w, self.rng.choice(todo))
        elif luck < 0.95 and w.mute <= self.step: self.tick(w)
        elif not w.block and not self.paused and not self.calm:
            w.block = Link(self.s.path)
            w.block.send('BRPOPLPUSH', Q + 'ready', Q + 'landing', 0)
            self.admin.call('PING'); self.admin.call('PING')      # now the server has read it

    def beat(self):
        """The heartbeat thread of every worker that is awake."""
        for w in list(self.workers):
            if w.mute <= self.step and w.joined and abs(self.s.now() - w.beat) > LEASE * 1000 / 3:
                for _ in range(6):
                    self.tick(w)
                    if not w.joined or abs(self.s.now() - w.beat) <= LEASE * 1000 / 3: break

    def advance(self, ms):
        self.s.set(self.s.now() + ms * 1000); self.beat()

    def reconnect(self):
        for g in self.ghosts: g.close()
        self.ghosts = []
        self.links()
        for w in self.workers:
            w.link.close(); w.link = Link(self.s.path)
            if w.block: w.block.close(); w.block = None
            w.reconcile, w.cancels = True, None

    def trouble(self):
        f, r = self.faults, self.rng
        luck = r.random()
        if 'kill' in f and luck < 0.012: self.kill(r.choice(self.workers))
        elif 'freeze' in f and luck < 0.02: self.freeze(r.choice(self.workers))
        elif 'flush' in f and luck < 0.03: self.admin.call('SCRIPT', 'FLUSH'); self.count['flushed'] += 1
        elif 'stop' in f and luck < 0.045: self.leave(r.choice(self.workers))
        elif 'clock' in f and luck < 0.055: self.clock_step()
        elif 'full' in f and luck < 0.065 and not self.oom: self.oom = self.step + 15; self.admin.call('CONFIG', 'SET', 'maxmemory', 1); self.count['full'] += 1
        elif f & {'restart', 'rollback'} and luck < 0.02: self.crash()
        elif luck < 0.10 and not self.oom: self.paused = not self.paused; self.admin.call(*(('HSET', Q + 'meta', 'paused', 1) if self.paused else ('HDEL', Q + 'meta', 'paused')))
        elif luck < 0.115 and self.jobs:
            n = r.randint(1, self.jobs)
            self.faulty(lambda: self.script('cancel', ['cancelled', 'meta'], [self.spec[n]['id'], 10 ** 7]))
        if self.oom and self.oom <= self.step: self.oom = 0; self.admin.call('CONFIG', 'SET', 'maxmemory', 0)
        for entry in list(self.doomed):
            if r.random() < 0.2:
                entry[1] -= 1
                reply = self.reap_step(entry[0], 1)
                if entry[1] == 0 or reply and reply[0] == 0: self.doomed.remove(entry)
        for item in [x for x in self.late if x[0] <= self.step]:
            self.late.remove(item)
            try: item[1]()
            except (Failure, OSError): pass

    def freeze(self, w):
        """Stopped; when it goes on, its heartbeat is the last thing to wake."""
        w.frozen = self.step + self.rng.randint(30, 200)
        w.mute = w.frozen + self.rng.randint(0, 40)
        self.count['frozen'] += 1

    def clock_step(self):
        self.advance(self.rng.choice((-1, 1)) * self.rng.randint(1000, 3_600_000))
        self.count['clock steps'] += 1

    def crash(self):
        keep = None
        if 'rollback' in self.faults:
            sizes = [s for *_, s in self.events[-12:]]
            keep = self.rng.randint(sizes[0], self.s.size()) if sizes else None     # any byte, also inside a script's writes
            if keep is not None:
                for k, n, s in self.events:
                    if s > keep and k == 'accept': self.maybe.add(n)
                for n, spec in self.spec.items():
                    if spec.get('opened', 0) > keep: self.maybe.add(n)
                self.events = [e for e in self.events if e[2] <= keep]
        self.late = []      # what was on the wire died with the server
        self.s.crash(keep)
        self.count['restarts'] += 1
        self.reconnect()

    # Checks.

    def places(self):
        found = collections.Counter()
        call = self.admin.call
        for key in ('ready', 'landing'):
            for raw in call('LRANGE', Q + key, 0, -1): found[number(raw)] += 1
        for key in ('scheduled', 'ordered'):
            for raw in call('ZRANGE', Q + key, 0, -1): found[number(raw)] += 1
        for entry in call('ZRANGE', Q + 'dead', 0, -1): found[number(entry.split('\n', 1)[1])] += 1
        for key in call('KEYS', Q.replace('{', '\\{') + 'active:*'):
            for raw in call('HVALS', key): found[number(raw)] += 1
        return found

    def check(self):
        found, accepted = self.places(), self.tally('accept')
        done, buried = self.tally('done') + self.tally('cancelled'), self.tally('buried')
        for n in accepted:
            ends, here = done[n], found[n]
            if not ends and not here and n not in self.maybe: raise Wrong(f'step {self.step}: job {n} is LOST')
            if self.strict:
                if accepted[n] > 1: raise Wrong(f'job {n} accepted {accepted[n]} times')
                if ends and here: raise Wrong(f'job {n} ended but is in {here} places')
                if here > 1: raise Wrong(f'job {n} is in {here} places')
                if ends + buried[n] > 1: raise Wrong(f'job {n} ended {ends + buried[n]} times')
        if self.strict:
            for n in found:
                if n not in accepted and n not in self.maybe: raise Wrong(f'job {n} from nowhere')

    def run(self):
        for self.step in range(1, self.steps + 1):
            luck = self.rng.random()
            if luck < 0.10: self.produce()
            elif luck < 0.22: self.producer_step()
            elif luck < 0.36: self.advance(self.rng.randint(1, 300))
            else:
                w = self.rng.choice(self.workers)
                if w.frozen <= self.step: self.act(w)
            self.trouble()
            if self.step % 20 == 0: self.check()
        self.drain()
        return self.verdict()

    def drain(self):
        self.calm = True
        self.admin.call('CONFIG', 'SET', 'maxmemory', 0); self.oom = 0
        self.admin.call('HDEL', Q + 'meta', 'paused'); self.paused = False
        for _, action in self.late:
            try: action()
            except (Failure, OSError): pass
        for entry in self.producers: entry[0]()
        for w in self.workers: w.frozen = w.mute = 0
        empty = 0
        for self.step in range(self.step, self.step + 400):
            for w in list(self.workers):
                if not w.joined: self.tick(w); continue
                while w.reap:
                    reply = self.reap_step(w.reap[0], 0)
                    if reply[0] in (0, -1): w.reap.pop(0)
                for h in list(w.held.values()):
                    if not h.ack: self.handle(w, h)
                for _ in range(4): self.cycle_step(w)
            self.advance(170)
            keys = set(self.admin.call('KEYS', '*'))
            first = self.admin.call('ZRANGE', Q + 'scheduled', 0, 0, 'WITHSCORES')
            if first and not any(w.held or w.resend for w in self.workers) and float(first[1]) > self.s.now() / 1000 + 5000: self.advance(int(float(first[1]) - self.s.now() / 1000))
            idle = not any(w.held or w.resend for w in self.workers)
            names = self.admin.call('ZRANGE', Q + 'workers', 0, -1)
            empty = empty + 1 if idle and not any(k.split('}:')[1].split(':')[0] in ('ready', 'landing', 'ordered', 'scheduled', 'active', 'reaping') for k in keys) \
                and len(names) <= len(self.workers) else 0
            if empty >= 3: break
        else:
            raise Wrong(f'not drained: {sorted(keys)} {self.places()}')
        for w in self.workers: self.reap_step(w.name, 1, 0)

    def verdict(self):
        self.check()
        found = self.places()
        done = self.tally('done') + self.tally('cancelled')
        accepted = self.tally('accept')
        for n in accepted:
            if not done[n] and not found[n] and n not in self.maybe: raise Wrong(f'job {n} is LOST at the end')
        extra = collections.Counter(r['fate'] or 'undone' for r in self.runs if r['fate'] != 'acked')
        extra['ended again'] = sum(c - 1 for c in (done).values() if c > 1)
        extra = +extra
        if extra and not self.faults & DUPLICATES: raise Wrong(f'unexplained extra runs: {dict(extra)}')
        if 'undone' in extra and self.strict: raise Wrong('a run with no end')
        for n, spec in self.spec.items():
            if spec.get('callback') and 'opened' in spec and self.strict:
                if all(done[m] or found[m] for m in spec['members']) and accepted[n] != 1: raise Wrong(f'callback {n} enqueued {accepted[n]} times')
            if 'follow' in spec and self.strict:
                real = sum(1 for k, m, _ in self.events if k == 'done' and m == n)
                if accepted[spec['follow'][0]] != real: raise Wrong(f'follow-up of {n}: {accepted[spec["follow"][0]]} for {real} acks')
        self.s.set(self.s.now() + 10 ** 18 // 1000)
        left = {k for k in self.admin.call('KEYS', '*')} - {Q + 'dead', Q + 'meta', Q + 'cancelled', Q + 'turns'}
        left = {k for k in left if not ('batch' in k and not self.strict)}
        if self.oom == 0 and left: raise Wrong(f'left over: {sorted(left)}')
        for link in self.ghosts + [self.admin, self.app] + [w.link for w in self.workers] + [w.block for w in self.workers if w.block]: link.close()
        self.count['accepted'], self.count['runs'], self.count['dead'] = len(accepted), len(self.runs), len(self.admin_dead(found, done))
        return extra

    def admin_dead(self, found, done): return [n for n in found if not done[n]]


def cut(text, *pairs):
    for old, new in pairs:
        if old not in text: raise SystemExit('control does not match its script: ' + old)
        text = text.replace(old, new)
    return text

CONTROLS = {     # name: (profile, changes by script, what the worker or the checker leaves out)
    'lease check removed': ('freeze', {'cycle': [("if not redis.call('ZSCORE', workers, worker) then return {-1} end", '')]}, ()),
    'lease check removed, effects': ('freeze', {'cycle': [("if not redis.call('ZSCORE', workers, worker) then return {-1} end", '')]}, ('digest',)),
    'source first, fetch': ('abort', {'cycle': [
        ("    redis.call('HSET', meta, 'fence', fence + count - 1)\n    if #jobs > 0 then redis.call('HSET', active, unpack(entries)) end\n", ''),
        ("    if taken > 0 then redis.call('LTRIM', ready, 0, -taken - 1) end\n",
         "    if taken > 0 then redis.call('LTRIM', ready, 0, -taken - 1) end\n    redis.call('HSET', meta, 'fence', fence + count - 1)\n    if #jobs > 0 then redis.call('HSET', active, unpack(entries)) end\n")]}, ()),
    'source first, ack': ('abort', {'cycle': [
        ("  at = at + 2\n", "  at = at + 2\n  if mine then acked = acked + redis.call('HDEL', active, tag) end\n")]}, ()),
    'source first, reap': ('kill+abort', {'reap': [
        ("  if lost > most then", "  redis.call('HDEL', active, tag)\n  if lost > most then")]}, ()),
    'landing not drained': ('kill', {'cycle': [("redis.call('LRANGE', landing, -want, -1)", '{}')],
                                    'tick': [("if not redis.call('LMOVE', landing, ready, 'LEFT', 'RIGHT') then break end", 'break')]}, ()),
    'reaping not recorded': ('kill', {'tick': [("redis.call('ZADD', reaping, now, lapsed[i])", ''),
                                              ("reap = redis.call('ZRANGE', reaping, 0, limit - 1)", 'reap = lapsed or {}'),
                                              ("local lapsed =", 'lapsed ='), ("local more, reap = 0, {}", "local more, reap, lapsed = 0, {}, nil")],
                                     'reap': [("redis.call('ZADD', reaping, 'NX', now, worker)", '')]}, ()),
    'reaped worker not fenced': ('all', {'tick': [("redis.call('ZREM', workers, lapsed[i])", '')],
                                        'reap': [("redis.call('ZREM', workers, worker)", ''),
                                                 ("if ARGV[2] == '0' and redis.call('ZSCORE', workers, worker) then return {-1} end", '')]}, ()),
    'tag guard removed': ('network', {'cycle': [("local mine = writes == 0 or redis.call('HEXISTS', active, tag) == 1", 'local mine = true')]}, ()),
    'tag given again after a rollback': ('rollback', {'cycle': [(', ARGV[4] + 1)', ')')]}, ()),
    'gaps count in full': ('clock', {'tick': [('math.max(0, math.min(gap, math.floor(lease / 4)))', 'gap')]}, ()),
    'worker does not reconcile': ('network', {}, ('reconcile',)),
    'group by counter': ('network', {'advance': [("redis.call('SCARD', wait) - gone[s]", "redis.call('SCARD', wait) - 1"),
                                                ("redis.call('SREM', flow .. ':wait:' .. one[1], one[2])", "redis.call('SPOP', flow .. ':wait:' .. one[1])"), ('string.byte(text) == 102', 'true'),
                                                ("redis.call('SREM', wait, step)", "redis.call('SPOP', wait)")]}, ()),
}


def load(changes=None):
    scripts = {n: source(n) for n in NAMES}
    for name, pairs in (changes or {}).items(): scripts[name] = cut(scripts[name], *pairs)
    return scripts


def campaign(profile, seeds, scripts, steps, lazy=(), stop=False):
    aof = bool(set(PROFILES[profile].split()) & {'restart', 'rollback'})
    server = Server(aof)
    total, extra, caught = collections.Counter(), collections.Counter(), []
    try:
        for seed in seeds:
            if aof and seed != seeds[0]: server.stop(); server = Server(True)
            server.set(START)
            try: world = World(server, seed, profile, scripts, steps, lazy); extra += world.run(); total += world.count
            except (Wrong, Failure) as error:
                caught.append((seed, f'{type(error).__name__}: {error}'))
                server.stop(); server = Server(aof)
                if stop: break
    finally: server.stop()
    return total, extra, caught


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('--profile', choices=PROFILES); a.add_argument('--seeds', type=int, default=50)
    a.add_argument('--first', type=int, default=1); a.add_argument('--steps', type=int, default=400)
    a.add_argument('--controls', nargs='?', const='', metavar='NAME'); a.add_argument('--quick', action='store_true')
    o = a.parse_args()
    seeds, bad = range(o.first, o.first + o.seeds), 0
    if o.controls is not None:
        for name, (profile, changes, lazy) in CONTROLS.items():
            if not name.startswith(o.controls): continue
            _, _, caught = campaign(profile, seeds, load(changes), o.steps, lazy, o.quick)
            kinds = collections.Counter(' '.join(w for w in e.split() if not any(c.isdigit() for c in w))[:60] for _, e in caught)
            tried = caught[0][0] - o.first + 1 if o.quick and caught else len(seeds)
            print(f'{name:28} {profile:10} caught in {len(caught)} of {tried}   {kinds.most_common(3)}', flush=True)
            bad += not caught
        sys.exit(bad > 0)
    for profile in [o.profile] if o.profile else PROFILES:
        begin = time.time()
        total, extra, caught = campaign(profile, seeds, load(), o.steps)
        print(f'{profile:10} seeds {seeds[0]}-{seeds[-1]}  failed {len(caught)}  extra runs {dict(extra)}  {time.time() - begin:.0f} s\n           {dict(sorted(total.items()))}', flush=True)
        for seed, error in caught[:5]: print(f'   seed {seed}: {error}')
        bad += len(caught)
    sys.exit(bad > 0)


if __name__ == '__main__': main()
