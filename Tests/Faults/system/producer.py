"""Producers: the real `jobrunner enqueue`, whose printed handles are the acknowledgements."""
import json, os, signal, subprocess, threading

from worker import BINARIES, armed


def job(identity, kind='ledger', **arguments):
    """One job as a line of NDJSON."""
    arguments.setdefault('milliseconds', 0)
    return json.dumps({'id': identity, 'job': kind, 'args': arguments}, separators=(',', ':'))


class Producer:
    """Enqueues lines, each with an id of its own, so that a run that failed may be repeated."""

    def __init__(self, directory, number, url, ledger, lines, more=(), tries=1, kind=None, failpoint=None, wrap=(), chords=0):
        self.file, self.url, self.ledger, self.more, self.tries = os.path.join(directory, f'jobs-{number}'), url, ledger, more, tries
        self.errors, self.codes, self.kind, self.process = [], [], kind, None
        # Of lines that are chords: how many jobs each has.
        self.wrap, self.chords = wrap, chords
        # Its first try dies there.
        self.failpoint, self.deaths = failpoint, 0
        self.asked, self.told = len(lines) * (chords or 1), 0      # jobs, and handles printed by the last try
        with open(self.file, 'w') as f: f.write('\n'.join(lines) + '\n')
        self.thread = threading.Thread(target=self._run)
        self.lock, self.ended = threading.Lock(), False
        self.thread.start()

    def _run(self):
        name = [self.kind] if self.kind else []
        command = [os.path.join(BINARIES, 'jobrunner'), 'enqueue', *name, '--ndjson', self.file, '--print-ids', '--redis-url', self.url, *self.more]
        if self.chords: command = [os.path.join(BINARIES, 'FaultWorker'), 'chords', self.file]
        for turn in range(self.tries):
            with self.lock:
                if self.ended: return
                self.process = subprocess.Popen(
                    [*self.wrap, *command], env=dict(os.environ, SWIFT_BACKTRACE='enable=yes,color=no', JOBRUNNER_REDIS_URL=self.url, **armed(turn == 0 and self.failpoint)),
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            errors = []
            reader = threading.Thread(target=lambda: errors.append(self.process.stderr.read()))
            reader.start()
            self.told = 0
            for line in self.process.stdout:
                self.ledger.accept(line.strip().split('/', 1)[1])
                self.told += 1
            code = self.process.wait()
            reader.join()
            if turn == 0 and self.failpoint and code == -signal.SIGKILL:
                self.deaths += 1
                self.ledger.fault('kill', self.process.pid)
                self.process.stdout.close(); self.process.stderr.close()
                continue
            self.codes.append(code)
            self.errors.append(errors[0])
            self.process.stdout.close(); self.process.stderr.close()
            if self.codes[-1] == 0: return

    @property
    def is_running(self): return self.thread.is_alive()

    def join(self, seconds=120):
        """Waits; returns the last exit code, None when it did not end."""
        self.thread.join(seconds)
        return None if self.is_running else self.codes[-1]

    def end(self):
        """For cleaning up."""
        with self.lock: self.ended = True
        if self.process and self.process.poll() is None: self.process.kill()
        self.thread.join(10)
