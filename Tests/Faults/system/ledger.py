"""The ledger outside Redis: what handlers did, what producers were told, which faults came when.

Three append-only files of lines, which are all that the checker reads beside the final keys:

    ledger    start|end <id> <fence> <pid> <attempt> <ms>      by the handlers (FaultWorker)
    accepted  <id> <ms>                                        by the producers, when told
    faults    <kind> <pid or -> <begin ms> <end ms> <note>     by whoever injects them
"""
import collections, os, threading

from wait import now_ms

Event = collections.namedtuple('Event', 'what id fence pid attempt ms')
Fault = collections.namedtuple('Fault', 'kind pid begin end note')


class Ledger:
    def __init__(self, directory):
        self.path = os.path.join(directory, 'ledger')
        self.accepted_path = os.path.join(directory, 'accepted')
        self.faults_path = os.path.join(directory, 'faults')
        for path in (self.path, self.accepted_path, self.faults_path): open(path, 'a').close()
        self.lock = threading.Lock()
        self.offset, self.started, self.ended = 0, 0, 0      # what `look` has seen

    def accept(self, identity):
        """A producer was told that this job is accepted."""
        self._append(self.accepted_path, f'{identity} {now_ms()}\n')

    def fault(self, kind, pid=None, begin=None, note=''):
        """A fault that is over now; it began at `begin` ms, or now."""
        now = now_ms()
        self._append(self.faults_path, f'{kind} {pid or "-"} {begin or now} {now} {note}'.rstrip() + '\n')

    def _append(self, path, line):
        with self.lock, open(path, 'a') as f: f.write(line)

    def look(self):
        """Counts the lines that came since; returns (starts, ends) so far."""
        with open(self.path, 'rb') as f:
            f.seek(self.offset)
            data = f.read()
        whole = data.rfind(b'\n') + 1
        self.offset += whole
        starts = data[:whole].count(b'start ')
        self.started += starts
        self.ended += data[:whole].count(b'\n') - starts
        return self.started, self.ended

    # What the checker reads.

    def events(self):
        with open(self.path) as f:
            for line in f:
                what, identity, *numbers = line.split()
                yield Event(what, identity, *map(int, numbers))

    def accepted(self):
        """id → ms at which its producer was told, the first time."""
        found = {}
        with open(self.accepted_path) as f:
            for line in f:
                identity, ms = line.split()
                found.setdefault(identity, int(ms))
        return found

    def faults(self):
        found = []
        with open(self.faults_path) as f:
            for line in f:
                kind, pid, begin, end, *note = line.split(maxsplit=4)
                found.append(Fault(kind, None if pid == '-' else int(pid), int(begin), int(end), ' '.join(note)))
        return found
