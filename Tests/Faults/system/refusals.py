"""States in which Redis answers and refuses: it loads its file, is a replica, has too few replicas.

Each worker has to go on by itself within RETURN of its end.
"""
from producer import job
from run import LEASE, RETURN
from wait import Late, now_ms, until

JOBS = 60          # ms: a job


def resumed(run, since, back):
    """Waits until each worker has started a job that was delivered after `since`; ms from `back` to the last of them."""
    found = {w.pid: None for w in run.living()}
    def all_started():
        for e in run.ledger.events():
            if e.what == 'start' and e.fence // 1000 > since and found.get(e.pid, 0) is None: found[e.pid] = e.ms
        return None not in found.values()
    try: until(all_started, 15, 'each worker goes on', 0.2)
    except Late as error: run.goal(False, str(error))
    return max(0, *(15_000 if ms is None else ms - back for ms in found.values()))


def said(run, text):
    """Lines of each worker's log that are a trouble with Redis and hold the text."""
    return [sum(text in json_line.get('message', '') for json_line in w.events('redis')) for w in run.workers]


def unhurt(run):
    """Nobody ended, nobody lost a lease."""
    run.goal(len(run.living()) == len(run.workers), 'a worker ended by itself')
    lost = sum(len(w.events('lease_lost')) for w in run.workers)
    run.goal(not lost, f'{lost} leases lost')


def f28(run):
    """Redis restarted under load, with seconds of loading: no worker restarts, work goes on at once"""
    run.serve('--appendonly', 'yes', '--appendfsync', 'always')
    for _ in range(3): run.worker(concurrency=8)
    rounds, times = run.size(5, 50), []
    for turn in range(rounds):
        run.enqueue(1200, turn * 1200, milliseconds=JOBS)
        run.ended(run.ledger.look()[1] + run.rng.randint(20, 200))
        begin = now_ms()
        run.server.kill()
        since = now_ms()
        run.pause(run.rng.choice((0, 0.5, 3)))
        run.server.start_slowly()
        back = now_ms()
        run.ledger.fault('restart', begin=begin)
        refused = run.server.rejected('ping')
        run.goal(refused or turn == 0, 'no worker met it while it loaded')
        times.append(resumed(run, since, back))
    run.notes.append(f'from its first answer to the first job of the last worker: {times} ms')
    run.goal(max(times) <= RETURN, f'a worker went on after {max(times)} ms, not within {RETURN}')
    unhurt(run)
    return run.finish()


def refused(run, code, enter, leave):
    """Workers and producers meet a server that refuses writes for two leases; then it takes them again."""
    for _ in range(3): run.worker()
    run.enqueue(1000, milliseconds=JOBS)
    run.ended(50)
    begin = now_ms()
    enter()
    lines = [job(i) for i in run.ids(200, 1000)]
    first = run.produce(lines)
    run.goal(first.join() == 75 and code in first.errors[-1], f'a refused enqueue ended with {first.codes}: {first.errors}')
    run.pause(2 * LEASE)
    run.goal(run.server.refusals(code) > 0, 'nothing was refused')
    back = now_ms()
    leave()
    run.ledger.fault(code.lower(), begin=begin)
    took = resumed(run, back, back)
    run.goal(took <= RETURN, f'a worker went on after {took} ms, not within {RETURN}')
    again = run.produce(lines)
    run.goal(again.join() == 0, f'enqueue after it ended with {again.codes}: {again.errors}')
    lines = said(run, code)
    run.goal(set(lines) == {1}, f'the logs say it {lines} times, not once each')
    run.notes.append(f'the last of three workers went on after {took} ms; {run.server.refusals(code)} commands were refused')
    unhurt(run)
    verdict = run.finish()
    verdict.recovery = max(verdict.recovery, took)
    return verdict


def f29(run):
    """READONLY: the server is a replica for two leases, as after a failover"""
    run.serve()
    return refused(run, 'READONLY', lambda: run.server.call('REPLICAOF', '127.0.0.1', 1), lambda: run.server.call('REPLICAOF', 'NO', 'ONE'))


def f30(run):
    """NOREPLICAS: fewer replicas than min-replicas-to-write for two leases"""
    run.serve()
    def ask(count): return lambda: run.server.call('CONFIG', 'SET', 'min-replicas-to-write', count)
    return refused(run, 'NOREPLICAS', ask(1), ask(0))


def f14(run):
    """MISCONF: snapshots fail and writes are refused for two leases"""
    run.serve('--save', '3600', '1', '--stop-writes-on-bgsave-error', 'yes')
    def snapshot(status):
        run.server.call('BGSAVE')
        until(lambda: run.server.info('persistence')['rdb_last_bgsave_status'].strip() == status, 20, f'a snapshot that is {status}')
    def enter():
        run.server.lose_directory()
        snapshot('err')
    def leave():
        run.server.call('CONFIG', 'SET', 'dir', run.server.dir)
        snapshot('ok')
    return refused(run, 'MISCONF', enter, leave)
