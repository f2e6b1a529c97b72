"""Faults of the Redis server: killed, rolled back, memory, disk, scripts, rights."""
import os, threading

from producer import job
from run import LEASE, RETURN
from server import QUEUE
from wait import Late, now_ms, until


def restarts(run, policy, rounds, jobs, causes, lost_allowed=lambda ms: False):
    """SIGKILL of Redis and a start from its append-only file, under load, `rounds` times."""
    run.serve('--appendonly', 'yes', '--appendfsync', policy)
    for _ in range(3): run.worker(concurrency=8)
    chunk = jobs // rounds
    for turn in range(rounds):
        lines = [job(i, milliseconds=run.rng.randint(5, 60), failures=run.rng.choice((0, 0, 0, 1))) for i in run.ids(chunk, turn * chunk)]
        ended = run.ledger.look()[1]
        producer = run.produce(lines, tries=3)
        # Every other time while jobs are being accepted, else while they run.
        if turn % 2: until(lambda: producer.process, 10, 'a producer that starts', 0.001)
        else: run.ended(ended + run.rng.randint(1, chunk // 2))
        if turn % 2: run.pause(run.rng.random() * 0.06)
        begin = now_ms()
        run.server.kill(); run.server.start()
        run.ledger.fault('restart', begin=begin)
        producer.join()
        run.ended(min(run.ledger.look()[1] + 1, (turn + 1) * chunk))
    run.notes.append(f'{sum(c != 0 for p in run.producers for c in p.codes)} of {sum(len(p.codes) for p in run.producers)} enqueue commands failed')
    return run.finish(causes, lost_allowed=lost_allowed, recovery=RETURN)


def f6_always(run):
    """Redis SIGKILL and restart, appendfsync always"""
    return restarts(run, 'always', run.size(10, 200), run.size(5000, 100_000), {'restart', 'lease'})


def f6_everysec(run):
    """Redis SIGKILL and restart, appendfsync everysec"""
    def allowed(ms): return any(f.begin - 2000 <= ms <= f.end for f in run.ledger.faults())
    return restarts(run, 'everysec', run.size(10, 200), run.size(5000, 100_000), {'restart', 'lease'}, allowed)


def f6_outage(run):
    """Redis away for most of a lease, again and again"""
    run.serve('--appendonly', 'yes', '--appendfsync', 'always')
    for _ in range(4): run.worker(concurrency=8)
    run.enqueue(2500, milliseconds=60)
    for _ in range(run.size(4, 40)):
        ended = run.ledger.look()[1]
        run.ended(min(ended + 100, 2500))
        begin = now_ms()
        run.server.kill()
        run.pause(LEASE - 0.5)
        run.server.start()
        run.ledger.fault('restart', begin=begin)
        # Jobs that outlive the lease of whoever does not come back in time.
        run.enqueue(1, int(begin), milliseconds=LEASE * 1000)
        run.ended(min(ended + 200, 2500))
        run.pause(LEASE)
    verdict = run.finish(recovery=2 * LEASE * 1000)
    lost = sum(len(w.events('lease_lost')) for w in run.workers)
    if lost: verdict.problems.append(f'{lost} leases lost to an outage shorter than one')
    return verdict


class Sampler:
    """Notes how long the append-only file is, every 10 ms: which byte was written when."""

    def __init__(self, path):
        self.path, self.samples, self.over = path, [], threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while True:
            self.samples.append((now_ms(), os.path.getsize(self.path)))
            if self.over.wait(0.01): break

    def stop(self):
        self.over.set()
        self.thread.join()

    def last(self, ms):
        """(when, size) of the samples of the last `ms` before the last one."""
        return [s for s in self.samples if s[0] >= self.samples[-1][0] - ms]


def f7(run):
    """Power loss: SIGKILL, the log cut at any byte of the last 2 s, restart"""
    # With `no` each reply comes after its write, and no fsync holds one up: what was told before
    # a byte was written is in front of it. Which of the bytes a power loss takes we choose.
    # Never rewritten: the samples are of one file.
    run.serve('--appendonly', 'yes', '--appendfsync', 'no', '--auto-aof-rewrite-percentage', '0')
    for _ in range(3): run.worker(concurrency=8)
    rounds, chunk, cuts = run.size(10, 500), 400, []
    for turn in range(rounds):
        sampler = Sampler(run.server.log())
        try:
            ended = run.ledger.look()[1]
            run.produce([job(i, milliseconds=run.rng.randint(5, 60), failures=run.rng.choice((0, 0, 0, 1))) for i in run.ids(chunk, turn * chunk)], tries=3)
            run.ended(ended + run.rng.randint(1, chunk // 2))
        finally: sampler.stop()
        run.server.kill()
        recent = sampler.last(run.rng.choice((30, 100, 300, 2000)))
        size = run.rng.randint(recent[0][1], os.path.getsize(run.server.log()))
        # What was there in this sample is still there: it was written before the cut.
        begin = max((ms for ms, length in sampler.samples if length <= size), default=recent[0][0])
        run.server.cut(size)
        run.server.start()
        run.ledger.fault('power', begin=begin, note=f'cut at {size}')
        cuts.append((begin, now_ms()))
        run.ended(run.ledger.look()[1] + 1)
    verdict = run.finish({'power', 'lease'}, lost_allowed=lambda ms: any(a <= ms <= b for a, b in cuts))
    if verdict.explained < rounds: verdict.problems.append(f'only {verdict.explained} acks were undone by {rounds} cuts')
    return verdict


def f13(run):
    """maxmemory reached: producers are refused, workers drain"""
    run.serve()
    run.server.call('CONFIG', 'SET', 'maxmemory', int(run.server.info('memory')['used_memory']) + (16 << 20))
    begin = now_ms()
    big = run.produce([job(i, filler='x' * 8000) for i in run.ids(6000)], more=('--connect-patience', '1s'))
    run.goal(big.join() not in (0, None), 'a full Redis accepted everything')
    run.ledger.fault('full', begin=begin)
    run.goal('out of memory' in big.errors[-1], f'not said that memory is out: {big.errors[-1]}')
    for _ in range(2): run.worker()
    run.drain()
    accepted = len(run.ledger.accepted())
    run.goal(0 < accepted < 6000, f'{accepted} of 6000 accepted')
    after = run.produce([job(f'after-{i}') for i in range(500)])
    run.goal(after.join() == 0, f'enqueue after the drain: {after.errors}')
    run.notes.append(f'exit code {big.codes[-1]} after {accepted} jobs')
    return run.finish()


def f15(run):
    """SCRIPT FLUSH every 10 ms"""
    run.serve()
    for _ in range(2): run.worker()
    jobs = run.size(2000, 20_000)
    producers = [run.produce([job(i, milliseconds=run.rng.randint(0, 10), failures=run.rng.choice((0, 0, 0, 1))) for i in run.ids(jobs // 8, n * (jobs // 8))])
                 for n in range(8)]
    for _ in range(60 * 100):
        run.server.call('SCRIPT', 'FLUSH')
        run.ledger.fault('flush')
        if run.ledger.look()[1] >= jobs: break
        run.pause(0.01)
    verdict = run.finish(drained=3 * LEASE * 1000)
    if any(p.codes != [0] for p in producers): verdict.problems.append(f'enqueue saw it: {[p.errors for p in producers if p.codes != [0]][0]}')
    told = [e for w in run.workers for e in w.events(level='error') + w.events('redis')]
    if told: verdict.problems.append(f'{len(told)} errors in logs, the first: {told[0]}')
    return verdict


def f19(run):
    """NOPERM and WRONGTYPE on one command or key, and given back"""
    run.serve()
    for _ in range(3): run.worker()
    commands = ['hset', 'ltrim', 'hdel', 'zadd', 'zrem', 'lpush', 'rpush', 'set', 'lrange', 'hmget', 'evalsha', 'brpoplpush']
    keys = ['crashes', 'cancelled', 'scheduled', 'reaping', 'parked', 'dead']
    plan = commands + keys
    run.rng.shuffle(plan)
    if run.control: plan = ['hset'] * 8
    made = 0
    for what in plan * run.size(1, 3):
        lines = [job(i, milliseconds=run.rng.randint(0, 30), failures=run.rng.choice((0, 0, 1))) for i in run.ids(150, made)]
        made += len(lines)
        started = run.ledger.look()[0]
        run.produce(lines, tries=20)
        run.started(started + run.rng.randint(1, 60))
        begin, code = now_ms(), 'NOPERM'
        before = sum(run.server.refusals(c) for c in ('NOPERM', 'WRONGTYPE', 'ERR'))
        if what in keys:
            if run.server.call('EXISTS', QUEUE + what): continue
            run.server.call('SET', QUEUE + what, 'x')
        else: run.server.call('ACL', 'SETUSER', 'default', '-' + what)
        try:
            # Until somebody met it; a command that nobody sends now is none.
            until(lambda: sum(run.server.refusals(c) for c in ('NOPERM', 'WRONGTYPE', 'ERR')) > before, 2, 'a refusal')
            run.pause(run.rng.random() * 0.4)
            run.ledger.fault('refusal', begin=begin, note=what)
        except Late: pass
        finally:
            if what in keys: run.server.call('DEL', QUEUE + what)
            else: run.server.call('ACL', 'SETUSER', 'default', '+@all')
    # What was set aside is tried again after 30 s.
    verdict = run.finish(copies={'refusal'})
    if verdict.faults < 6: verdict.problems.append(f'only {verdict.faults} injections met anybody')
    if not any(w.events('redis') for w in run.workers): verdict.problems.append('no worker said what it was refused')
    return verdict
