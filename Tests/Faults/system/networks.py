"""Faults of the network, by the proxy: replies lost, connections cut, bytes delayed, half-open."""
from producer import job


def spoiled(run, jobs, lease, phases, jobs_ms=20, concurrency=8):
    """Producers and workers behind the proxy; each phase sets its faults while a share of the jobs runs.

    Ids are the producers' own in half of the jobs, and made by `enqueue` in the others: there the
    client resends with the same id, and nobody repeats what failed.
    """
    run.serve(proxy=True)
    for _ in range(3): run.worker(concurrency=concurrency, lease=lease)
    share, made = jobs // len(phases), 0
    for phase in phases:
        count = share // 10
        producers = []
        for n in range(10):
            ids = run.ids(count, made)
            made += count
            if n % 2: producers.append(run.produce([job(i, milliseconds=run.rng.randint(0, jobs_ms), failures=run.rng.choice((0, 0, 0, 1))) for i in ids], tries=10))
            else: producers.append(run.produce(['{"milliseconds":%d}' % run.rng.randint(0, jobs_ms) for _ in ids], kind='ledger'))
        phase(run.proxy)
        for producer in producers: producer.join()
        try: run.ended(made * 9 // 10)
        finally: run.proxy.calm()
    run.notes.append(f'{sum(c != 0 for p in run.producers for c in p.codes)} of {sum(len(p.codes) for p in run.producers)} enqueue commands failed')


def f3(run):
    """Lost replies: the command is executed, the connection reset before its reply"""
    rate = 0.15 if run.control else 0.05
    def lossy(proxy): proxy.lose = rate
    spoiled(run, run.size(5000, 100_000), 30, [lossy] * run.size(2, 10))
    verdict = run.finish()
    lost = sum(len(w.events('lease_lost')) for w in run.workers)
    if lost: verdict.problems.append(f'{lost} leases lost')
    if verdict.faults < run.size(50, 1000) and not run.control: verdict.problems.append(f'only {verdict.faults} replies lost')
    return verdict


def f4(run):
    """Torn replies, one byte at a time, delays, everything cut at once, half-open"""
    def torn(proxy): proxy.tear = 0.05
    def dribbled(proxy): proxy.dribble = True
    def delayed(proxy): proxy.delay = run.size(0.5, 3.0)
    def cut(proxy):
        for _ in range(10):
            run.pause(0.2)
            proxy.cut_all()
    def hole(proxy):
        proxy.hole = True
        run.pause(run.size(8, 30))
        proxy.hole = False
        run.ledger.fault('hole')
    def mixed(proxy): proxy.tear, proxy.lose, proxy.dribble, proxy.delay = 0.02, 0.02, True, 0.05
    # More at once in release size: where replies are late by up to 3 s, 24 slots end 4 jobs a second.
    spoiled(run, run.size(2400, 50_000), 60, [torn, dribbled, delayed, cut, hole, mixed], concurrency=run.size(8, 64))
    verdict = run.finish(recovery=10_000)
    lost = sum(len(w.events('lease_lost')) for w in run.workers)
    if lost: verdict.problems.append(f'{lost} leases lost')
    biggest = max(w.last_resident for w in run.workers)
    if biggest > 96: verdict.problems.append(f'a worker has {biggest:.0f} MiB')
    return verdict


def f5(run):
    """Packets lost (10 %), delayed (100 ms +- 50) and overtaken, between two network namespaces"""
    far = run.lay()
    jobs = run.size(250, 20_000)
    for _ in range(3): run.worker(joins=False, concurrency=8, lease=30, **far)
    share = jobs // 10
    for n in range(10):
        # As behind the proxy: ids of the producers' own, and ids that `enqueue` makes and resends.
        if n % 2: run.produce([job(i, milliseconds=run.rng.randint(0, 20), failures=run.rng.choice((0, 0, 0, 1))) for i in run.ids(share, n * share)], tries=10, **far)
        else: run.produce(['{"milliseconds":%d}' % run.rng.randint(0, 20) for _ in range(share)], kind='ledger', **far)
    try: run.ended(jobs * 9 // 10, run.size(90, 1200))
    finally: run.wire.calm()
    verdict = run.finish()
    verdict.faults = run.wire.lost
    lost = sum(len(w.events('lease_lost')) for w in run.workers)
    if lost: verdict.problems.append(f'{lost} leases lost')
    wire = run.wire
    verdict.notes.append(f'{wire.sent} packets, {wire.lost} lost, {wire.overtaken} overtaken')
    if wire.lost < wire.sent * 0.05 or wire.overtaken < wire.sent * 0.05: verdict.problems.append('the wire was too good')
    return verdict
