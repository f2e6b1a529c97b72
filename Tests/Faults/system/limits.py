"""Limits and locks, while workers are killed."""
from producer import job
from run import LEASE

RATE, PLACES = 300, 3      # as FaultWorker has them


def most_at_once(run, prefix):
    """The most runs of such jobs that overlap; one that was killed ends with its process."""
    killed = {f.pid: f.end for f in run.ledger.faults() if f.kind == 'kill'}
    begun, spans = {}, []
    for event in run.ledger.events():
        if not event.id.startswith(prefix): continue
        if event.what == 'start': begun[event.id, event.fence] = event
        else: spans.append((begun.pop((event.id, event.fence)).ms, event.ms))
    for event in begun.values():
        if event.pid in killed: spans.append((event.ms, killed[event.pid]))
    moments = sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans])
    now = most = 0
    for _, step in moments: now += step; most = max(most, now)
    return most


def f25(run):
    """Rate, places and a lock, while workers are killed: none is exceeded, none leaks"""
    run.serve()
    jobs = run.size(1500, 10_000)
    limited = [f'limited-{i:06}' for i in range(jobs)]
    lines = [job(i, 'limited') for i in limited]
    lines += [job(f'narrow-{i:04}', 'narrow', milliseconds=run.rng.randint(1, 10)) for i in range(run.size(150, 1000))]
    lines += [job(f'locked-{i:04}', 'locked', milliseconds=run.rng.randint(1, 10)) for i in range(run.size(20, 100))]
    run.rng.shuffle(lines)
    producer = run.produce(lines)
    workers, kills = [run.worker(concurrency=8) for _ in range(run.size(4, 8))], run.size(3, 20)
    for _ in range(kills):
        run.pause(run.rng.uniform(0.5, 1.5))
        victim = run.rng.choice(workers)
        victim.kill()
        workers[workers.index(victim)] = run.worker(joins=False, concurrency=8)
    run.goal(producer.join() == 0, f'enqueue ended with {producer.codes}')
    verdict = run.finish({'kill'}, seconds=180, buries=True)
    starts = sorted(e.ms for e in run.ledger.events() if e.what == 'start' and e.id.startswith('limited'))
    # A handler's own line may be some milliseconds later than the start it was granted.
    window = max(sum(1 for t in starts[i:i + 2 * RATE] if t < s + 1000) for i, s in enumerate(starts))
    rate = (len(starts) - 1) / (starts[-1] - starts[0]) * 1000
    verdict.notes.append(f'{len(starts)} starts at {rate:.1f}/s of {RATE}/s, {window} in the fullest second')
    if window > RATE * 1.05: verdict.problems.append(f'{window} starts in a second, of {RATE}')
    for prefix, most in (('narrow', PLACES), ('locked', 1)):
        found = most_at_once(run, prefix)
        if found > most: verdict.problems.append(f'{found} of {prefix} ran at once, not {most}')
    return verdict
