"""Faults of worker processes: killed, frozen, poisoned, blocked."""
from producer import job
from run import LEASE, RETURN
from server import QUEUE
from wait import Late, now_ms, until


def storm(run, kills, workers, mean):
    """Kills workers one by one, each after a life of exp(mean) ms, and starts others in their place."""
    due = {w: now_ms() + run.rng.expovariate(1 / mean) for w in workers}
    done = 0
    end = now_ms() + 1000 * max(60, kills)
    while done < kills and now_ms() < end:
        victim = min(due, key=due.get)
        run.pause(max(0, due.pop(victim) - now_ms()) / 1000)
        # A worker that never joined held nothing: its death would be none.
        victim.joined()
        victim.kill()
        done += 1
        worker = run.worker(joins=False)
        due[worker] = now_ms() + run.rng.expovariate(1 / mean)
    return done


def f1(run):
    """kill -9 storm: four workers, each killed after exp(400 ms) and replaced"""
    run.serve()
    jobs, kills = run.size(5000, 200_000), run.size(100, 5000)
    producer = run.produce([job(i, milliseconds=run.rng.randint(0, 20)) for i in run.ids(jobs)])
    workers = [run.worker() for _ in range(4)]
    done = storm(run, kills, workers, 400)
    run.goal(producer.join() == 0, f'enqueue ended with {producer.codes}')
    run.goal(done == kills, f'{done} of {kills} kills')
    verdict = run.finish({'kill'}, seconds=180, drained=4 * LEASE * 1000, buries=True)
    if verdict.explained < kills // 5: verdict.problems.append(f'only {verdict.explained} jobs were caught by {kills} kills')
    # Nine of ten: one may be held by several that are killed, each before it starts it.
    late = verdict.waits[len(verdict.waits) * 9 // 10] if verdict.waits else 0
    if late > LEASE * 1000 + RETURN: verdict.problems.append(f'nine of ten jobs ran again only after {late} ms')
    verdict.notes.append(f'run again after {late} ms (nine of ten), {verdict.recovery} ms (longest)')
    most = kills * 4       # slots
    if verdict.explained > most: verdict.problems.append(f'{verdict.explained} duplicates are more than {most}')
    return verdict


def freeze(run, victims):
    """Stops processes until the others have taken all they held, then lets them go on."""
    before = {w: len(w.events('lease_lost')) for w in victims}
    names = [w.identity for w in victims]
    for w in victims: w.freeze()
    known = lambda: [s for key in ('workers', 'reaping') for s in run.server.call('ZMSCORE', QUEUE + key, *names) if s is not None]
    try: until(lambda: not known(), 5 * LEASE, 'the leases of frozen workers lapse')
    except Late as error: run.goal(False, str(error))
    run.pause(run.rng.random() * 0.3)
    for w in victims: w.thaw()
    for w in victims:
        try: until(lambda: len(w.events('lease_lost')) > before[w], 10, 'a thawed worker hears of its lost lease')
        except Late as error: run.goal(False, str(error))


def f12(run):
    """SIGSTOP until the leases have lapsed and the jobs run elsewhere, then SIGCONT"""
    run.serve()
    rounds, count = run.size(6, 200), 700
    workers = [run.worker(concurrency=8) for _ in range(3)]
    for turn in range(rounds):
        # Enough that two have their hands full when they are frozen, and some for when they wake.
        run.produce([job(i, milliseconds=run.rng.randint(20, 100)) for i in run.ids(count, turn * count)]).join()
        run.started(run.ledger.look()[0] + 40)
        freeze(run, run.rng.sample(workers, 2))
    verdict = run.finish({'freeze'}, recovery=LEASE * 1000 + RETURN)
    # Each had at least one job in hand, or the freeze was none.
    if verdict.explained < rounds: verdict.problems.append(f'only {verdict.explained} jobs were caught by {rounds} freezes')
    return verdict


def f16(run):
    """Poison: jobs that take their worker down, among good ones"""
    run.serve()
    good = run.ids(run.size(1000, 5000))
    bad = [f'poison-{i}' for i in range(5)]
    lines = [job(i, milliseconds=2) for i in good]
    for identity, how in zip(bad, ('abort', 'trap', 'exit', 'kill', 'abort')):
        lines.insert(run.rng.randrange(len(lines)), job(identity, 'crash', how=how))
    run.goal(run.produce(lines).join() == 0, 'enqueue failed')
    for _ in range(3): run.worker()
    # Supervise: each that takes itself down is replaced.
    seen = set()
    def settled():
        for w in [w for w in run.workers if w not in seen and w.died()]:
            seen.add(w)
            run.worker(joins=False)
        return run.is_drained() and all(w.identity for w in run.living())
    try: until(settled, run.patience, 'the poison is buried and the rest done', 0.05)
    except Late as error: run.missed.append(str(error))
    verdict = run.finish({'kill'}, buries=True)
    if not run.control:
        for identity in bad:
            run_starts = verdict.starts.get(identity, 0)
            if run_starts != 3: verdict.problems.append(f'{identity} started {run_starts} times, not 3')
            if identity not in verdict.buried: verdict.problems.append(f'{identity} is not in the dead set')
        for identity in set(verdict.buried) - set(bad): verdict.problems.append(f'{identity} was buried: {verdict.buried[identity]}')
        verdict.faults = len(seen)
    return verdict


def f17(run):
    """Blocked pool: handlers that hold every thread for three leases"""
    run.serve()
    for _ in range(2): run.worker(concurrency=4)
    lines = [job(f'block-{i}', 'block-pool', milliseconds=3 * LEASE * 1000) for i in range(4)]
    lines += [job(f'thread-{i}', 'block-thread', milliseconds=3 * LEASE * 1000) for i in range(2)]
    run.produce(lines + [job(i, milliseconds=5) for i in run.ids(200)]).join()
    verdict = run.finish()
    verdict.faults = 4
    lost = sum(len(w.events('lease_lost')) for w in run.workers)
    if lost: verdict.problems.append(f'{lost} leases lapsed')
    return verdict
