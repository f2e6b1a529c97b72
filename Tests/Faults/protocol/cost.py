#!/usr/bin/env python3
"""Redis CPU per job, from INFO's used_cpu, on a private server; prints a table.

    cost.py            all of it, half a minute
    cost.py --quick    a tenth of the jobs

Runs Sources/JobRunner/Store/Scripts/*.lua. Microseconds of server CPU (user + system), network
handling included; `plain` is LMOVE, LREM and SET PX as pipelined commands, in batches of the same
size: what a queue without leases, fences and guards would cost. Needs Python 3.11 and redis-server
7.0, no compiler: here the clock is the server's own.
"""
import shutil, subprocess, sys, tempfile
from model import CYCLE, ENQUEUE, NAMES, Q, TICK as TICKED, keys_of, needs, source, wait_ready

QUICK = '--quick' in sys.argv
KEYS = [Q + k for k in keys_of(CYCLE, 'w')]
TICK = [Q + k for k in TICKED]


class Bench:
    def __init__(self):
        needs(('redis-server', 'redis-server'))
        self.dir = tempfile.mkdtemp(prefix='jobrunner-cost-')
        self.process = subprocess.Popen(['redis-server', '--port', '0', '--unixsocket', self.dir + '/s', '--save', '', '--appendonly', 'no', '--loglevel', 'warning'],
                                        stdout=subprocess.DEVNULL)
        self.link = wait_ready(self.process, self.dir + '/s')
        self.sha = {n: self.link.call('SCRIPT', 'LOAD', source(n)) for n in NAMES}

    def cpu(self):
        info = dict(l.split(':', 1) for l in self.link.call('INFO', 'cpu').split('\r\n') if ':' in l)
        return float(info['used_cpu_user']) + float(info['used_cpu_sys'])

    def pipe(self, commands):
        self.link.send_all(commands)
        return [self.link.read() for _ in commands]

    def evalsha(self, name, keys, args): return ('EVALSHA', self.sha[name], len(keys), *keys, *args)

    def job(self, i, size):
        head = '{"id":"01JH%012d","v":1,"job":"email.welcome","attempt":1,"args":{"user":%d,"fill":"' % (i, i)
        return head + 'x' * max(0, size - len(head) - 3) + '"}}'

    def fill(self, count, size, first=0):
        step = max(1, min(1000, 1_000_000 // size))
        for i in range(first, first + count, step):
            self.link.call('LPUSH', KEYS[0], *[self.job(k, size) for k in range(i, min(i + step, first + count))])

    def timed(self, jobs, action):
        begin, calls = self.cpu(), action()
        return (self.cpu() - begin) / jobs * 1e6

    def cycles(self, count, batch, results):
        self.link.call('ZADD', KEYS[3], 10 ** 15, 'w')
        def action():
            acks, left = [], count
            while left or acks:
                keys, args = list(KEYS), ['w', min(batch, left), len(acks), acks[-1][0] if acks else 0]
                for tag, i in acks:
                    if results: keys.append(f'{Q}result:01JH{i:012d}'); args += [tag, 1, 'result', 3_600_000, '{"ok":true}']
                    else: args += [tag, 0]
                reply = self.link.call(*self.evalsha('cycle', keys, args))
                assert reply[1] == len(acks)
                acks = [(reply[3] + k, int(raw[11:23])) for k, raw in enumerate(reply[4])]
                left -= len(acks)
                assert acks or not left
        return self.timed(count, action)

    def plain(self, count, batch, results):
        def action():
            left = count
            while left:
                n = min(batch, left)
                jobs = self.pipe([('LMOVE', KEYS[0], KEYS[2], 'RIGHT', 'LEFT')] * n)
                acks = []
                for raw in jobs:
                    acks.append(('LREM', KEYS[2], -1, raw))
                    if results: acks.append(('SET', f'{Q}result:{raw[7:23]}', '{"ok":true}', 'PX', 3_600_000))
                self.pipe(acks)
                left -= n
        return self.timed(count, action)

    def reset(self): self.link.call('FLUSHALL')

    def stop(self):
        self.process.kill(); self.process.wait(); shutil.rmtree(self.dir)


def main():
    b = Bench()
    div = 10 if QUICK else 1
    try:
        print('us of server CPU per job, fetch and ack, 130 byte jobs\nbatch   cycle+result   cycle   plain+result   plain')
        for batch in (1, 8, 64, 128):
            n, row = (20_000 if batch == 1 else 60_000) // div, []
            for run in (b.cycles, b.plain):
                for results in (True, False):
                    b.reset(); b.fill(n, 130); row.append(run(n, batch, results))
            print(f'{batch:5}   ' + '   '.join(f'{x:8.2f}' for x in row), flush=True)
        print('\npayload, batch 64 (8 at 100 KB)   cycle+result   cycle   plain+result')
        for size, n in ((100, 40_000), (1_000, 40_000), (10_000, 20_000), (100_000, 2_000)):
            row, batch = [], 8 if size == 100_000 else 64
            for run, results in ((b.cycles, True), (b.cycles, False), (b.plain, True)):
                b.reset(); b.fill(n // div, size); row.append(run(n // div, batch, results))
            print(f'{size:8}   ' + '   '.join(f'{x:8.2f}' for x in row), flush=True)
        print('\nenqueue, pipelined by 64, 130 bytes')
        n = 40_000 // div
        def enqueue(window, unique=False):
            b.reset()
            def action():
                for i in range(0, n, 64):
                    b.pipe([b.evalsha('enqueue', [Q + n for n in keys_of(ENQUEUE, str(k))] + ([f'{Q}unique:{k}'] if unique else []),
                                      [f'{k}', b.job(k, 130), 0, 0, window, 60_000, 0, 'keep', 0, 0]) for k in range(i, min(i + 64, n))])
            return b.timed(n, action)
        def many(window):
            b.reset()
            def action():
                for i in range(0, n, 64):
                    ks = range(i, min(i + 64, n))
                    b.link.call(*b.evalsha('enqueue_many', [KEYS[0]] + ([f'{Q}seen:{k}' for k in ks] if window else []), [window, 0] + [b.job(k, 130) for k in ks]))
            return b.timed(n, action)
        def lpush():
            b.reset()
            return b.timed(n, lambda: [b.pipe([('LPUSH', KEYS[0], b.job(k, 130)) for k in range(i, min(i + 64, n))]) for i in range(0, n, 64)])
        print(f'  enqueue {enqueue(0):.2f}, with window {enqueue(60_000):.2f}, with window and unique {enqueue(60_000, True):.2f}; '
              f'enqueue_many by 64 {many(0):.2f}, with window {many(60_000):.2f}; LPUSH {lpush():.2f}', flush=True)
        def ranked(head):
            b.reset(); b.fill(1, 130)
            def action():
                for i in range(0, n, 64):
                    b.pipe([b.evalsha('enqueue', [Q + x for x in keys_of(ENQUEUE, str(k))],
                                      [f'{k}', b.job(k, 130).replace('","v"', '",' + head(k) + '"v"', 1), 0, 0, 0, 60_000, 0, 'keep', 0, 0]) for k in range(i, min(i + 64, n))])
            return b.timed(n, action), b.cycles(n, 64, True)
        print('\nenqueue, and cycle with result by 64, of jobs in order of rank')
        for what, head in (('a priority', lambda k: f'"priority":{k % 9 + 1},'), ('10 tenants', lambda k: f'"fair":"t{k % 10}",'), ('1,000 tenants', lambda k: f'"fair":"t{k % 1000}",'),
                           ('10,000 tenants', lambda k: f'"fair":"t{k % 10_000}",')):
            enqueued, cycled = ranked(head)
            print(f'  {what:14} {enqueued:.2f} and {cycled:.2f}', flush=True)
        print('\nlong queues: 1,000,000 ready and 1,000,000 scheduled')
        b.reset()
        def idle(calls):
            def action():
                for i in range(0, calls, 50): b.pipe([b.evalsha('tick', TICK, ['w', 1, 30_000, 1000, 100, 10_000, 10 ** 10])] * 50)
            return b.timed(calls, action)
        def sweeps(calls):
            def action():
                for i in range(0, calls, 50): b.pipe([b.evalsha('tick', TICK, ['w', 1, 30_000, 0, 100, 10_000, 10 ** 10])] * 50)
            return b.timed(calls, action)
        def empties(calls):
            b.link.call('ZADD', KEYS[3], 10 ** 15, 'w')
            def action():
                for i in range(0, calls, 50): b.pipe([b.evalsha('cycle', KEYS, ['w', 8, 0, 0])] * 50)
            return b.timed(calls, action)
        calls = 20_000 // div
        b.fill(calls, 130); short = b.cycles(calls, 64, True)
        print(f'  short queue: tick {idle(calls):.2f}, tick with sweep {sweeps(calls):.2f}, empty cycle {empties(calls):.2f}, cycle+result batch 64 {short:.2f}', flush=True)
        b.reset()
        million = 1_000_000 // div
        b.fill(million, 130)
        for i in range(0, million, 1000):
            words = []
            for k in range(i, i + 1000): words += [4_000_000_000_000 + k, b.job(k, 130)]
            b.link.call('ZADD', KEYS[4], *words)
        print(f'  long queues: tick {idle(calls):.2f}, tick with sweep {sweeps(calls):.2f}, cycle+result batch 64 {b.cycles(calls, 64, True):.2f}', flush=True)
        for i in range(500): b.link.call('ZADD', KEYS[3], 10 ** 15 - i, f'x{i}')
        print(f'  and 500 workers: tick {idle(calls):.2f}, tick with sweep {sweeps(calls):.2f}', flush=True)
        due = 50_000 // div
        words = []
        for k in range(due): words += [1000 + k, b.job(10 ** 8 + k, 130)]
        for i in range(0, len(words), 2000): b.link.call('ZADD', KEYS[4], *words[i:i + 2000])
        n = due // 100
        cost = b.timed(due, lambda: b.pipe([b.evalsha('tick', TICK, ['w', 1, 30_000, 0, 100, 10_000, 10 ** 10])] * n))
        print(f'  promote, 100 a sweep, out of 1,000,000 scheduled: {cost:.2f} per job')
        b.reset()
        b.link.call('HSET', Q + 'active:dead', *[x for k in range(due) for x in (10 ** 15 + k, b.job(k, 130))])
        reap = [Q + k for k in ('workers', 'reaping', 'active:dead', 'ready', 'crashes', 'dead')]
        cost = b.timed(due, lambda: b.pipe([b.evalsha('reap', reap, ['dead', 1, 100, 5])] * (due // 100 + 1)))
        print(f'  reap, 100 a call: {cost:.2f} per job')
        b.reset(); b.link.call('ZADD', KEYS[3], 10 ** 15, 'w')
        def second(i):
            b.link.call(*b.evalsha('tick', TICK, ['w', 1, 30_000, 1000, 100, 10_000, 10 ** 10]))
            if i % 2:
                b.link.call('RPOPLPUSH', KEYS[0], KEYS[1])
                b.link.call(*b.evalsha('cycle', KEYS, ['w', 8, 0, 0]))
        print(f'  an idle worker: {b.timed(10_000 // div, lambda: [second(i) for i in range(10_000 // div)]):.0f} us a second (a tick; every other second an RPOPLPUSH and an empty cycle; nothing pipelined)')
        limit = b.timed(calls, lambda: [b.pipe([b.evalsha('take', ['{limit:x}', '{limit:x}:rule'], [1, 1000, 50_000, 1, 0])] * 50) for _ in range(calls // 50)])
        print(f'  take {limit:.2f} per call')
    finally: b.stop()


if __name__ == '__main__': main()
