"""The verdict: from the ledger, the acknowledgements, the faults and the keys that are left, nothing else."""
import collections, dataclasses, json, re

from server import QUEUE

# Keys that may be left. Those of the first line stay, the others must have an end.
STAY = re.compile(r'jobrunner:(queues|limits|\{\w+\}:(meta|dead))$')
LAPSE = re.compile(r'jobrunner:(worker:.*|\{limit:[^}]*\}:(tokens|running):.*|\{lock:[^}]*\}|\{\w+\}:(flows|flow:[\w.-]+:seen|(result|progress|seen|count):.*))$')


@dataclasses.dataclass
class Verdict:
    jobs: int = 0
    faults: int = 0
    lost: int = 0
    explained: int = 0
    unexplained: int = 0
    stale: int = 0
    leaked: int = 0
    recovery: int = 0               # ms, the longest
    waits: list = dataclasses.field(default_factory=list)        # ms, of each job that a fault hit
    problems: list = dataclasses.field(default_factory=list)     # goals that were missed, in words
    notes: list = dataclasses.field(default_factory=list)
    buried: dict = dataclasses.field(default_factory=dict)       # id → reason
    starts: dict = dataclasses.field(default_factory=dict)       # id → number of starts
    again: collections.Counter = dataclasses.field(default_factory=collections.Counter)      # (pid and fault, had they ended there) → its jobs that started again
    lost_ids: list = dataclasses.field(default_factory=list)


def left_over(server):
    """Keys that should not be there, and those without an end that should have one."""
    keys = [k for k in server.keys() if not STAY.match(k)]
    ends = server.pipeline([('PTTL', k) for k in keys])
    return [k for k, ttl in zip(keys, ends) if not LAPSE.match(k) or ttl == -1]


def dead(server):
    """id → reason of what was given up."""
    found = {}
    for queue in server.queues:
        for entry in server.call('ZRANGE', queue + 'dead', 0, -1):
            head, raw = entry.split('\n', 1)
            found[json.loads(raw).get('id')] = head.split(' ', 1)[1]
    return found


def results(server):
    """id → fence, of every result that has one."""
    keys = server.keys(QUEUE + 'result:*')
    found = {}
    for begin in range(0, len(keys), 1000):
        part = keys[begin:begin + 1000]
        for key, text in zip(part, server.pipeline([('GET', k) for k in part])):
            value = json.loads(text).get('value') if text else None
            if isinstance(value, dict) and 'fence' in value: found[key.rsplit(':', 1)[1]] = value['fence']
    return found


def judge(ledger, server, causes, copies=(), lost_allowed=lambda ms: False, excused=(), torn=(), leases=()):
    """What a run that has drained came to.

    `causes` are the kinds of fault that may explain that a job started twice; one does when it
    lies between the first delivery and the second start and, if it hit a process, that one made
    the first start.
    `copies` are kinds of fault that cut a script short: a job that was in the queue then may be
    there twice from then on, each copy held rightly, so that the later result need not be that
    of the higher fence. `lost_allowed` is asked with the ms at which a lost job was accepted;
    `excused` are ids of jobs that need not have ended. `torn` are ids of jobs that the server put
    back without being told to: see `Server.torn`. `leases` are those that living workers say they
    lost, as faults of their processes: between restarts that come one after another, a worker may
    not get a word in for as long as its lease. Causes where `lease` is one.
    """
    v = Verdict()
    accepted, faults, buried, stored = ledger.accepted(), ledger.faults(), dead(server), results(server)
    v.jobs, v.faults, v.buried = len(accepted), len(faults), buried
    starts, last_end, ends, finished = collections.defaultdict(list), {}, [], set()
    for e in ledger.events():
        if e.what == 'start': starts[e.id].append(e)
        else:
            last_end[e.id] = max(last_end.get(e.id, 0), e.fence)
            ends.append(e.ms)
            finished.add((e.id, e.fence))
    cutting = [f for f in faults if f.kind in copies]
    def may_be_two(identity, ms): return identity in torn or any(f.end >= accepted.get(identity, 0) and f.begin <= ms for f in cutting)
    v.starts = {i: len(s) for i, s in starts.items()}

    forgiven = 0
    for identity, ms in accepted.items():
        if identity in last_end or identity in buried or identity in excused: continue
        if lost_allowed(ms): forgiven += 1
        else: v.lost += 1; v.lost_ids.append(identity)
    if torn: v.notes.append(f'{len(torn)} jobs of transactions that Redis tore at one restart and ran at a later one')
    if forgiven: v.notes.append(f'{forgiven} lost within the bound that the set-up allows')

    hit = collections.defaultdict(list)                       # pid, or None for all → its faults
    for f in faults:
        if f.kind in causes: hit[f.pid].append(f)
    if 'lease' in causes:
        for f in leases: hit[f.pid].append(f)
        if leases: v.notes.append(f'{len(leases)} leases of living workers lapsed between restarts')
    for runs in starts.values():
        runs.sort(key=lambda e: e.fence)       # as they were handed out; not always as they started
        for first, second in zip(runs, runs[1:]):
            if second.attempt > first.attempt: continue       # a retry: the run before had ended
            # It was held since its delivery, whose microsecond its fence is, also before it started.
            begin = min(first.ms, first.fence // 1000)
            cause = [f for f in hit[first.pid] + hit[None] if f.end >= begin and f.begin <= second.ms]
            if cause:
                v.explained += 1
                v.again[(first.pid, cause[0].begin), (first.id, first.fence) in finished] += 1
                v.waits.append(second.ms - max(f.begin for f in cause))
                v.recovery = max(v.recovery, v.waits[-1])
            elif may_be_two(second.id, second.ms): v.explained += 1
            else:
                v.unexplained += 1
                if v.unexplained <= 3: v.notes.append(f'twice without a cause: {first} {second}')
    v.waits.sort()
    v.stale = sum(1 for i, fence in stored.items() if fence < last_end.get(i, 0) and not may_be_two(i, max(ends, default=0)))

    # After a fault that stopped everybody: until a job started that was delivered since, or, where
    # the clock that deliveries are stamped with was moved, until some job ended.
    ends.sort()
    fresh = sorted((e.fence // 1000, e.ms) for runs in starts.values() for e in runs)
    for f in faults:
        if f.pid is None and f.kind in ('restart', 'hole', 'misconf', 'readonly', 'noreplicas', 'clock', 'full'):
            if f.kind in ('clock', 'full'): after = [ms for ms in ends if ms >= f.end][:1]
            else: after = [ms for delivered, ms in fresh if delivered >= f.end][:1]
            v.recovery = max(v.recovery, after[0] - f.end if after else 0)

    left = left_over(server)
    v.leaked = len(left)
    for text, count in (('lost', v.lost), ('started twice without a cause', v.unexplained), ('stale results', v.stale), ('leaked keys', v.leaked)):
        if count: v.problems.append(f'{count} {text}')
    if left: v.notes.append('left over: ' + ' '.join(left[:5]))
    if v.lost: v.notes.append('lost: ' + ' '.join(v.lost_ids[:5]))
    reasons = collections.Counter(re.sub(r'\d+', 'N', r)[:40] for r in buried.values())
    if reasons: v.notes.append('buried: ' + ', '.join(f'{n} {r}' for r, n in reasons.items()))
    return v
