#!/usr/bin/env python3
"""Property tests of the Lua scripts: a model in Python beside them, driven by Hypothesis.

model.py checks the protocol under faults. This checks the scripts that it leaves out, or calls in
one way only: enqueue with a window, a lock and a delay; cycle's `park`; adopt, unpark, dead,
dead_page, count and publish. It runs Sources/JobRunner/Store/Scripts/*.lua on a private
redis-server whose clock is ours. Rules call them in any order; after each, the reply and every key
must be what the model says, and apart from the model, every job that was accepted and has not ended
is in exactly one place. Hypothesis chooses the calls and makes a failure short.

    properties.py                    30 s, from seed 1
    properties.py --seconds 600      longer
    properties.py --first 1001       from another seed
    properties.py --controls [NAME]  one line out of a script at a time: each must be noticed

Needs what model.py needs, and Hypothesis 6.67 or later (on Debian: python3-hypothesis).
"""
import argparse, collections, os, re, shutil, sys, tempfile, time

# Hypothesis keeps notes in the directory it runs in, unless told otherwise before it is imported.
NOTES = tempfile.mkdtemp(prefix='jobrunner-properties-')
os.environ['HYPOTHESIS_STORAGE_DIRECTORY'] = NOTES
try:
    from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
except ImportError: raise SystemExit('properties.py: needs Hypothesis; on Debian: apt-get install python3-hypothesis')

from model import CYCLE, ENQUEUE, Failure, Link, Q, START, Server, cut, keys_of, source
from redis_link import needs

SCRIPTS = ('enqueue', 'cycle', 'adopt', 'unpark', 'dead', 'dead_page', 'count', 'publish', 'reap', 'cancel')
WORKERS, KINDS, IDS, LOCKS = ('w', 'v'), ('mail@1', 'x@2'), [f'i{n}' for n in range(4)], ('k', 'm')
HEAD = 4096                                               # bytes that dead_page gives of what is too long

ids, kinds, workers = st.sampled_from(IDS), st.sampled_from(KINDS), st.sampled_from(WORKERS)
small, spans = st.integers(1, 5), st.sampled_from((1, 40, 1000))
# How a run of a job ends: the verb of a write, and what goes with it.
ends = st.one_of(
    st.sampled_from((('done', 0), ('release', 0))), st.tuples(st.just('result'), spans), st.tuples(st.just('retry'), st.sampled_from((0, 40))),
    st.tuples(st.just('bury'), st.sampled_from(('no', 'failed 4 times'))), *[st.tuples(st.just('park'), kinds)] * 2)


class Scripts:
    """One redis-server, and the scripts, perhaps changed, by name; how each is called is said here only."""

    def __init__(self, server, changes=()):
        self.server, self.link = server, Link(server.path, 'admin')
        changes = dict(changes)
        self.digests = {n: self.link.call('SCRIPT', 'LOAD', cut(source(n), *changes.get(n, ()))) for n in SCRIPTS}

    def run(self, name, keys, *arguments):
        return self.link.call('EVALSHA', self.digests[name], len(keys), *[Q + k for k in keys], *arguments)

    def enqueue(self, i, raw, delay, due, window, lock, kept, longest):
        return self.run('enqueue', keys_of(ENQUEUE, i) + (['unique:' + lock] if lock else []), i, raw, delay, due, window, kept, longest, 'keep', 0, 0)

    def cycle(self, worker, want, acks):
        """`acks` are (tag, [(verb, a, b, keys)])."""
        keys = keys_of(CYCLE, worker)
        arguments = []
        for tag, writes in acks:
            arguments += [tag, len(writes)]
            for verb, a, b, extra in writes:
                arguments += [verb, a, b]
                keys += extra
        return self.run('cycle', keys, worker, want, len(acks), 0, *arguments)

    def adopt(self, worker, kind, want):
        return self.run('adopt', ['parked', 'parked:' + kind, 'active:' + worker, 'workers', 'crashes', 'cancelled', 'meta'], worker, kind, want, 0)

    def unpark(self, kind, what, limit, age): return self.run('unpark', ['parked', 'parked:' + kind, 'ready', 'dead', 'crashes'], kind, what, limit, age)
    def retry(self, jobs): return self.run('dead', ['dead', 'ready'] + ['result:' + i for _, _, i in jobs], 'retry', *[x for entry, raw, _ in jobs for x in (entry, raw)])
    def delete(self, entries): return self.run('dead', ['dead', 'ready'], 'delete', *entries)
    def page(self, below, most, room, longest): return self.run('dead_page', ['dead'], below, most, room, longest)
    def reap(self, worker, most): return self.run('reap', ['workers', 'reaping', 'active:' + worker, 'ready', 'crashes', 'dead'], worker, 1, 1000, most)
    def cancel(self, i, ms): return self.run('cancel', ['cancelled', 'meta'], i, ms)
    def many(self, commands): self.link.send_all(commands); return [self.link.read() for _ in commands]


def identity(raw): return re.match(r'\{"id":"([\w.-]+)"', raw).group(1)
def in_order(scores): return sorted(scores, key=lambda member: (scores[member], member.encode()))


class Reader:
    """Somebody who reads the dead, page by page."""

    def __init__(self, dead, most, room, longest):
        self.bounds, self.longest, self.below = (most, room, longest), longest, ''
        self.due, self.read, self.is_disturbed = set(dead), collections.Counter(), False

    def removed(self, entry):
        """What was read may go; what was not moves the others down, and some are read again."""
        if self.read[entry]: return
        self.due.discard(entry)
        self.is_disturbed = True


class Queue(RuleBasedStateMachine):
    scripts = None                                        # set before a run

    def __init__(self):
        super().__init__()
        self.s = self.scripts
        self.s.link.call('FLUSHALL')
        self.s.server.set(START)
        self.now, self.jobs, self.fence = START // 1000, 0, 0
        self.ready, self.landing, self.scheduled, self.dead = [], [], {}, {}
        self.parked, self.since, self.active = {k: {} for k in KINDS}, {}, {w: {} for w in WORKERS}
        self.leased, self.reaping, self.crashes, self.cancelled = set(), set(), {}, {}
        self.seen, self.locks, self.results = {}, {}, {}              # each with when it ends, ms
        self.bell = -1                                                # when it falls silent, ms
        self.is_paused, self.cancels, self.tags = False, 0, []
        self.open, self.readers = set(), []                           # jobs accepted and not ended; who reads the dead

    # What happens beside the scripts.

    def at(self, ms): self.now = ms; self.s.server.set(ms * 1000)
    def alive(self, ends, name): return name in ends and self.now <= ends[name]

    @initialize(bytes=st.lists(st.sampled_from((0, 0, 3000, 6000)), min_size=12, max_size=16), kind=kinds)
    def begin(self, bytes, kind):
        """Some jobs of every fate: rules that find nothing to do show nothing."""
        for worker in WORKERS: self.join(worker)
        self.feed(bytes)
        self.cycle('w', len(bytes), [], [])
        self.cycle('w', 0, [('bury', 'no'), ('park', kind)] * 4, [])

    @rule(ms=st.sampled_from((1, 39, 41, 1001)))
    def wait(self, ms): self.at(self.now + ms)

    @precondition(lambda self: len(self.leased) < len(WORKERS))
    @rule(worker=workers)
    def join(self, worker):
        self.s.link.call('ZADD', Q + 'workers', 10 ** 15, worker)
        self.leased.add(worker)

    @rule(paused=st.sampled_from((False, False, True)))
    def pause(self, paused):
        self.s.link.call(*(('HSET', Q + 'meta', 'paused', 1) if paused else ('HDEL', Q + 'meta', 'paused')))
        self.is_paused = paused

    @precondition(lambda self: self.ready)
    @rule()
    def wake(self):
        self.s.link.call('RPOPLPUSH', Q + 'ready', Q + 'landing')
        self.landing.insert(0, self.ready.pop())

    @rule(i=ids, ms=spans)
    def cancel(self, i, ms):
        assert self.s.cancel(i, ms) == (i not in self.cancelled)
        self.cancelled[i], self.cancels = self.now + ms, self.cancels + 1

    # Producers.

    def job(self, i, bytes=0):
        """Never twice the same bytes, though ids come again."""
        self.jobs += 1
        return '{"id":"%s","job":"x","n":%d%s}' % (i, self.jobs, f',"f":"{"f" * bytes}"' if bytes else '')

    @rule(bytes=st.lists(st.sampled_from((0, 0, 3000, 6000)), min_size=1, max_size=5))
    def feed(self, bytes):
        """A producer in any language."""
        jobs = [self.job(IDS[n % len(IDS)], size) for n, size in enumerate(bytes)]
        self.s.link.call('LPUSH', Q + 'ready', *jobs)
        self.ready[:0] = jobs[::-1]
        self.open.update(jobs)

    @rule(i=ids, lock=st.sampled_from((None,) + LOCKS), delay=st.sampled_from((0, 0, 1, 40)), due=st.sampled_from((0, 0, -40, 0.5, 40)),
          window=st.sampled_from((0, 40, 1000)), kept=spans, room=st.sampled_from((None, None, -1, 0, 1)), bytes=st.sampled_from((0, 0, 0, 3000, 6000)))
    def enqueue(self, i, lock, delay, due, window, kept, room, bytes):
        raw, due = self.job(i, bytes), due and self.now + int(due)
        longest = 0 if room is None else max(1, len(self.ready) + room)
        got = self.s.enqueue(i, raw, delay, due, window, lock, kept, longest)
        when = due or self.now + delay
        holder = self.locks[lock][0].split('\n')[0] if lock in self.locks and self.now <= self.locks[lock][1] else None
        if window and self.alive(self.seen, i): return self.same(got, [0])
        if holder: return self.same(got, [0] if holder == i else [-1, holder])
        if when <= self.now and longest and len(self.ready) >= longest: return self.same(got, [-2])
        self.same(got, [1])
        if when > self.now:
            self.scheduled[raw] = when
            if when < self.now + 2000 and sum(at <= when for at in self.scheduled.values()) == 1 and self.now > self.bell: self.bell = self.now + 2000
        else: self.ready.insert(0, raw)
        self.open.add(raw)
        if window: self.seen[i] = self.now + window
        # One that waits for its time may be replaced: its bytes are there too.
        if lock: self.locks[lock] = (f'{i}\n{self.now}\n{raw}' if when > self.now else i, self.now + kept)

    @precondition(lambda self: self.scheduled)
    @rule()
    def promote(self):
        """As tick does, of which the model in model.py speaks."""
        first = in_order(self.scheduled)[0]
        self.s.many([('LPUSH', Q + 'ready', first), ('ZREM', Q + 'scheduled', first)])
        self.ready.insert(0, first)
        del self.scheduled[first]

    # Workers.

    def hand_out(self, worker, jobs):
        """The end of a reply that hands out `jobs`."""
        fence = max(self.now * 1000, self.fence + 1) if jobs else 0
        marks = [[], []]
        if jobs:
            self.fence = fence + len(jobs) - 1
            for n, raw in enumerate(jobs):
                self.active[worker][fence + n] = raw
                self.tags.append(fence + n)
            if self.crashes or self.cancelled:
                marks = [[str(m[i]) if i in m else None for i in map(identity, jobs)] for m in (self.crashes, self.cancelled)]
        return [len(self.active[worker]), fence, jobs, *marks]

    def writes(self, raw, verb, a):
        """The writes of an ack, with their keys."""
        if verb == 'done': return []
        if verb == 'result': return [('result', a, 'R', ['result:' + identity(raw)])]
        if verb == 'park': return [('park', a, raw, ['parked', 'parked:' + a])]
        return [(verb, a, raw, [])]

    def effect(self, worker, tag, verb, a):
        raw = self.active[worker][tag]
        if verb == 'result': self.results[identity(raw)] = self.now + a
        if verb in ('done', 'result'): self.open.discard(raw)
        elif verb == 'retry': self.scheduled[raw] = self.now + a
        elif verb == 'bury': self.bury(f'{worker}/{tag} {a}\n{raw}')
        elif verb == 'release': self.ready.append(raw)
        elif verb == 'park':
            self.parked[a][raw] = self.now
            self.since.setdefault(a, self.now)
        del self.active[worker][tag]

    @rule(worker=workers, want=st.integers(0, 6), fates=st.lists(ends, max_size=6), again=st.lists(st.tuples(st.integers(0, 30), ends), max_size=2))
    def cycle(self, worker, want, fates, again):
        """Ends the oldest that it holds; `again` are acks of others' tags and of its own that were sent before."""
        self.later()
        own = [(tag, end, True) for tag, end in zip(sorted(self.active[worker]), fates)]
        old = {self.tags[-1 - n]: end for n, end in again if n < len(self.tags)}
        acks = own + [(tag, end, False) for tag, end in old.items() if tag not in self.active[worker]]
        got = self.s.cycle(worker, want, [(tag, self.writes(self.active[worker].get(tag, self.job('i0')), *end)) for tag, end, _ in acks])
        if worker not in self.leased: return self.same(got, [-1])
        for tag, end, is_own in acks:
            if is_own: self.effect(worker, tag, *end)
        jobs = []
        while len(jobs) < want and not self.is_paused and (self.landing or self.ready): jobs.append((self.landing or self.ready).pop())
        self.same(got, [0 if self.is_paused else 1, len(own), *self.hand_out(worker, jobs), 0])

    @rule(worker=workers, kind=kinds, want=small)
    def adopt(self, worker, kind, want):
        got = self.s.adopt(worker, kind, want)
        if worker not in self.leased: return self.same(got, [-1])
        jobs = [] if self.is_paused else in_order(self.parked[kind])[:want]
        for raw in jobs: del self.parked[kind][raw]
        self.unlist(kind)
        self.same(got, [0 if self.is_paused else 1, 0, *self.hand_out(worker, jobs)])

    @precondition(lambda self: len(self.leased) == len(WORKERS))
    @rule(worker=workers, most=st.sampled_from((0, 1, 5)))
    def die(self, worker, most):
        self.later()
        given, held = 0, self.active[worker]
        for tag in sorted(held, reverse=True):
            raw = held[tag]
            if most: self.crashes[identity(raw)] = self.crashes.get(identity(raw), 0) + 1
            lost = self.crashes.get(identity(raw), 0) if most else 0
            if lost > most: self.bury(f'{worker}/{tag} lost with {lost} workers\n{raw}'); del self.crashes[identity(raw)]
            else: self.ready.append(raw); given += 1
        buried = len(held) - given
        self.active[worker] = {}
        self.leased.discard(worker)
        self.same(self.s.reap(worker, most)[:3], [0, given, buried])

    # Parked jobs.

    def unlist(self, kind):
        if not self.parked[kind]: self.since.pop(kind, None)

    @rule(kind=kinds, what=st.sampled_from(('release', 'bury', 'discard')), limit=small, age=st.sampled_from((0, 0, 1, 40, 1000)))
    def unpark(self, kind, what, limit, age):
        self.later()
        ripe = [raw for raw in in_order(self.parked[kind]) if self.parked[kind][raw] <= self.now - age]
        for raw in reversed(ripe[:limit]):
            del self.parked[kind][raw]
            if what == 'release': self.ready.append(raw)
            elif what == 'bury': self.bury(f'-/0 parked too long: no worker knows {kind}\n{raw}')
            else: self.open.discard(raw)
            if what != 'release': self.crashes.pop(identity(raw), None)
        self.unlist(kind)
        self.same(self.s.unpark(kind, what, limit, age), [len(ripe[:limit]), len(ripe[limit:]), [] if what == 'release' else ripe[:limit]])

    # The dead.

    def later(self):
        """Who reads the dead is promised that those of a later millisecond do not disturb: so it is later."""
        if self.readers: self.at(self.now + 1)

    def bury(self, entry): self.dead[entry] = self.now

    def take(self, entry):
        del self.dead[entry]
        for reader in self.readers: reader.removed(entry)

    def choose(self, picks, strangers):
        """Entries that are dead, by their place, some of them twice, and some that are not."""
        there = in_order(self.dead)
        chosen = [there[n % len(there)] for n in picks if there] + [f'w/{n} gone\n' + self.job('i1') for n in range(strangers)]
        return chosen[::-1] if strangers > 1 else chosen

    @rule(picks=st.lists(st.integers(0, 20), max_size=3), strangers=st.integers(0, 2), revived=st.booleans())
    def retry(self, picks, strangers, revived):
        jobs = []
        for entry in self.choose(picks, strangers):
            raw = entry.split('\n', 1)[1]
            jobs.append((entry, self.job(identity(raw)) if revived else raw, identity(raw)))
        moved = 0
        got = self.s.retry(jobs)
        for entry, raw, i in jobs:
            if entry not in self.dead: continue
            self.take(entry)
            self.open.discard(entry.split('\n', 1)[1])
            self.open.add(raw)
            self.ready.insert(0, raw)
            self.results.pop(i, None)
            moved += 1
        self.same(got, moved)

    @rule(picks=st.lists(st.integers(0, 20), max_size=2), strangers=st.integers(0, 1))
    def delete(self, picks, strangers):
        entries = self.choose(picks, strangers)
        gone = set(entries) & set(self.dead)
        self.same(self.s.delete(entries), len(gone))
        for entry in gone:
            self.take(entry)
            self.open.discard(entry.split('\n', 1)[1])

    @precondition(lambda self: self.dead and len(self.readers) < 2)
    @rule(most=st.integers(1, 4), room=st.sampled_from((1, 5000, 10 ** 6)), longest=st.sampled_from((HEAD, 10 ** 6)), bury=st.booleans())
    def read(self, most, room, longest, bury):
        """Somebody reads a page, and perhaps another one dies before the next."""
        self.readers.append(Reader(self.dead, most, room, longest))
        self.page(len(self.readers) - 1)
        for worker in sorted(self.leased):
            if bury and self.active[worker]: return self.cycle(worker, 0, [('bury', 'no')], [])

    @precondition(lambda self: self.readers)
    @rule(which=st.integers(0, 1))
    def page(self, which):
        reader = self.readers[which % len(self.readers)]
        most, room, longest = reader.bounds
        below, *rest = self.s.page(reader.below, *reader.bounds)
        texts = [(rest[n], rest[n + 1], int(rest[n + 2])) for n in range(0, len(rest), 3)]
        assert len(texts) <= most, f'{len(texts)} in a page of {most}'
        assert len(texts) == 1 or sum(len(t) for t, _, _ in texts) <= room, 'more bytes than a page may have'
        assert texts or below == 0, 'an empty page that is not the last'
        shown = {entry if len(entry) <= longest else entry[:HEAD]: entry for entry in self.dead}
        for text, size, died in texts:
            assert text in shown, f'not among the dead: {text[:80]}'
            entry = shown[text]
            assert (size, died) == (len(entry), self.dead[entry])
            reader.read[entry] += 1
            assert reader.is_disturbed or reader.read[entry] == 1, f'read twice: {entry[:80]}'
        reader.below = below
        if below: return
        missed = [entry for entry in reader.due if not reader.read[entry]]
        assert not missed, f'never read: {missed[0][:80]}'
        self.readers.remove(reader)

    def teardown(self):
        """Every reader comes to its end."""
        for _ in range(200):
            if not self.readers: break
            self.page(0)
        else: raise AssertionError('a reader that never ends')

    # What must hold.

    def same(self, got, want): assert got == want, f'got {got!r}, want {want!r}'

    @invariant()
    def agrees(self):
        """Every key is as the model has it."""
        sets = [('scheduled', self.scheduled), ('dead', self.dead), ('parked', self.since), ('cancelled', self.cancelled), *[('parked:' + k, v) for k, v in self.parked.items()]]
        hashes = [('active:' + w, {str(t): raw for t, raw in held.items()}) for w, held in self.active.items()] + [('crashes', {i: str(n) for i, n in self.crashes.items()})]
        ending = [('seen:' + i, ('1', end)) for i, end in self.seen.items()] + [('unique:' + k, v) for k, v in self.locks.items()] + [('result:' + i, ('R', end)) for i, end in self.results.items()]
        got = iter(self.s.many(
            [('LRANGE', Q + k, 0, -1) for k in ('ready', 'landing')] + [('ZRANGE', Q + k, 0, -1, 'WITHSCORES') for k, _ in sets] + [('HGETALL', Q + k) for k, _ in hashes]
            + [('HGET', Q + 'meta', 'fence'), ('LRANGE', Q + 'bell', 0, -1), ('PTTL', Q + 'bell')] + [c for k, _ in ending for c in (('GET', Q + k), ('PTTL', Q + k))] + [('KEYS', '*')]))
        there, places = {'meta', 'workers', 'bell'}, []
        for name, want in (('ready', self.ready), ('landing', self.landing)):
            found = next(got)
            assert found == want, f'{name}: {found} not {want}'
            places += found
            there.add(name)
        for name, want in sets:
            flat = next(got)
            assert flat == [x for m in in_order(want) for x in (m, str(want[m]))], f'{name}: {flat} not {want}'
            if name in ('scheduled', 'dead') or name.startswith('parked:'): places += [m.split('\n', 1)[-1] for m in flat[::2]]
            there.add(name)
        for name, want in hashes:
            flat = next(got)
            assert dict(zip(flat[::2], flat[1::2])) == want, f'{name}: {flat} not {want}'
            if name.startswith('active:'): places += flat[1::2]
            there.add(name)
        assert next(got) == (str(self.fence) if self.fence else None), 'another fence'
        rings = self.now <= self.bell
        assert (next(got), next(got)) == ((['1'], self.bell - self.now) if rings else ([], -2)), 'the bell'
        for name, (value, end) in ending:
            text, ttl = next(got), next(got)
            if self.now <= end: assert (text, ttl) == (value, end - self.now), f'{name}: {text} for {ttl} ms, not {value} for {end - self.now}'
            else: assert text is None, f'{name} outlives its {end}'
            there.add(name)
        extra = {k.removeprefix(Q) for k in next(got)} - there
        assert not extra, f'keys from nowhere: {extra}'
        # Whatever the model says: exactly one place for each job that was accepted and has not ended.
        counts = collections.Counter(places)
        assert counts.keys() == self.open and set(counts.values()) <= {1}, f'places: {counts}, of {self.open}'


# Of no queue's state: counters, and what workers tell of themselves.

minutes = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 600), st.sampled_from(('', '0', '7')), st.dictionaries(st.sampled_from(('done', 'failed', 'ran:3')), st.integers(0, 10 ** 6), max_size=3)), max_size=8)
tellings = st.lists(st.tuples(workers, st.text('{}"ab ', max_size=8), st.integers(1, 9000), st.integers(0, 6000)), max_size=8)


def counts_add_up(scripts, flushes):
    """count: amounts add up, `waiting` is the last that was said, and each flush sets the end anew."""
    scripts.link.call('FLUSHALL')
    scripts.server.set(START)
    want, now = {}, START // 1000
    for minute, seconds, waiting, fields in flushes:
        key = f'count:{minute}'
        assert scripts.run('count', [key], seconds, waiting, *[x for pair in fields.items() for x in pair]) == 1
        if not fields and not waiting and key not in want: continue        # EXPIRE makes no key
        sums, _ = want.setdefault(key, ({}, 0))
        for field, amount in fields.items(): sums[field] = sums.get(field, 0) + amount
        if waiting: sums['waiting'] = int(waiting)
        want[key] = (sums, seconds)
    for key, (sums, seconds) in want.items():
        flat, ttl = scripts.many([('HGETALL', Q + key), ('PTTL', Q + key)])
        assert ({f: int(n) for f, n in zip(flat[::2], flat[1::2])}, ttl) == (sums, seconds * 1000)
    assert set(scripts.link.call('KEYS', '*')) == {Q + key for key in want}


def the_last_telling_counts(scripts, tellings):
    """publish: what was said last is there, for as long as it said."""
    scripts.link.call('FLUSHALL')
    now, want = START // 1000, {}
    scripts.server.set(START)
    for worker, text, ms, wait in tellings:
        assert scripts.run('publish', ['worker:' + worker], text, ms) == 1
        want[worker] = (text, now + ms)
        now += wait
        scripts.server.set(now * 1000)
        for name, (said, end) in want.items():
            got = scripts.many([('GET', Q + 'worker:' + name), ('PTTL', Q + 'worker:' + name)])
            assert got == ([said, end - now] if now <= end else [None, -2]), f'{got}, not {said!r} until {end}'


def adopts_16_mib_at_most(scripts, sizes, want):
    """adopt: oldest first, as many as fit into 16 MiB, and one in any case."""
    scripts.link.call('FLUSHALL')
    scripts.server.set(START)
    scripts.link.call('ZADD', Q + 'workers', 10 ** 15, 'w')
    jobs = ['{"id":"j%d","f":"%s"}' % (n, 'f' * (size << 20)) for n, size in enumerate(sizes)]
    scripts.link.call('ZADD', Q + 'parked', 1, 'x@1')
    for n, raw in enumerate(jobs): scripts.link.call('ZADD', Q + 'parked:x@1', n, raw)
    while jobs:
        got, room, fits = scripts.adopt('w', 'x@1', want)[4], 16 << 20, 0
        for raw in jobs[:want]:
            room -= len(raw)
            if room < 0 and fits: break
            fits += 1
        assert got == jobs[:fits], f'{[len(g) for g in got]} of {[len(j) for j in jobs]}'
        jobs = jobs[fits:]
        assert scripts.link.call('EXISTS', Q + 'parked', Q + 'parked:x@1') == (2 if jobs else 0)


PROPERTIES = ((counts_add_up, (minutes,), 4), (the_last_telling_counts, (tellings,), 4), (adopts_16_mib_at_most, (st.lists(st.sampled_from((0, 5, 8, 17)), min_size=1, max_size=4), small), 1))

CONTROLS = {       # name: {script: [(text, instead)]}
    'enqueue forgets the lock': {'enqueue': [("if unique then redis.call('SET'", "if false then redis.call('SET'")]},
    'enqueue takes one too many': {'enqueue': [("redis.call('ZCARD', ordered) >= longest", "redis.call('ZCARD', ordered) > longest")]},
    'enqueue marks what it refuses': {'enqueue': [("local time = redis.call('TIME')\n", "local time = redis.call('TIME')\nif window > 0 then redis.call('SET', seen, '1', 'PX', window) end\n")]},
    'enqueue rings for what is behind': {'enqueue': [("'-inf', due) == 1", "'-inf', due) > 0")]},
    'park renews the index': {'cycle': [("redis.call('ZADD', KEYS[key - 1], 'NX', now, a)", "redis.call('ZADD', KEYS[key - 1], now, a)")]},
    'park takes the wrong key': {'cycle': [("      key = key + 2\n", "      key = key + 1\n")]},
    'adopt leaves the index': {'adopt': [("if redis.call('EXISTS', jobs_of) == 0 then redis.call('ZREM', parked, kind) end", '')]},
    'adopt leaves the jobs': {'adopt': [("    redis.call('ZREM', jobs_of, unpack(jobs))\n", '')]},
    'adopt gives a fence again': {'adopt': [("redis.call('HSET', meta, 'fence', fence + #jobs - 1)", "redis.call('HSET', meta, 'fence', fence)")]},
    'adopt asks for no lease': {'adopt': [("if not redis.call('ZSCORE', workers, worker) then return {-1} end", '')]},
    'adopt without bound': {'adopt': [('if room < 0 and #jobs > 0 then break end', '')]},
    'unpark from the young end': {'unpark': [('for i = #due, 1, -1 do', 'for i = 1, #due do')]},
    'unpark leaves the jobs': {'unpark': [("  redis.call('ZREM', jobs, job)\n", '')]},
    'unpark leaves the index': {'unpark': [("if redis.call('EXISTS', jobs) == 0 then redis.call('ZREM', parked, kind) end", '')]},
    'dead moves what is not there': {'dead': [("if redis.call('ZSCORE', dead, ARGV[at]) then", 'if true then')]},
    'dead drops the wrong result': {'dead': [("redis.call('DEL', KEYS[2 + at / 2])", "redis.call('DEL', KEYS[3 + moved])")]},
    'dead_page counts from the newest': {'dead_page': [("redis.call('ZRANGE', dead, below - 1, below - 1, 'WITHSCORES')", "redis.call('ZRANGE', dead, count - below, count - below, 'WITHSCORES')")]},
    'dead_page begins one too low': {'dead_page': [('local below = math.min(tonumber(ARGV[1]) or count, count)', 'local below = math.min(tonumber(ARGV[1]) or count, count - 1)')]},
    'dead_page reads to the end of its room': {'dead_page': [("  if room < 0 and #reply > 1 then break end\n", '')]},
    'count sets': {'count': [("redis.call('HINCRBY', counters, ARGV[i], ARGV[i + 1])", "redis.call('HSET', counters, ARGV[i], ARGV[i + 1])")]},
    'count for ever': {'count': [("redis.call('EXPIRE', counters, ARGV[1])\n", '')]},
    'publish for ever': {'publish': [("ARGV[1], 'PX', ARGV[2])", 'ARGV[1], ARGV[2] and nil)')]},
}


def part(scripts, number, examples, shrinks=True):
    """Everything once, from one seed; raises what a check raises."""
    chosen = settings(max_examples=examples, stateful_step_count=50, deadline=None, database=None, report_multiple_bugs=False,
                      suppress_health_check=list(HealthCheck), print_blob=False, phases=[Phase.generate] + ([Phase.shrink] if shrinks else []))
    for check, inputs, share in PROPERTIES:
        def test(values): check(scripts, *values)
        seed(number)(settings(chosen, max_examples=share * examples // 10 + 1)(given(st.tuples(*inputs))(test)))()
    Queue.scripts = scripts
    run_state_machine_as_test(seed(number)(type('Queue', (Queue,), {})), settings=chosen)


def controls(chosen, server, first):
    """One line out at a time; returns how many were not noticed."""
    missed = 0
    for name, changes in CONTROLS.items():
        if not name.startswith(chosen): continue
        begin, caught = time.monotonic(), ''
        scripts = Scripts(server, changes)
        for number in range(first, first + 5):
            try: part(scripts, number, 60, shrinks=False)
            except (AssertionError, Failure) as error: caught = f'{type(error).__name__}: {error}'; break
        missed += not caught
        print(f'{name:40} {"noticed" if caught else "NOT NOTICED"} {time.monotonic() - begin:5.1f} s   {caught.splitlines()[0][:90] if caught else ""}', flush=True)
    return missed


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('--seconds', type=float, default=30); a.add_argument('--first', type=int, default=1); a.add_argument('--controls', nargs='?', const='', metavar='NAME')
    options = a.parse_args()
    needs(('redis-server', 'redis-server'))
    server = Server()
    try:
        if options.controls is not None: sys.exit(controls(options.controls, server, options.first) > 0)
        begin, number, scripts = time.monotonic(), options.first, Scripts(server)
        while number == options.first or time.monotonic() - begin < options.seconds:
            try: part(scripts, number, 40)
            except (AssertionError, Failure) as error:
                print(f'seed {number}: {type(error).__name__}: {error}')
                for note in getattr(error, '__notes__', []): print(note)
                sys.exit(1)
            number += 1
        print(f'seeds {options.first}-{number - 1}, 40 runs of 50 calls each, and {len(PROPERTIES)} properties beside: all right, {time.monotonic() - begin:.0f} s')
    finally:
        server.stop()
        shutil.rmtree(NOTES, ignore_errors=True)


if __name__ == '__main__': main()
