"""How soon what a dead worker held runs again: each of its jobs, from the kill to its next start."""
import json, os, signal, statistics

from producer import job
from run import LEASE, RETURN
from server import QUEUE
from wait import now_ms, until

SLOTS = 4


def held_by(run, pid):
    """Ids of the jobs that the server holds for a process, its buffer included; a worker's id has its pid in it."""
    keys = run.server.keys(QUEUE + f'active:*-{pid}-*')
    return [json.loads(text)['id'] for values in run.server.pipeline([('HVALS', k) for k in keys]) for text in values]


def kill_holding(run, pid, note=''):
    """kill -9 of a process that holds jobs; returns (pid, when in ms, what it held).

    Stopped first, so that what it holds is what it dies with.
    """
    until(lambda: len(held_by(run, pid)) >= SLOTS, 10, 'a worker with its hands full', 0.005)
    os.kill(pid, signal.SIGSTOP)
    jobs, begin = held_by(run, pid), now_ms()
    os.kill(pid, signal.SIGKILL)
    run.ledger.fault('kill', pid, begin=begin, note=note)
    return pid, begin, jobs


def times(run, kills):
    """ms from each kill to the next start, elsewhere, of each job it hit.

    A job whose ack was under way had ended: it starts no more. One that had not is lost if it does not.
    """
    found, ended = [], {(e.id, e.pid) for e in run.ledger.events() if e.what == 'end'}
    starts = [e for e in run.ledger.events() if e.what == 'start']
    for pid, begin, jobs in kills:
        for identity in jobs:
            after = [e.ms - begin for e in starts if e.id == identity and e.pid != pid and e.ms >= begin]
            if after: found.append(min(after))
            else: run.goal((identity, pid) in ended, f'{identity} did not start again')
    return sorted(found)


def report(run, kills, what):
    """Notes the times; returns (median, longest) ms."""
    found = times(run, kills)
    run.goal(len(found) >= len(kills) * SLOTS // 2, f'only {len(found)} jobs were caught by {len(kills)} kills')
    if not found: return 0, 0
    half, most = round(statistics.median(found)), found[-1]
    run.notes.append(f'{what}: {len(found)} jobs of {len(kills)} kills run again after {half} ms (median), {found[len(found) * 9 // 10]} ms (nine of ten), {most} ms (longest)')
    return half, most


def f26(run):
    """kill -9 of a child under a supervisor: what it held runs again at once"""
    run.serve()
    kills = []
    for turn in range(run.size(8, 100)):
        # A new one each time: children that are killed again and again are started later and later.
        parent = run.worker(joins=False, concurrency=SLOTS, more=('--processes', '2'))
        until(lambda: len(parent.events('child_joined')) >= 2, 60, 'two children that work')
        # By turns jobs that are soon over, and such that outlast the goal, in all slots of the other.
        run.enqueue(16, turn * 16, milliseconds=3000 if turn % 2 else run.rng.randint(20, 200))
        kills.append(kill_holding(run, run.rng.choice(parent.events('child_joined'))['child_pid'], 'a child'))
        run.ended((turn + 1) * 16)
        run.goal(parent.stop() == 0, f'supervisor {parent.number} did not end well')
    half, most = report(run, kills, 'child')
    verdict = run.finish({'kill'})
    verdict.recovery = most
    if half > 1000: verdict.problems.append(f'half of the jobs of a dead child ran again only after {half} ms')
    return verdict


def f27(run):
    """kill -9 of a worker that nobody supervises: its jobs run again when its lease has lapsed"""
    run.serve()
    beside, alone = [], []
    for turn in range(run.size(6, 60)):
        # By turns a neighbour that lives on, and one that is started in its place, the only one then.
        victim = run.worker(concurrency=SLOTS)
        other = run.worker(concurrency=SLOTS) if turn % 2 else None
        run.enqueue(20, turn * 20, milliseconds=run.rng.randint(100, 300))
        (beside if other else alone).append(kill_holding(run, victim.pid))
        victim.process.wait()
        other = other or run.worker(concurrency=SLOTS)
        run.ended((turn + 1) * 20)
        run.goal(other.stop() == 0, f'worker {other.number} did not end well')
    most = max(report(run, beside, 'beside another')[1], report(run, alone, 'started in its place')[1])
    verdict = run.finish({'kill'})
    verdict.recovery = most
    bound = LEASE * 1000 + RETURN
    if most > bound: verdict.problems.append(f'a job of a dead worker ran again after {most} ms, not within {bound}')
    return verdict
