"""Faults of clocks: the server's, which decides over leases, and the workers', which must not."""
import os, shutil, subprocess

from producer import job
from run import LEASE, Skip
from server_clock import compiler
from wait import now_ms


def needs_compiler():
    if not shutil.which(compiler()): raise Skip('no C compiler, which a clock of our own needs')


def f10(run):
    """The server's clock: an hour ahead, back, 5 s to and fro, 10 % too fast"""
    needs_compiler()
    run.serve(clock=True)
    for _ in range(3): run.worker(concurrency=6)
    shift, made = 0, 0
    for step in (3_600_000, -3_600_000, 5000, -5000, 3_600_000, -3_600_000) * run.size(1, 10):
        lines = [job(i, milliseconds=run.rng.randint(10, 80)) for i in run.ids(300, made)]
        # Longer than a lease: what holds it must be renewed on both sides of the step.
        lines += [job(f'long-{made + i}', milliseconds=LEASE * 1000 + 500) for i in range(6)]
        made += 300
        run.produce(lines).join()
        run.started(run.ledger.look()[0] + 100)
        shift += step
        run.server.shift(shift)
        run.ledger.fault('clock', note=f'{step:+} ms')
        # The lease goes on, and so does the upkeep: a job that is due a second later comes.
        run.produce([job(f'due-{made}')], more=('--in', '1s')).join()
        run.ended(made + made // 50 + made // 300, 40)
    for _ in range(100):
        shift += 5
        run.server.shift(shift)
        run.pause(0.05)
    run.ledger.fault('clock', note='drift of 10 %')
    verdict = run.finish(recovery=2 * LEASE * 1000)
    lost = sum(len(w.events('lease_lost')) for w in run.workers)
    if lost: verdict.problems.append(f'{lost} leases were lost to the clock')
    return verdict


SHIFTED = r'''
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long shift(void) { const char *s = getenv("FAULT_SHIFT"); return s ? atol(s) : 0; }
int clock_gettime(clockid_t id, struct timespec *ts) {
  int r = syscall(SYS_clock_gettime, id, ts);
  if (r == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) ts->tv_sec += shift();
  return r;
}
int gettimeofday(struct timeval *restrict tv, void *restrict tz) {
  struct timespec ts;
  (void)tz;
  clock_gettime(CLOCK_REALTIME, &ts);
  tv->tv_sec = ts.tv_sec; tv->tv_usec = ts.tv_nsec / 1000;
  return 0;
}
time_t time(time_t *out) {
  struct timespec ts;
  clock_gettime(CLOCK_REALTIME, &ts);
  if (out) *out = ts.tv_sec;
  return ts.tv_sec;
}
'''


def f11(run):
    """Workers whose clocks are a day ahead and a day behind"""
    needs_compiler()
    run.serve()
    code, library = os.path.join(run.dir, 'shifted.c'), os.path.join(run.dir, 'shifted.so')
    with open(code, 'w') as f: f.write(SHIFTED)
    subprocess.run([compiler(), '-shared', '-fPIC', '-O1', '-o', library, code], check=True)
    day = 86_400
    for seconds in (day, -day, 0): run.worker(wrap=('env', f'LD_PRELOAD={library}', f'FAULT_SHIFT={seconds}'))
    run.produce([job(i, milliseconds=run.rng.randint(0, 20), failures=run.rng.choice((0, 0, 1))) for i in run.ids(1000)]).join()
    run.produce([job(f'due-{i}') for i in range(50)], more=('--in', '2s')).join()
    run.ledger.fault('worker-clock', note='+1 d'); run.ledger.fault('worker-clock', note='-1 d')
    verdict = run.finish(drained=3 * LEASE * 1000)
    # Else the preload did not take: every pid must have written its own day.
    days = {round((e.ms - now_ms()) / 86_400_000) for e in run.ledger.events()}
    if days != {-1, 0, 1}: verdict.problems.append(f'the clocks were not moved: {sorted(days)}')
    return verdict
