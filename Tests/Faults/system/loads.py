"""Large, many, at once, and for long."""
import os, time

from producer import job
from run import LEASE
from wait import now_ms

SLOW = 10_000      # us: no command may take longer


def watch_slow(run):
    """From now on slow commands are noted. The log has wall-clock time: the server goes first."""
    try: os.setpriority(os.PRIO_PROCESS, run.server.process.pid, -15)
    except PermissionError: run.notes.append('not root: other processes may make a command slow')
    run.server.call('CONFIG', 'SET', 'slowlog-log-slower-than', SLOW, 'slowlog-max-len', 128)
    run.server.call('SLOWLOG', 'RESET')


def slow(run):
    """Commands over 10 ms, those of this test's own checks left out."""
    entries = run.server.call('SLOWLOG', 'GET', -1)
    return [(e[2], ' '.join(map(str, e[3][:3]))[:80]) for e in entries if e[3][0].upper() in ('EVALSHA', 'EVAL', 'BRPOPLPUSH', 'LPUSH', 'HVALS', 'HMGET', 'HKEYS')]


def f18(run):
    """1 MiB results and 64 KiB jobs: memory stays flat"""
    run.serve()
    jobs = run.size(300, 1000)
    worker = run.worker(concurrency=4)
    filler, made = 'x' * 65_000, 0
    def batch(count):
        nonlocal made
        run.produce([job(i, result=1_000_000, filler=filler) for i in run.ids(count, made)]).join()
        made += count
        run.ended(made, 120)
        # Old results go: it is the worker that is weighed, not Redis.
        run.server.pipeline([('UNLINK', k) for k in run.server.keys('*:result:*')])
        return worker.resident()
    weights = [batch(jobs // 6) for _ in range(6)]
    run.goal(weights[-1] <= weights[1] + 48, f'resident memory grows: {[round(w) for w in weights]} MiB')
    run.notes.append(f'resident after each sixth: {[round(w) for w in weights]} MiB')
    return run.finish()


def f20(run):
    """Soak: kills, freezes, lost replies and Redis restarts together"""
    run.serve('--appendonly', 'yes', '--appendfsync', 'always', proxy=True)
    seconds, most = run.size(60, 600), run.size(60_000, 1_000_000)
    batch, slots = run.size(250, 1000), run.size(8, 16)
    steady = run.worker(concurrency=slots)             # is never killed: its memory is watched
    others = [run.worker(concurrency=slots) for _ in range(3)]
    end, made, samples = time.monotonic() + seconds, 0, []
    producers, next_restart, next_freeze, next_sample = [], time.monotonic() + 5, time.monotonic() + 3, time.monotonic()
    run.proxy.lose, run.proxy.tear = 0.005, 0.002
    frozen = {}
    while (now := time.monotonic()) < end and made < most:
        # A little ahead of the workers, so that there is always something to hurt.
        if made - run.ledger.look()[1] < 6 * batch and sum(p.is_running for p in producers) < 3:
            ids = run.ids(batch, made)
            made += batch
            producers.append(run.produce([job(i, milliseconds=run.rng.randint(0, run.size(30, 10)), failures=run.rng.choice((0, 0, 0, 1))) for i in ids], tries=20))
        for worker, thaw in list(frozen.items()):
            if thaw <= now: worker.thaw(); del frozen[worker]
        if now >= next_freeze:
            next_freeze = now + run.rng.uniform(4, 8)
            victim = run.rng.choice(others)
            if victim.is_alive and victim not in frozen and victim.identity:
                victim.freeze()
                frozen[victim] = now + LEASE + run.rng.uniform(0.5, 3)
        if run.rng.random() < 0.05:
            victim = run.rng.choice(others)
            if victim not in frozen and victim.identity:
                victim.kill()
                others[others.index(victim)] = run.worker(joins=False, concurrency=slots)
        if now >= next_restart:
            next_restart = now + run.rng.uniform(5, 10)
            begin = now_ms()
            run.server.kill(); run.server.start()
            run.ledger.fault('restart', begin=begin)
        if now >= next_sample:
            next_sample = now + seconds / 20
            kept = [k for k in run.server.keys() if ':result:' not in k and ':seen:' not in k]
            samples.append((steady.resident(), len(kept)))
        run.pause(0.05)
    for worker in frozen: worker.thaw()
    run.proxy.calm()
    half = len(samples) // 2
    memory = [round(m) for m, _ in samples]
    run.goal(max(memory[half:]) <= max(memory[:half]) + 16, f'resident memory grows: {memory} MiB')
    keys = [k for _, k in samples]
    run.goal(max(keys[half:]) <= max(keys[:half]) + 40, f'keys grow: {keys}')
    run.notes.append(f'resident {memory[0]} to {memory[-1]} MiB, keys beside results and marks {keys[0]} to {keys[-1]}')
    # A job may be held by workers that are lost one after another: those that took down three are buried.
    return run.finish({'kill', 'freeze', 'restart'}, seconds=180, buries=True)


def f21(run):
    """Many workers start at once on a full queue"""
    run.serve()
    jobs, workers = run.size(20_000, 100_000), run.size(10, 50)
    run.enqueue(jobs)
    watch_slow(run)
    begin = now_ms()
    made = [run.worker(joins=False, concurrency=10) for _ in range(workers)]
    for worker in made: worker.joined(120)
    run.ended(jobs, 300)
    run.notes.append(f'{jobs} jobs by {workers} workers in {now_ms() - begin} ms')
    late = slow(run)
    verdict = run.finish()
    if late: verdict.problems.append(f'{len(late)} commands over 10 ms: {late[:3]}')
    return verdict


def f22(run):
    """Jobs that are all due in the same millisecond"""
    run.serve()
    jobs = run.size(20_000, 100_000)
    due = now_ms() // 1000 + run.size(8, 30)
    at = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(due))
    producers = [run.produce([job(i) for i in run.ids(jobs // 4, n * (jobs // 4))], more=('--at', at)) for n in range(4)]
    for _ in range(3): run.worker(concurrency=10)
    for producer in producers: run.goal(producer.join() == 0, f'enqueue ended with {producer.codes}: {producer.errors}')
    run.goal(now_ms() < due * 1000, 'they were not enqueued before they were due')
    watch_slow(run)
    run.ended(jobs, 300)
    run.notes.append(f'all done {now_ms() - due * 1000} ms after they were due')
    late = slow(run)
    verdict = run.finish()
    early = [e for e in run.ledger.events() if e.ms < due * 1000]
    if early: verdict.problems.append(f'{len(early)} started before they were due')
    if late: verdict.problems.append(f'{len(late)} commands over 10 ms: {late[:3]}')
    return verdict


def f24(run):
    """Enqueue while no worker runs, then one of one slot: oldest first"""
    run.serve()
    jobs = run.size(20_000, 100_000)
    share = jobs // 4
    producers = [run.produce([job(i) for i in run.ids(share, n * share)]) for n in range(4)]
    for producer in producers: run.goal(producer.join() == 0, f'enqueue ended with {producer.codes}: {producer.errors}')
    run.worker(concurrency=1)
    verdict = run.finish()
    order = [e.id for e in run.ledger.events() if e.what == 'start']
    # Four producers mix; what each enqueued keeps its order.
    for n in range(4):
        mine = [i for i in order if n * share <= int(i.rsplit('-', 1)[1]) < (n + 1) * share]
        if mine != sorted(mine): verdict.problems.append(f'producer {n}: not in the order of enqueueing')
    return verdict
