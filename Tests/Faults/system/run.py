"""One run of one fault: its directory, server, proxy, workers and producers, and their end."""
import random, shutil, tempfile, time

from checker import judge
from ledger import Ledger
from producer import Producer, job
from proxy import Proxy
from server import Server
from wait import Late, now_ms, until
from wire import Refused, Wire
from worker import Worker

LEASE = 3          # s, the least that `work` takes
RETURN = 2000      # ms: how soon work goes on after a lease has lapsed, or when Redis is back


class Skip(Exception):
    """This fault cannot be injected here; the text says why."""


class Run:
    """What a scenario gets. `control` is a patch of scripts, see controls.py."""

    def __init__(self, name, seed, release=False, control=None):
        self.name, self.seed, self.release, self.control = name, seed, release, control
        self.rng = random.Random(f'{name}-{seed}')
        self.dir = tempfile.mkdtemp(prefix=f'jobrunner-{name.lower()}-')
        self.ledger = Ledger(self.dir)
        self.server = self.proxy = self.wire = None
        self.workers, self.producers, self.made, self.missed, self.notes = [], [], 0, [], []
        # Of a worker whose safety line was taken out nobody waits long for a drain.
        self.patience = 20 if control else 900 if release else 90

    def size(self, small, large): return large if self.release else small

    # Parts.

    def serve(self, *arguments, clock=False, proxy=False, wrap=()):
        """Starts Redis, and the proxy when asked for or when a control needs one."""
        self.server = Server(self.dir, *arguments, clock=clock, wrap=wrap)
        if proxy or self.control:
            self.proxy = Proxy(self.server.path, self.rng.random(), self.ledger.fault)
            if self.control: self.proxy.swap = self.control.install(self.server)

    @property
    def url(self): return self.proxy.url if self.proxy else f'unix://{self.server.path}'

    def lay(self):
        """Lays the bad wire, Redis at its first end; returns how to start a process at the other, and the URL."""
        try: self.wire = Wire(self.rng.random())
        except Refused as reason: raise Skip(str(reason))
        here, there = self.wire.ends
        self.serve('--port', '6379', '--bind', here.address, '--protected-mode', 'no', wrap=here.wrap)
        return {'wrap': there.wrap, 'url': f'redis://{here.address}:6379'}

    def worker(self, joins=True, **options):
        self.made += 1
        worker = Worker(self.dir, self.made, options.pop('url', self.url), self.ledger, **{'lease': LEASE, **options})
        self.workers.append(worker)
        if joins: worker.joined()
        return worker

    def ids(self, count, start=0): return [f'{self.name.lower()}-{i:07}' for i in range(start, start + count)]

    def produce(self, lines, **options):
        """Starts a producer; `end` waits for it."""
        self.made += 1
        producer = Producer(self.dir, self.made, options.pop('url', self.url), self.ledger, lines, **options)
        self.producers.append(producer)
        return producer

    def enqueue(self, count, start=0, **arguments):
        """Enqueues plain jobs, and waits until they are accepted."""
        producer = self.produce([job(i, **arguments) for i in self.ids(count, start)])
        self.goal(producer.join() == 0, f'enqueue ended with {producer.codes}: {producer.errors}')

    # Waiting.

    def started(self, count, seconds=60): return until(lambda: self.ledger.look()[0] >= count, seconds, f'{count} starts')
    def ended(self, count, seconds=None):
        return until(lambda: self.ledger.look()[1] >= count, seconds or self.size(60, 600), f'{count} ends')

    def pause(self, seconds):
        """Lets time pass: how long a fault lasts, not what it is waited for with."""
        time.sleep(seconds)

    def living(self): return [w for w in self.workers if w.is_alive]

    def is_drained(self): return self.server.is_drained(len(self.living()))

    # Ending.

    def goal(self, met, text):
        """A goal of this fault beside those of all."""
        if not met: self.missed.append(text)

    def drain(self, seconds=None):
        """All faults are over: until nothing is left to do. Returns how long that took, ms."""
        begin = now_ms()
        for producer in self.producers:
            if producer.join() is None: self.missed.append('a producer does not end')
        try: until(self.is_drained, self.patience if self.control else seconds or self.patience, 'drained', 0.1)
        except Late as error: self.missed.append(str(error))
        return now_ms() - begin

    def dismiss(self):
        """TERM to all workers, until they have ended."""
        living = self.living()
        for worker in living:
            worker.last_resident = worker.resident()
            worker.process.terminate()
        for worker in living: self.goal(worker.stop() == 0, f'worker {worker.number} ended with {worker.process.returncode} after TERM')

    def finish(self, causes=(), copies=(), lost_allowed=lambda ms: False, seconds=None, recovery=None, drained=None, buries=False, excused=()):
        """Drains, stops the workers and returns the verdict; `recovery` and `drained` are bounds in ms.

        Nothing may be in the dead set unless it `buries`.
        """
        took = self.drain(seconds)
        if drained: self.goal(took <= drained, f'drained after {took} ms, not within {drained}')
        self.dismiss()
        verdict = judge(self.ledger, self.server, causes, copies, lost_allowed, excused, self.server.torn(), [f for w in self.workers for f in w.leases_lost()])
        if recovery: self.goal(verdict.recovery <= recovery, f'recovered after {verdict.recovery} ms, not within {recovery}')
        for producer in self.producers:
            if producer.codes and producer.codes[-1] == 0 and producer.told != producer.asked:
                verdict.problems.append(f'enqueue ended with 0 and printed {producer.told} handles for {producer.asked} jobs')
            if any(c < 0 for c in producer.codes):
                verdict.problems.append(f'enqueue crashed: {producer.codes}')
                verdict.notes += producer.errors
        if verdict.buried and not buries: verdict.problems.append(f'{len(verdict.buried)} jobs were buried: {next(iter(verdict.buried.items()))}')
        verdict.problems += self.missed
        verdict.notes += self.notes
        return verdict

    def close(self, keep=False):
        """Ends every process of the run, in whatever state it is."""
        for producer in self.producers: producer.end()
        for worker in self.workers: worker.end()
        if self.proxy: self.proxy.stop()
        if self.server: self.server.stop()
        if self.wire: self.wire.stop()
        if not keep: shutil.rmtree(self.dir, ignore_errors=True)
