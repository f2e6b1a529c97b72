"""F2: processes that die at a given line of their code, see Sources/JobRunner/Failpoint.swift.

Every failpoint of the code is in POINTS; a unit test compares the two. Those of workflows are F31's, see chords.py.
"""
import collections, os, signal

from producer import job
from server import QUEUE
from wait import now_ms, until

SLOTS = 4
# How a process is brought to each. Those of the first two groups come before its first handler
# starts: it then has started no job at all. At the others, what ran may run again, one a slot, and
# what had ended and was not acked, one a slot.
POINTS = {
    'enqueueSending': 'producer', 'enqueueSent': 'producer', 'enqueueAnswered': 'producer',
    'woken': 'idle', 'joined': 'early', 'fetchSending': 'early', 'fetchSent': 'early', 'fetched': 'early', 'starting': 'early',
    'running': 'late', 'ended': 'late', 'ackSending': 'late', 'ackSent': 'late', 'acked': 'late', 'ticked': 'late',
    'advancing': 'workflow', 'advanced': 'workflow',       # by F31
    'reaped': 'reaper', 'givingBack': 'stop', 'reapingDead': 'supervisor',
}
# What the server holds for one that died there before it started anything; None: not looked at.
HOLDS = {'woken': True, 'joined': False, 'fetchSending': False, 'fetchSent': True, 'fetched': True, 'starting': True}


def points(*hows): return [p for p, how in POINTS.items() if how in hows]


def is_gone(pid):
    """A process that is not our child has ended; it may be that nobody has asked for its exit code."""
    try:
        with open(f'/proc/{pid}/stat') as f: return f.read().rsplit(')', 1)[1].split()[0] == 'Z'
    except FileNotFoundError: return True


class Round:
    """Some deaths at every point, from an empty queue to an empty queue."""

    def __init__(self, run, each):
        self.run, self.each, self.victims, self.deaths = run, each, {}, collections.Counter()

    # Jobs.

    def lines(self, count):
        """Jobs so long that what a slot has ended is acked before its next one ends."""
        start, self.run.jobs = self.run.jobs, self.run.jobs + count
        return [job(i, milliseconds=self.run.rng.randint(60, 100)) for i in self.run.ids(count, start)]

    def push(self):
        """One job, by a producer in another language; its reply is the acknowledgement."""
        line = self.lines(1)[0]
        self.run.server.call('LPUSH', QUEUE + 'ready', line)
        self.run.ledger.accept(self.run.ids(1, self.run.jobs - 1)[0])

    def waiting(self): return self.run.server.call('LLEN', QUEUE + 'ready')

    # Victims.

    def arm(self, point, passes=1, **options):
        worker = self.run.worker(joins=False, concurrency=SLOTS, failpoint=f'{point}:{passes}', **options)
        self.victims[worker] = point
        return worker

    def held(self, pid):
        """Jobs that the server holds for a process; a worker's id has its pid in it."""
        keys = self.run.server.keys(QUEUE + f'active:*-{pid}-*')
        return sum(self.run.server.pipeline([('HLEN', k) for k in keys]))

    def bury(self):
        """Notes who has died since; returns how many live."""
        for worker, point in list(self.victims.items()):
            if not worker.died(): continue
            del self.victims[worker]
            self.deaths[point] += 1
            code = worker.process.returncode
            self.run.goal(code == -signal.SIGKILL, f'{point}: ended with {code}, not by itself')
            if POINTS[point] in ('idle', 'early'): self.run.early.append((worker, now_ms(), point))
            wanted = HOLDS.get(point)
            if wanted: until(lambda: self.held(worker.pid), 2, f'{point}: jobs that the dead one held')
            elif wanted is False: self.run.goal(self.held(worker.pid) == 0, f'{point}: died with {self.held(worker.pid)} jobs held')
        return len(self.victims)

    # Phases.

    def idle(self):
        """On an empty queue: those that a job wakes die, and then those that reap them."""
        reapers = [self.arm('reaped') for _ in range(self.each)]
        woken = [self.arm('woken') for _ in range(self.each)]
        for worker in reapers + woken: worker.joined()
        until(lambda: int(self.run.server.info('clients')['blocked_clients']) >= len(self.victims), 10, 'idle workers')
        for left in range(self.each - 1, -1, -1):
            def woke():
                if not self.waiting(): self.push()
                self.bury()
                return list(self.victims.values()).count('woken') <= left
            until(woke, 20, 'a worker that dies as it is woken', 0.05)
            # One reaper reaps all that has lapsed, so the next one's turn is its next tick.
            self.run.pause(1.2)
        until(lambda: self.bury() == 0, 30, 'workers that die as they reap', 0.05)

    def busy(self):
        """With jobs enough: all others."""
        run = self.run
        producers = [run.produce(self.lines(30), tries=2, failpoint=p) for p in points('producer') for _ in range(self.each)]
        feed = run.produce(self.lines(60))
        until(lambda: self.waiting() > 30, 20, 'jobs')
        run.steady = run.worker(joins=False, concurrency=SLOTS)
        for point in points('early') * self.each: self.arm(point)
        for point in points('late') * self.each: self.arm(point, run.rng.randint(1, 3 if point == 'ticked' else 6))
        leaving = [self.arm('givingBack', run.rng.randint(1, 2)) for _ in range(self.each)]
        parents = [self.arm('reapingDead', more=('--processes', '2')) for _ in range(self.each)]
        orphans = list(parents)
        def over():
            nonlocal feed
            if self.waiting() < 30 and not feed.is_running: feed = run.produce(self.lines(60))
            for worker in [w for w in leaving if self.holds_now(w)]:
                # QUIT: everything is given back at once.
                run.ledger.fault('stop', worker.pid)
                worker.process.send_signal(signal.SIGQUIT)
                leaving.remove(worker)
            for parent in list(parents):
                victim = next((c for c in self.children(parent) if self.held(c)), None)
                if victim is None or len(parent.events('child_joined')) < 2: continue
                os.kill(victim, signal.SIGKILL)
                run.ledger.fault('kill', victim, note='a child')
                parents.remove(parent)
            return self.bury() == 0
        until(over, 60, 'deaths at every point', 0.05)
        children = [c for parent in orphans for c in self.children(parent)]
        until(lambda: all(map(is_gone, children)), 30, 'children that end with their supervisor')
        for producer in producers:
            run.goal(producer.join() == 0 and producer.deaths == 1, f'a producer: {producer.deaths} deaths, then {producer.codes}: {producer.errors}')
            self.deaths[producer.failpoint] += producer.deaths

    def children(self, parent): return [e['child_pid'] for e in parent.events('child_started')]

    def holds_now(self, worker): return worker.is_alive and worker.events('joined') and self.held(worker.pid) > 0


def f2(run):
    """A process dies by SIGKILL at each of 18 given places in the code"""
    run.serve()
    run.jobs, run.early, deaths = 0, [], collections.Counter()
    each = 2
    for turn in range(run.size(1, 100)):
        this = Round(run, each)
        this.idle()
        this.busy()
        deaths += this.deaths
        if turn + 1 < run.size(1, 100):
            run.drain()
            run.goal(run.steady.stop() == 0, 'the steady worker did not end well')
    mine = [p for p, how in POINTS.items() if how != 'workflow']
    for point in mine:
        wanted = each * run.size(1, 100)
        run.goal(deaths[point] == wanted, f'{point}: {deaths[point]} deaths, not {wanted}')
    run.notes.append(f'{sum(deaths.values())} deaths at {len(mine)} points')
    # A job may be with several that die, one after another.
    verdict = run.finish({'kill', 'stop'}, buries=True)
    started = collections.defaultdict(list)
    for e in run.ledger.events(): started[e.pid].append(e.ms)
    # Thousands of processes: a number comes again.
    for worker, died, point in run.early:
        if any(worker.born <= ms <= died for ms in started[worker.pid]): verdict.problems.append(f'{point}: a job had started in the process that died there')
    for has_ended, what in ((False, 'that ran'), (True, 'that had ended')):
        most = max((n for (_, e), n in verdict.again.items() if e == has_ended), default=0)
        if most > SLOTS: verdict.problems.append(f'{most} jobs {what} in one process of {SLOTS} slots ran again')
        if most == 0: verdict.problems.append(f'no job {what} in a process that died ran again')
    return verdict
