"""Workflows: chords of 20 jobs and a callback, in one queue or in two, while everything is hurt."""
import collections, json, time

from checker import dead
from clocks import needs_compiler
from failpoints import points
from run import LEASE
from server import QUEUE
from wait import Late, now_ms, until

MEMBERS = 20
OTHER = QUEUE.replace('default', 'other')
# Where the members and the callback are. In one queue a step ends with the ack of its job, else it
# is reported before that.
PLACES = {'one queue': (0, 0), 'callback elsewhere': (0, 1), 'members elsewhere': (10, 0)}
POINTS = ['ended', 'ackSending', 'ackSent', 'acked', *points('workflow')]
KEPT, DAY = 60_000, 86_400_000      # ms after its end, as FaultWorker starts them; its id is known


class Chords:
    """Chords that are started batch by batch, the workers that run them, and what is done to these."""

    def __init__(self, run, total, batch, ahead):
        self.run, self.total, self.batch, self.ahead = run, total, batch, ahead
        self.values, self.outcomes = {}, {}      # id → what its first member returns; id → its outcome
        self.seats, self.armed, self.frozen, self.deaths = [], {}, {}, collections.Counter()
        self.next_look = 0

    def worker(self, **options): return self.run.worker(joins=False, concurrency=8, more=('--queue', 'default=1', '--queue', 'other=1'), **options)

    def line(self, places):
        rng, number = self.run.rng, len(self.values)
        identity, (elsewhere, callback) = f'{self.run.name.lower()}-{number:06}', places
        self.values[identity] = number * MEMBERS
        return json.dumps({'id': identity, 'queues': ['other'] * elsewhere + ['default'] * (MEMBERS - elsewhere), 'callback': ('default', 'other')[callback],
                           'value': number * MEMBERS, 'milliseconds': [rng.randint(0, 20) for _ in range(MEMBERS)], 'failing': rng.choice((None, None, 0, 19))},
                          separators=(',', ':'))

    def start(self, count, failpoint=None):
        """Starts the next ones, half of them in one queue; tried again until all are accepted."""
        names = list(PLACES)
        lines = [self.line(PLACES[names[0] if n % 2 == 0 else names[1 + n // 2 % 2]]) for n in range(count)]
        self.run.produce(lines, tries=50, chords=MEMBERS + 1, failpoint=failpoint)

    def tend(self):
        """What time brings: outcomes, deaths, ends of freezes."""
        for worker in [w for w, thaw in self.frozen.items() if thaw <= time.monotonic()]:
            worker.thaw()
            del self.frozen[worker]
        for worker in [w for w in self.armed if w.died()]: self.deaths[self.armed.pop(worker)] += 1
        if time.monotonic() < self.next_look: return
        self.next_look = time.monotonic() + 0.2
        pending = [i for i in self.values if i not in self.outcomes]
        # The home of a workflow is the queue of its first job.
        texts = self.run.server.pipeline([('GET', q + 'result:' + i) for i in pending for q in (QUEUE, OTHER)])
        for i, identity in enumerate(pending):
            text = texts[2 * i] or texts[2 * i + 1]
            if isinstance(text, str): self.outcomes[identity] = json.loads(text)

    def waiting(self): return len(self.values) - len(self.outcomes)

    def until(self, condition, seconds, what):
        def tended():
            self.tend()
            return condition()
        until(tended, seconds, what)

    def hurt(self, what):
        """One fault; those of a process last on beside the next ones."""
        run = self.run
        if what in POINTS: self.armed[self.worker(failpoint=f'{what}:{run.rng.randint(1, 6)}')] = what
        elif what == 'restart':
            begin = now_ms()
            run.server.kill(); run.server.start()
            run.ledger.fault('restart', begin=begin)
        elif what == 'cut': run.proxy.cut_all()
        else:
            # The others have joined, so that somebody is there to take over.
            self.until(lambda: all(w.identity for w in self.seats), 30, 'workers that join')
            victim = run.rng.choice([w for w in self.seats if w not in self.frozen] or self.seats)
            if what == 'freeze' and victim not in self.frozen:
                victim.freeze()
                self.frozen[victim] = time.monotonic() + LEASE + run.rng.uniform(0.5, 2)
            elif what == 'kill':
                self.frozen.pop(victim, None)
                victim.kill()
                self.seats[self.seats.index(victim)] = self.worker()

    def play(self, plan):
        """All chords and all faults, one batch each; then until every death has come and every chord ended."""
        run = self.run
        self.seats = [self.worker() for _ in range(3)]
        for turn, what in enumerate(plan):
            dies = run.rng.choice(points('producer')) + f':{run.rng.randint(1, 3)}' if turn % 5 == 4 else None
            count = self.total * (turn + 1) // len(plan) - self.total * turn // len(plan)
            if count: self.start(count, dies)
            self.until(lambda: self.waiting() <= self.ahead * self.batch, 120, 'chords that end')
            run.pause(run.rng.uniform(0, 0.1))
            self.hurt(what)
        while self.armed:
            # Each has still to come to its point.
            self.start(self.batch)
            limit = self.waiting() - self.batch
            self.until(lambda: not self.armed or self.waiting() <= max(0, limit), 60, 'deaths at given points')
        self.until(lambda: not self.frozen, 30, 'workers that thaw')
        for producer in run.producers: producer.join()
        run.proxy.calm()
        try: self.until(lambda: self.waiting() == 0, run.patience, 'an outcome of each chord')
        except Late as error: run.missed.append(str(error))

    def given_up(self):
        """Chords with a job that was lost with three workers, one after another, and is buried for it."""
        buried = dead(self.run.server)
        others = [f'{i}: {reason}' for i, reason in buried.items() if not reason.startswith('lost with ')]
        self.run.goal(not others, f'{len(others)} jobs were buried that no kill hit: {others[:3]}')
        chords = {i.rsplit('.', 1)[0] for i in buried}
        return {i for i in chords if self.outcomes.get(i, {}).get('state') == 'dead'}

    def judge(self, given_up):
        """Goals that were missed, in words; those that were `given_up` have an outcome that says so, and no callback."""
        problems, ended, told = [], collections.defaultdict(set), {}
        early, callbacks = [], set()
        for event in self.run.ledger.events():
            # In the order of the file: a job is acked after its line is there.
            chord, step = event.id.rsplit('.', 1)
            if int(step) < MEMBERS:
                if event.what == 'end': ended[chord].add(step)
            elif event.what == 'end': callbacks.add(chord)
            elif len(ended[chord]) < MEMBERS: early.append(event.id)
        if early: problems.append(f'{len(early)} callbacks started early: {early[:3]}')
        for identity, value in self.values.items():
            if identity in given_up: continue
            outcome = self.outcomes.get(identity)
            if not outcome: told.setdefault('have no outcome', []).append(identity)
            elif outcome.get('state') != 'done': told.setdefault('are not done', []).append(f'{identity} {outcome}')
            elif outcome.get('value') != list(range(value, value + MEMBERS)): told.setdefault('have another result', []).append(f'{identity} {outcome}')
            if identity not in callbacks: told.setdefault('have no callback that ended', []).append(identity)
        return problems + [f'{len(found)} chords {what}: {found[:3]}' for what, found in told.items()]


def f31(run):
    """Workflows: chords of 20 and a callback; workers die at each step, replies are lost, Redis restarts"""
    needs_compiler()
    run.serve('--appendonly', 'yes', '--appendfsync', 'always', clock=True, proxy=True)
    run.server.queues.append(OTHER)
    total, each = run.size(100, 10_000), run.size(1, 40)
    plan = POINTS * each + ['kill'] * run.size(3, 100) + ['restart', 'cut', 'freeze'] * run.size(1, 20)
    # The patched scripts of a control would not outlive a restart.
    if run.control: plan = [p for p in plan if p != 'restart']
    run.rng.shuffle(plan)
    run.proxy.lose, run.proxy.tear = 0.05 if run.control else 0.01, 0.002
    chords = Chords(run, total, batch=max(1, total // len(plan)), ahead=run.size(3, 6))
    chords.play(plan)
    run.drain()
    given_up = chords.given_up()
    run.dismiss()
    for point in POINTS: run.goal(chords.deaths[point] == each, f'{point}: {chords.deaths[point]} deaths, not {each}')
    run.missed += chords.judge(given_up)
    # What is kept of a workflow is gone when its time is over: of none is a key left.
    # Their own ids are known for a day after that, as those of their jobs are.
    kept = run.server.keys('*:flow:*')
    late = [(k, ttl) for k, ttl in zip(kept, run.server.pipeline([('PTTL', k) for k in kept])) if not -2 <= ttl <= (DAY if k.endswith(':seen') else KEPT) or ttl == -1]
    run.goal(kept and not late, f'{len(late)} of {len(kept)} keys of workflows end later than is said: {late[:3]}')
    run.server.shift(KEPT + 1000)
    left = [k for k in run.server.keys('*:flow:*') if not k.endswith(':seen')] + run.server.keys('*:result:*')
    run.goal(not left, f'{len(left)} keys of workflows are left: {left[:3]}')
    run.server.shift(0)
    excused = {i for i in run.ledger.accepted() if i.rsplit('.', 1)[0] in given_up}
    verdict = run.finish({'kill', 'freeze'}, buries=True, excused=excused)
    kinds = collections.Counter(f.kind for f in run.ledger.faults())
    verdict.notes.append(f'{len(chords.values)} chords, {len(given_up)} of them given up, with a job that was killed three times; ' + ', '.join(f'{n} {k}' for k, n in sorted(kinds.items())))
    if verdict.faults < run.size(20, 1000): verdict.problems.append(f'only {verdict.faults} faults')
    return verdict
