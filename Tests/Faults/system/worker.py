"""FaultWorker processes: started, killed, frozen, told to stop; what they say is read from their logs."""
import datetime, json, os, signal, subprocess

from ledger import Fault
from wait import now_ms, until

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..', '..'))
BINARIES = os.environ.get('FAULT_BINARIES', os.path.join(ROOT, '.build', 'debug'))


def armed(failpoint):
    """The variables of a process that is to die there, `<name>` or `<name>:<passes>`; None: nowhere."""
    return {'FAULT_POINT': failpoint} if failpoint else {}


class Worker:
    """One process. `start` returns at once; `joined` waits until it takes jobs."""

    def __init__(self, directory, number, url, ledger, concurrency=4, lease=3, more=(), wrap=(), failpoint=None):
        self.number, self.ledger, self.log, self.errors = number, ledger, os.path.join(directory, f'worker-{number}.log'), os.path.join(directory, f'worker-{number}.err')
        self.frozen, self.offset, self.lines, self.last_resident, self.lease = None, 0, [], 0, lease
        with open(self.log, 'w') as out, open(self.errors, 'w') as err:
            self.process = subprocess.Popen(
                [*wrap, os.path.join(BINARIES, 'FaultWorker'), 'work', '--redis-url', url, '--concurrency', str(concurrency),
                 '--visibility-timeout', f'{lease}s', '--log-format', 'json', '--allow-eviction', *more],
                env=dict(os.environ, FAULT_LEDGER=ledger.path, JOBRUNNER_REDIS_URL=url, **armed(failpoint)), stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        self.pid, self.born = self.process.pid, now_ms()
        self.seen = self.born                      # alive, the last time that anybody looked

    @property
    def is_alive(self): return self.process.poll() is None

    def events(self, name=None, level=None):
        """The lines of its log so far, of one event or level."""
        with open(self.log, 'rb') as f:
            f.seek(self.offset)
            data = f.read()
        whole = data.rfind(b'\n') + 1
        self.offset += whole
        self.lines += [json.loads(line) for line in data[:whole].splitlines() if line.startswith(b'{')]
        return [l for l in self.lines if (name is None or l.get('event') == name) and (level is None or l.get('level') == level)]

    def leases_lost(self):
        """The leases that it says it lost, as faults that begin when the lease did."""
        times = [datetime.datetime.fromisoformat(l['ts'].replace('Z', '+00:00')).timestamp() * 1000 for l in self.events('lease_lost')]
        return [Fault('lease', self.pid, int(ms) - self.lease * 1000, int(ms), '') for ms in times]

    def joined(self, seconds=30):
        """Waits until it has registered; returns its worker id."""
        until(lambda: self.events('joined') or not self.is_alive, seconds, 'a worker that joins')
        return self.identity

    @property
    def identity(self):
        """The id of its last life; None before it joined."""
        lines = self.events('joined')
        return lines[-1]['worker'] if lines else None

    def kill(self):
        """kill -9, and the fault is noted."""
        if not self.is_alive: return
        self.process.kill(); self.process.wait()
        self.ledger.fault('kill', self.pid)

    def died(self):
        """Notes that it took itself down; True when it had."""
        if self.is_alive: self.seen = now_ms(); return False
        self.ledger.fault('kill', self.pid, self.seen, note=f'by itself, {self.process.returncode}')
        return True

    def freeze(self):
        self.frozen = now_ms()
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.pid, signal.SIGCONT)
        self.ledger.fault('freeze', self.pid, self.frozen)
        self.frozen = None

    def stop(self, seconds=40):
        """TERM; returns its exit code, or None when it had to be killed."""
        if self.is_alive: self.process.terminate()
        try: return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill(); self.process.wait()
            return None

    def end(self):
        """For cleaning up: whatever state it is in."""
        if self.is_alive: self.process.kill(); self.process.wait()

    def resident(self):
        """MiB of memory now."""
        with open(f'/proc/{self.pid}/status') as f:
            for line in f:
                if line.startswith('VmRSS'): return int(line.split()[1]) / 1024
