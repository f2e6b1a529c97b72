#!/usr/bin/env python3
"""Every return code of every Lua script of the library, once, with a clock of our own.

    contracts.py

Runs Sources/JobRunner/Store/Scripts/*.lua on a private redis-server, as model.py does and with
the same needs: Linux, Python 3.11, redis-server 7.0, a C compiler.
"""
import json

from model import CYCLE, ENQUEUE, Failure, keys_of, Link, NAMES, PROMOTE, Q, START, Server, TICK, cut, load, source

server = Server()
link, scripts, ran = Link(server.path, 'admin'), load(), 0


def run(name, keys, *args):
    return link.call('EVAL', scripts[name], len(keys), *[k if k.startswith('{') else Q + k for k in keys], *args)


def is_(got, want):
    global ran
    ran += 1
    assert got == want, f'check {ran}: got {got!r}, want {want!r}'


def now(): return server.now() // 1000
def wait(ms): server.set(server.now() + ms * 1000)
def job(i, head=''): return '{"id":"%s",%s"job":"x"}' % (i, head)
def reset(): link.call('FLUSHALL'); server.set(START)
def lists(): return [link.call('LRANGE', Q + k, 0, -1) for k in ('ready', 'landing')]


def enqueue(i, delay=0, due=0, window=1000, unique=None, longest=0, policy='keep', front=0, most=0, head=''):
    return run('enqueue', keys_of(ENQUEUE, i) + ([f'unique:{unique}'] if unique else []), i, job(i, head), delay, due, window, 500, longest, policy, front, most)


def tick(worker='w', join=1, lease=3000, every=1000, limit=10, kept=100, age=10 ** 9):
    return run('tick', TICK, worker, join, lease, every, limit, kept, age)


def cycle(want, *acks, worker='w', keys=(), floor=0):
    args = [x for tag, *writes in acks for x in [tag, len(writes)] + [y for w in writes for y in w]]
    return run('cycle', [*keys_of(CYCLE, worker), *keys],
               worker, want, len(acks), floor, *args)


def reap(worker='w', sure=0, limit=2, most=5):
    return run('reap', ['workers', 'reaping', 'active:' + worker, 'ready', 'crashes', 'dead'], worker, sure, limit, most)


try:
    # No tag is given again to a worker that has seen it, whatever the server has forgotten.
    reset(); link.call('ZADD', Q + 'workers', 10 ** 15, 'w'); link.call('LPUSH', Q + 'ready', job('a'), job('b'))
    ahead = now() * 1000 + 10 ** 9
    is_(cycle(1, floor=ahead)[3], ahead + 1); is_(cycle(1)[3], ahead + 2)
    link.call('ZADD', Q + 'parked:x@1', 1, job('c')); link.call('DEL', Q + 'meta')
    is_(run('adopt', ['parked', 'parked:x@1', 'active:w', 'workers', 'crashes', 'cancelled', 'meta'], 'w', 'x@1', 1, ahead + 2)[3], ahead + 3)
    # enqueue: accepted, accepted before, held, full, delayed, dated.
    reset()
    is_(enqueue('a', unique='k'), [1]); is_(enqueue('a', unique='k'), [0]); is_(enqueue('a', window=0, unique='k'), [0])
    is_(enqueue('b', unique='k'), [-1, 'a']); is_(enqueue('c', longest=1), [-2]); is_(link.call('EXISTS', Q + 'seen:c'), 0)
    is_(enqueue('d', delay=50), [1]); is_(enqueue('e', due=now() + 70, longest=1), [1]); is_(enqueue('f', due=now() - 70), [1])
    is_(link.call('ZRANGE', Q + 'scheduled', 0, -1, 'WITHSCORES'), [job('d'), str(now() + 50), job('e'), str(now() + 70)])
    wait(501); is_(enqueue('b', unique='k'), [1]); wait(500); is_(enqueue('a'), [1])
    # enqueue_many: all, some, none.
    reset()
    many = lambda ids, window, longest: run('enqueue_many', ['ready'] + ([f'seen:{i}' for i in ids] if window else []), window, longest, *[job(i) for i in ids])
    is_(many('ab', 100, 0), [1, 1]); is_(many('bcc', 100, 0), [0, 1, 0]); is_(many('de', 100, 4), [1, -2]); is_(many('ef', 100, 4), [-2, -2])
    is_(lists()[0], [job(i) for i in 'dcba'])
    # tick and cycle: join, fetch in order with landing first, growing tags, paused, lost.
    reset()
    is_(cycle(1), [-1]); is_(tick(join=0)[0], -1); is_(tick()[0], 1)
    many('abcd', 0, 0); link.call('BRPOPLPUSH', Q + 'ready', Q + 'landing', 1); link.call('BRPOPLPUSH', Q + 'ready', Q + 'landing', 1)
    fence = server.now()
    is_(cycle(3), [1, 0, 3, fence, [job(i) for i in 'abc'], [], [], 0]); is_(lists(), [[job('d')], []])
    link.call('HSET', Q + 'meta', 'paused', 1)
    is_(cycle(3), [0, 0, 3, 0, [], [], [], 0]); is_(tick()[1], 1)
    link.call('HDEL', Q + 'meta', 'paused')
    # a visibility timeout: refused where another worker is, or is being reaped; taken where none is.
    try: tick('v', lease=4000); raise AssertionError
    except Failure as error: is_('another visibility timeout' in str(error), True)
    is_([tick('w', lease=4000)[0], link.call('HGET', Q + 'meta', 'lease'), link.call('ZCARD', Q + 'workers')], [1, '3000', 1])
    link.call('RENAME', Q + 'workers', Q + 'reaping')
    try: tick('v', lease=4000); raise AssertionError
    except Failure as error: is_('another visibility timeout' in str(error), True)
    link.call('RENAME', Q + 'reaping', Q + 'kept'); is_([tick('v', lease=4000)[0], link.call('HGET', Q + 'meta', 'lease')], [1, '4000'])
    link.call('DEL', Q + 'workers'); is_([tick()[0], link.call('HGET', Q + 'meta', 'lease')], [1, '3000']); link.call('DEL', Q + 'kept')
    # acks: plain, result, next, retry, unlock and forget; again: nothing.
    link.call('SET', Q + 'unique:k', 'a'); link.call('SET', Q + 'unique:m', 'z'); link.call('HSET', Q + 'crashes', 'a', 1)
    acks = ((fence, ('result', 900, 'R'), ('next', 0, job('n')), ('next', 40, job('o')), ('unlock', 'a', '-'), ('unlock', 'a', '-'), ('drop', '-', '-'), ('forget', 'a', '-')),
            (fence + 1,), (fence + 2, ('retry', 20, job('c2'))))
    keys = ['result:a', 'unique:k', 'unique:m', 'steps:a']; link.call('HSET', Q + 'steps:a', 'one', '[]')
    for acked in (3, 0):
        is_(cycle(0, *acks, keys=keys), [1, acked, 0, 0, [], [], [], 0])
        is_(lists(), [[job('n'), job('d')], []]); is_(link.call('ZRANGE', Q + 'scheduled', 0, -1), [job('c2'), job('o')])
        is_([link.call('GET', Q + k) for k in keys[:3]], ['R', None, 'z']); is_(link.call('EXISTS', Q + 'crashes'), 0)
        is_(link.call('EXISTS', Q + 'steps:a'), 1 - acked // 3)
        link.call('SET', Q + 'result:a', 'R'); link.call('HSET', Q + 'steps:a', 'one', '[2]')        # the next holder's
    # answer: kept, and told to who listens; without the text when that is long; kept all the same where it may not be told.
    ear = Link(server.path); ear.call('SUBSCRIBE', 'ch'); link.call('HSET', Q + 'active:w', 7, 'x', 8, 'y', 9, 'z')
    long = 'L' * 65537
    is_(cycle(0, (7, ('answer', '900 ch', 'R')), (8, ('answer', '900 ch', long)), keys=['result:p', 'result:q'])[1], 2)
    is_([ear.read()[2] for _ in 'pq'], [Q + 'result:p\nR', Q + 'result:q\n'])
    is_([link.call('GET', Q + 'result:p'), link.call('PTTL', Q + 'result:q'), link.call('GET', Q + 'result:q')], ['R', 900, long])
    link.call('ACL', 'SETUSER', 'default', 'resetchannels')
    is_(cycle(0, (9, ('answer', '900 ch', 'R')), keys=['result:r'])[1], 1); is_(link.call('GET', Q + 'result:r'), 'R')
    link.call('ACL', 'SETUSER', 'default', 'allchannels'); ear.close()
    # release goes to the fetch end, bury to dead; the clock stands still and tags grow.
    is_(cycle(1)[3:5], [fence + 3, [job('d')]])
    try: cycle(1, (fence + 3, ('nonsense', 0, 0))); raise AssertionError
    except Failure as error: is_('unknown write' in str(error), True)
    is_(cycle(0, (fence + 3, ('release', 0, job('d'))))[1], 1)
    is_(cycle(1)[3:5], [fence + 4, [job('d')]]); is_(cycle(0, (fence + 4, ('bury', 'no', job('d'))))[1], 1)
    is_(link.call('ZRANGE', Q + 'dead', 0, -1), [f'w/{fence + 4} no\n{job("d")}'])
    # promotion, dead kept by age, `more`, lengths.
    wait(1000); is_(tick(limit=1)[3:7], [2, 0, 1, 1]); is_(tick(every=0, limit=1)[3:7], [3, 0, 0, 1]); is_(tick(every=0, age=10)[3:7], [3, 0, 0, 0])
    is_(link.call('EXISTS', Q + 'dead'), 0)
    is_(cycle(9)[4], [job('n'), job('c2'), job('o')])
    # parked jobs that nobody came for go back in order.
    many('pq', 0, 0); [link.call('RPOPLPUSH', Q + 'ready', Q + 'landing') for _ in 'pq']; enqueue('r'); tick(every=0)
    is_(lists(), [[job(i) for i in 'rqp'], []])
    # cancel: seen by tick and by fetch, forgotten in time.
    before = tick()[2]
    is_([run('cancel', ['cancelled', 'meta'], 'q', 5000), run('cancel', ['cancelled', 'meta'], 'q', 5000)], [1, 0]); is_(tick()[2] != before, True)
    is_(cycle(2)[5:7], [[None, None], [None, str(now() + 5000)]])
    [(wait(501), tick(every=0)) for _ in range(10)]; is_(link.call('EXISTS', Q + 'cancelled'), 0)
    # lapse: the sweeps go on, so no grace; oldest first again, bounded, counted; refused meanwhile.
    held = link.call('HLEN', Q + 'active:w'); is_(held, 5); is_(tick('v')[0], 1)
    for _ in range(5): wait(750); tick('v', 0, every=0)
    is_(link.call('ZRANGE', Q + 'reaping', 0, -1), ['w']); is_(tick('v', 0, every=0)[7], ['w']); is_(cycle(1), [-1]); is_(tick()[0], -1)
    is_(reap('v'), [-1]); is_(reap(), [3, 2, 0]); is_(reap(), [1, 2, 0]); is_(reap(), [0, 1, 0]); is_(reap(), [0, 0, 0]); is_(tick('v', 0, every=0)[7], [])
    is_(cycle(9, worker='v')[5], ['1'] * 5 + [None])
    is_(reap('v', 1, 9, 0), [0, 6, 0]); is_(link.call('HVALS', Q + 'crashes'), ['1'] * 5)          # a clean leave does not count
    is_(tick('u')[0], 1); is_(len(cycle(9, worker='u')[4]), 6); gone = reap('u', 1, 9, 1); is_([gone[:3], len(gone)], [[0, 1, 5], 8]); is_(link.call('ZRANGE', Q + 'dead', 0, 0)[0].split('\n')[1] in gone, True); is_(link.call('ZCARD', Q + 'dead'), 5)
    tick('v', 0, every=0, kept=2); is_(link.call('ZCARD', Q + 'dead'), 2)
    # what no worker could read is buried at once, each under its own tag; the next ones run.
    reset(); tick(); most = 16 << 20; fits, huge = 'f' * most, 'h' * (most + 1); fence = server.now()
    link.call('LPUSH', Q + 'ready', job('b')); link.call('LPUSH', Q + 'landing', huge, huge, job('a'), huge)
    is_(cycle(1), [1, 0, 0, fence, [], [], [], 0]); is_(cycle(9), [1, 0, 2, fence + 1, [job('a'), job('b')], [], [], 0]); is_(lists(), [[], []])
    is_(link.call('ZRANGE', Q + 'dead', 0, -1) == [f'w/{fence + i} too large to hand out: {most + 1} bytes\n{huge}' for i in (0, 3, 4)], True)
    is_(cycle(1)[3], 0); is_(link.call('HGET', Q + 'meta', 'fence'), str(fence + 4))
    # a fetch takes 16 MiB at most, in order, and leaves the rest where it is.
    reset(); tick(); half = 'x' * (most // 2); many('abc', 0, 0); link.call('LPUSH', Q + 'ready', half, half, fits, job('d'))
    is_(cycle(9)[4] == [job(i) for i in 'abc'] + [half], True); is_(link.call('LLEN', Q + 'ready'), 3)
    link.call('BRPOPLPUSH', Q + 'ready', Q + 'landing', 1); link.call('BRPOPLPUSH', Q + 'ready', Q + 'landing', 1)
    is_(cycle(9)[4] == [half], True); is_([len(x) for x in lists()], [1, 1]); is_(cycle(9)[4] == [fits], True); is_(lists(), [[job('d')], []])
    is_(cycle(9)[4], [job('d')]); is_(link.call('HLEN', Q + 'active:w'), 7); is_(link.call('EXISTS', Q + 'dead'), 0)
    # the queue's clock: a gap or a step counts for a quarter of a lease, so the living keep theirs and the dead lapse all the same.
    reset(); tick('a'); tick('b')
    for ms in (10 ** 7, -10 ** 8, 10 ** 9): wait(ms); is_([tick(name, 0)[0] for name in 'ab'], [1, 1])
    wait(10 ** 7); tick('a', 0); wait(10 ** 7); tick('a', 0); wait(10 ** 7); tick('a', 0); is_(link.call('ZRANGE', Q + 'workers', 0, -1), ['b', 'a'])
    wait(10 ** 7); is_(tick('a', 0)[7], ['b']); is_(link.call('ZRANGE', Q + 'workers', 0, -1), ['a'])
    is_(link.call('ZSCORE', Q + 'workers', 'a'), str(int(link.call('HGET', Q + 'meta', 'clock')) + 3000))
    # ranks: the first goes to `ready`, where the blocked see it; then by priority, tenants by turns, half and half with the others.
    reset(); tick(); enqueue('p', head='"priority":1,')
    for i, head in (('a', '"priority":2,'), ('b', '"priority":9,'), ('c', '"fair":"x",'), ('d', '"fair":"x",'), ('e', '"fair":"x",'), ('f', '"fair":"y",')): enqueue(i, head=head)
    is_(lists()[0], [job('p', '"priority":1,')]); is_(tick()[3], 7); enqueue('g'); enqueue('h', front=1); is_(enqueue('i', head='"fair":"z",', longest=9), [-2])
    names = lambda reply: ''.join(x[7] for x in reply[4])
    is_(names(cycle(2)), 'ba'); is_(names(cycle(1)) + names(cycle(1)) in ('hc', 'ch'), True); is_(names(cycle(9)), 'pgfde')
    is_(link.call('EXISTS', Q + 'ordered'), 0); is_(link.call('HGET', Q + 'meta', 'ranked'), None)
    wait(1000); tick(); is_(link.call('ZRANGE', Q + 'turns', 0, -1), [])
    # The one that was to wake a worker is fetched in its turn, when none was idle; tenants' first ones too.
    reset(); tick(); [enqueue(i, head=head) for i, head in (('a', '"priority":1,'), ('b', '"priority":1,'), ('c', '"priority":9,'))]; enqueue('d')
    is_(names(cycle(9)), 'cabd'); is_(link.call('HMGET', Q + 'meta', 'alarm', 'ranked'), [None, None])
    [enqueue(i, head=head) for i, head in (('e', '"fair":"x",'), ('f', '"fair":"x",'), ('g', '"fair":"y",'))]; is_(names(cycle(9)), 'egf')
    # promote and tick keep the rank; next tells when.
    reset(); tick(); enqueue('a'); enqueue('b', delay=50, head='"priority":4,'); enqueue('c', delay=50); enqueue('d', delay=70)
    promote = lambda limit=10: run('promote', PROMOTE, limit)
    is_(promote(), [0, 50]); wait(50); is_(promote(1), [1, 0]); is_(promote(), [1, 20]); is_(tick()[10], 20); is_(link.call('ZCARD', Q + 'ordered'), 1)
    wait(20); is_(promote(), [1, -1]); is_(promote(), [0, -1]); is_(names(cycle(9)), 'bacd')
    # a job whose start a limit has reserved goes to the fetch end when it is due, the oldest first.
    reset(); tick(); many('ab', 0, 0); own = lambda i: '{"id":"%s","job":"x","state":{"attempt":0,"reserved":17}}' % i
    link.call('ZADD', Q + 'scheduled', now() - 2, own('p'), now() - 1, own('q'), now() - 3, job('c')); is_(promote(), [3, -1]); is_(names(cycle(9)), 'pqabc')
    link.call('ZADD', Q + 'scheduled', now() - 2, own('r'), now() - 1, own('s')); many('d', 0, 0); wait(1000); tick(); is_(names(cycle(9)), 'rsd')
    # replace and debounce: one that waits for its time is taken out, another is marked; a bound on putting off.
    reset(); tick(); sooner = lambda i, **more: enqueue(i, unique='k', policy='replace', **more)
    is_(sooner('a', delay=50), [1]); is_(sooner('b', delay=20), [2, 'a']); is_(link.call('ZRANGE', Q + 'scheduled', 0, -1), [job('b')])
    is_(sooner('c'), [2, 'b']); is_(sooner('c', window=0), [0]); is_(link.call('ZCARD', Q + 'scheduled'), 0); is_(sooner('d'), [3, 'c'])
    is_(cycle(9)[6], [str(now() + 500), None]); is_(enqueue('e', unique='k'), [-1, 'd'])
    is_(run('unlock', ['unique:k'], 'x'), 0); is_(run('unlock', ['unique:k'], 'd'), 1)
    put_off = lambda i: enqueue(i, unique='k', policy='debounce', delay=40, most=60)
    is_(put_off('f'), [1]); wait(30); is_(put_off('g'), [2, 'f']); is_(tick()[10], 30); wait(20); is_(put_off('h'), [2, 'g']); is_(tick()[10], 10)
    wait(10); is_(promote(), [1, -1]); is_(put_off('i'), [1]); is_(link.call('ZRANGE', Q + 'scheduled', 0, -1), [job('i')])
    fence = cycle(9)[3]; is_(cycle(0, (fence, ('unlock', 'h', '-')), keys=['unique:k'])[1], 1); is_(link.call('EXISTS', Q + 'unique:k'), 1)
    # the bell: for the first of all that is due soon, once until it is heard; not for long.
    reset(); ring = lambda: link.call('LLEN', Q + 'bell')
    enqueue('a'); enqueue('b', delay=2000); is_(ring(), 0); enqueue('c', delay=1999); enqueue('d', delay=1998); is_([ring(), link.call('PTTL', Q + 'bell')], [1, 2000])
    link.call('DEL', Q + 'bell'); enqueue('e', delay=1998); enqueue('f', delay=1999); is_(ring(), 0); enqueue('g', due=now() + 1); is_(ring(), 1); wait(2001); is_(ring(), 0)
    # counters of unique keys: of conflicts only, also where they cannot be kept.
    reset(); count = lambda i, **more: run('enqueue', keys_of(ENQUEUE, i) + ['unique:k', 'count:7'], i, job(i), more.get('delay', 0), 0, 0, 500, 0, more.get('policy', 'keep'), 0, 0)
    is_([count('a'), count('a'), link.call('EXISTS', Q + 'count:7')], [[1], [0], 0]); is_([count('b'), count('c')], [[-1, 'a'], [-1, 'a']])
    is_([count('d', policy='replace', delay=5), count('e', policy='replace')], [[3, 'a'], [2, 'd']])
    is_([link.call('HGETALL', Q + 'count:7'), link.call('TTL', Q + 'count:7')], [['unique_refused', '2', 'unique_replaced', '2'], 7200])
    link.call('SET', Q + 'count:7', 'x'); is_([count('f'), count('g', policy='replace')], [[-1, 'e'], [3, 'e']])
    # hold and forget: the lock lives on, the mark of a cancel goes.
    reset(); tick(); enqueue('a', unique='k'); run('cancel', ['cancelled', 'meta'], 'a', 5000); fence = cycle(1)[3]
    cycle(0, (fence, ('retry', 0, job('a')), ('hold', 'a', 9000), ('forget', 'a', '-')), keys=['unique:k'])
    is_(link.call('PTTL', Q + 'unique:k') > 500, True); is_(link.call('EXISTS', Q + 'cancelled'), 0)
    # note: kept for who holds the job, over itself as well; bounded in names and bytes; not by others, nor after the lease;
    # not beside those of another job of the same id.
    reset(); tick(); tick('v'); enqueue('a'); tag = cycle(1)[3]
    step = lambda name, value, worker='w', tag=tag, of='5': run('note', ['workers', 'active:' + worker, 'steps:a'], worker, tag, name, value, 900, 2, 20, of)
    kept = lambda: dict(zip(*[iter(link.call('HGETALL', Q + 'steps:a'))] * 2))
    is_([step('one', '[1]'), step('one', '[1]'), step('@two', '[22]')], [1, 1, 1]); is_(kept(), {'one': '[1]', '@two': '[22]', ':bytes': '14', ':of': '5'})
    is_([step('three', '1'), step('one', '[1234567]'), step('one', '[12345678]')], [-1, 1, -2]); is_(kept()[':bytes'], '20')
    is_([step('one', '[9]', tag=tag + 1), step('one', '[9]', 'v'), step('one', '[9]', 'x')], [0, 0, 0]); is_(step('one', '[2]'), 1); is_(kept()['one'], '[2]')
    is_(step('one', '[2]', of=''), 1); is_(kept()[':of'], '5'); is_(step('one', '[7]', tag=tag + 1, of='6'), 0); is_(len(kept()), 4)
    is_(step('three', '[3]', of='6'), 1); is_(kept(), {'three': '[3]', ':bytes': '8', ':of': '6'})
    is_(step('one', '[12345678901]', of='-'), 1); is_(kept(), {'one': '[12345678901]', ':bytes': '16', ':of': '-'})
    is_(step('one', '[' + '1' * 20 + ']', of='6'), -2); is_(kept(), {})
    is_([step('one', '[1]', of=''), step('two', '[1]', of='')], [1, 1]); is_(kept()[':of'], ''); is_(step('six', '1', of='6'), -1)
    is_(step('one', '[2]', of='6'), 1); is_([kept()[x] for x in ('one', 'two', ':bytes', ':of')], ['[2]', '[1]', '12', '6'])
    link.call('ZREM', Q + 'workers', 'w'); is_(step('one', '[9]'), 0); is_(tick()[0], 1)
    is_(link.call('PTTL', Q + 'steps:a'), 900); is_(cycle(0, (tag,))[1], 1); is_(step('one', '[3]'), 0); wait(901); is_(kept(), {})
    # reschedule and find: by bytes, by id, in pages.
    reset(); [enqueue(i, delay=100 * n) for n, i in enumerate('abc', 1)]
    find = lambda first, page, *ids: run('find', ['scheduled'], first, page, *ids)
    is_(find(0, 2, 'b', 'c'), [2, job('b'), str(now() + 200)]); is_(find(2, 2, 'b', 'c'), [1, job('c'), str(now() + 300)])
    is_(run('reschedule', ['scheduled'], now() + 5, job('c'), 0, job('a'), now(), job('z')), 2)
    is_(link.call('ZRANGE', Q + 'scheduled', 0, -1, 'WITHSCORES'), [job('c'), str(now() + 5), job('b'), str(now() + 200)])
    # pause: for a time, for ever, one kind; seen by tick, ended by it.
    reset(); tick(); pause = lambda what, on, ms=0, name='': run('pause', ['meta'], what, on, ms, 'why', name)
    is_([pause('queue', 1, 500), pause('queue', 1, 700), tick()[1]], [1, 0, 1]); wait(699); is_(tick(every=0)[1], 1); wait(1); is_(tick(every=0)[1], 0)
    at = now(); pause('queue', 1); wait(5); pause('queue', 1, 9); is_(link.call('HGET', Q + 'meta', 'since'), str(at)); pause('queue', 0)
    is_(link.call('HEXISTS', Q + 'meta', 'since'), 0)
    is_([pause('queue', 1), tick(every=0)[1], pause('queue', 0), pause('queue', 0), tick()[1]], [1, 1, 1, 0, 0])
    is_([pause('job', 1, 0, n) for n in ('x', 'y', 'x')], [1, 1, 0]); is_(sorted(tick()[12].split()), ['x', 'y'])
    is_(link.call('HGET', Q + 'meta', 'whys'), f'y {now()} why\nx {now()} why'); at = now(); wait(5); pause('job', 1, 0, 'y')
    is_(link.call('HGET', Q + 'meta', 'whys'), f'x {at} why\ny {at} why')
    is_([pause('job', 0, 0, n) for n in ('x', 'z', 'y')], [1, 0, 1]); is_(tick()[12], ''); is_(link.call('HEXISTS', Q + 'meta', 'whys'), 0)
    # purge: landing, ready, ordered, then what is scheduled.
    reset(); many('abc', 0, 0); link.call('BRPOPLPUSH', Q + 'ready', Q + 'landing', 1); enqueue('d', head='"priority":4,'); enqueue('e', delay=5)
    purge = lambda what, limit: [x[7] for x in run('purge', ['ready', 'landing', 'ordered', 'scheduled'], what, limit)]
    is_([purge('ready', 2), purge('ready', 2), purge('ready', 2), purge('scheduled', 2), purge('scheduled', 2)], [['a', 'b'], ['c', 'd'], [], ['e'], []])
    # a queue with a limit: no more than it has tokens, and how long until the next.
    reset(); tick(); many('abcdef', 0, 0); link.call('HSET', Q + 'meta', 'limit', '1000 2')
    is_(cycle(9)[4:] , [[job('a'), job('b')], [], [], 0]); is_(cycle(9)[4:], [[], [], [], 1]); wait(1); is_(len(cycle(9)[4]), 1); wait(60); is_(len(cycle(9)[4]), 2)
    # close: the latest time holds; take clears one that means nothing any more, and not before.
    reset(); close = lambda ms: run('close', ['{limit:x}:rule'], now() + ms); shut = lambda: link.call('HGET', '{limit:x}:rule', 'closed')
    at = now(); is_([close(500), close(200), close(500), shut()], [1, 0, 0, str(at + 500)]); is_([close(700), shut()], [1, str(at + 700)])
    asks = lambda: run('take', ['{limit:x}:all', '{limit:x}:rule'], 100_000, 2, 50_000, 1, 0)[0][0]
    wait(750); asks(); is_(shut(), str(at + 700)); wait(150); asks(); is_(shut(), None)
    # take: now, in a moment, or a time of its own; late or closed it gets another one.
    reset(); us = server.now()
    take = lambda *asks, each=100_000, burst=1, name='x': run('take', ['{limit:x}:' + name, '{limit:x}:rule'], each, burst, 50_000, *asks)
    is_(take(1, 0), [[0, 0]]); is_(take(1, 0, 1, 0), [[us + 100_000, 100_000], [us + 200_000, 200_000]])
    wait(95); is_(take(1, us + 100_000), [[0, 5000]]); wait(5); is_(take(1, 0), [[us + 300_000, 200_000]])
    wait(140); is_(take(1, us + 200_000), [[0, 0]]); wait(60); is_(take(1, us + 300_000), [[0, 40_000]]); wait(2000); is_(link.call('EXISTS', '{limit:x}:x'), 0)
    us = server.now(); is_(take(*[1, 0] * 4, burst=3), [[0, 0]] * 3 + [[us + 100_000, 100_000]]); is_(take(2, 0, burst=3)[0], [us + 300_000, 300_000])
    reset(); us = server.now(); take(1, 0); is_(take(1, 0)[0][0], us + 100_000); link.call('HSET', '{limit:x}:rule', 'closed', now() + 500)
    wait(100); is_(take(1, us + 100_000), [[us + 500_000, 400_000]]); is_(take(1, 0)[0][0], us + 600_000); wait(400); is_(take(1, us + 500_000), [[0, 0]])
    link.call('HSET', '{limit:x}:rule', 'each', 10_000, 'burst', 2); is_(take(1, 0, name='y'), [[0, 0]]); server.set(server.now() - 10 ** 10); is_(take(1, 0)[0][1] > 0, True)
    # take, 10,000 jobs of 8 workers that are up to 30 ms late: the rate to 1 %, no window with one too many, each put off once.
    import heapq, random
    for count, burst, jobs in ((100, 1, 10_000), (10, 20, 2_000)):
        reset(); rng, each, grants, asked = random.Random(count), -(-10 ** 6 * 1005 // 1000 // count), [], 0
        queue = [(rng.randint(0, 1000) + server.now(), i, 0) for i in range(jobs)]; heapq.heapify(queue)
        while queue:
            # What is due comes in calls of a worker's slots, and a little late.
            first = queue[0][0] + rng.choice((0, 0, 0, 1000, 5000, 30_000)); server.set(max(server.now(), first))
            batch = [heapq.heappop(queue) for _ in range(min(rng.randint(1, 8), sum(q[0] <= server.now() for q in queue[:8])))]
            if not batch: continue
            asked += 1
            for (_, i, _), (at, us) in zip(batch, take(*[x for _, _, promised in batch for x in (1, promised)], each=each, burst=burst)):
                if at: heapq.heappush(queue, (server.now() + -(-us // 1000) * 1000, i, at))
                else: grants.append(server.now() + us)
        grants.sort(); late = sum(b - a < 10 ** 6 for a, b in zip(grants, grants[count + burst - 1:])); is_(late, 0)
        rate = (jobs - burst) / (grants[-1] - grants[0]) * 1e6; is_(abs(rate / count - 1) <= 0.01, True); is_(asked <= 2.2 * jobs, True)
        print(f'  {count}/s burst {burst}: {jobs} jobs at {rate:.2f}/s, {asked / jobs:.2f} scripts a job')
    # claim: as many as there is room for, those of the dead lapse.
    reset(); claim = lambda verb, *who: run('claim', ['{limit:x}:x:running', '{limit:x}:rule'], verb, 2, 1000, *who)
    is_([claim('take', *'abc')[i] for i in (0, 2, 3, 4)], [0, 1, 1, 0]); is_(claim('take', 'a')[2:], [1]); is_(claim('free', 'a', 'z')[0], 1)
    wait(600); is_(claim('keep', 'b', 'c')[2:], [1, 0]); wait(600); is_(claim('take', *'cd')[2:], [1, 0]); wait(1001); is_(claim('keep', 'c')[2:], [0])
    link.call('HSET', '{limit:x}:rule', 'slots', 1); is_(claim('take', *'ab')[2:], [1, 0]); first = claim('keep', 'a')[1]; wait(1); is_(claim('keep', 'a')[1] > first, True)
    # flow, advance: steps 0 and 1, a group of them, a step behind it, one for its failure; said twice it is the same.
    keys = ['flow:g', 'result:g']
    fields = lambda rule: ['n:0', f'g2={rule}', 'n:1', f'g2={rule}', 'n:2', '3', 'f:3', '4', 'r:2', f'{rule} 0 1', 'v:2', '0 1', 'root', 3, 'steps', 5, 'gates', 2, 'keep', 1000]
    jobs = ['j:3', 'q\n' + job('then'), 'j:4', 'q\n' + job('else')]
    known = 0
    def flow(words, *waits, longest=0, starts=0): return run('flow', ['flow:g', 'flows', 'result:g', 'ready'], 'g', 60_000, 100, known, longest, len(words), starts, *words, *waits)
    def opened(rule, states=('s:0', 'f', 's:1', 'f'), waits=(1, 2, 2, 0, 1)):
        reset()
        return flow([*fields(rule), *jobs, *states], *waits)
    field = lambda name: link.call('HGET', Q + 'flow:g', name)
    advance = lambda step, letter='d', value='7', who='', plain='': run('advance', keys, step, letter, value, 1000, who, plain)
    is_(opened('all'), 1); is_(flow(fields('all') + jobs, 0), 0)
    is_(advance(0), [0, [], []]); is_(advance(0), [0, [], []]); is_(advance(1, value='8'), [0, ['3', 'q\n' + job('then')], []])
    is_(advance(1, 'x', '9'), [0, ['3', 'q\n' + job('then')], []]); is_(advance(0), [0, [], []]); is_(field('a:2'), '[7,8]')
    is_(advance(3, value=''), [1, [], []]); is_(json.loads(link.call('GET', Q + 'result:g'))['value'], None); is_(advance(3), [1, [], []])
    is_(sorted(link.call('PTTL', key) <= 60_000 for key in link.call('KEYS', Q + 'flow:*')), [True]); wait(1001); is_(link.call('EXISTS', Q + 'result:g'), 0)
    wait(60_001); is_(link.call('KEYS', Q + 'flow:*'), []); is_(advance(0), [-1])
    known = 90_000; is_(opened('all'), 1); is_(link.call('PTTL', Q + 'flow:g:seen'), 60_000); advance(0); advance(1); advance(3); is_(link.call('PTTL', Q + 'flow:g:seen'), 90_000)
    wait(60_001); is_(link.call('KEYS', Q + 'flow:*'), [Q + 'flow:g:seen']); is_(flow(fields('all') + jobs, 0), 0); wait(30_000); is_(flow(fields('all') + jobs, 0), 1); known = 0
    # Jobs that start with it are pushed, once, when there is room for all of them.
    reset(); begun = ['j:0', 'q\n' + job('a'), 'j:1', 'q\n' + job('b'), *fields('all'), *jobs, 's:0', 'f', 's:1', 'f']; enqueue('x')
    is_(flow(begun, 1, 2, 2, 0, 1, longest=2, starts=2), -2); is_(link.call('EXISTS', Q + 'flow:g', Q + 'flow:g:wait:2', Q + 'flows'), 0)
    is_(flow(begun, 1, 2, 2, 0, 1, longest=3, starts=2), 1); is_(flow(begun, 1, 2, 2, 0, 1, longest=3, starts=2), 0); is_(lists()[0], [job('b'), job('a'), job('x')])
    is_([advance(0)[1], advance(1)[1]], [[], ['3', 'q\n' + job('then')]])
    reset(); link.call('SET', Q + 'ready', 'x'); known = 9_000
    try: flow(begun, 0, starts=2); raise AssertionError
    except Failure as error: is_('WRONGTYPE' in str(error), True)
    is_(link.call('KEYS', Q + '*'), [Q + 'ready']); known = 0
    # The first failure is the group's: what runs is stopped, what waits is skipped, who asked is told.
    opened('all'); link.call('HSET', Q + 'flow:g', 'j:1', 'q\n' + job('one'))
    is_(advance(0, 'x', '"E"'), [1, ['4', 'q\n' + job('else')], ['q\n' + job('one')]]); is_(advance(0, 'x', '"E"')[1:], [['4', 'q\n' + job('else')], ['q\n' + job('one')]])
    is_(advance(1, 'c', '"C"'), [1, [], []]); is_(json.loads(link.call('GET', Q + 'result:g'))['error'], 'E'); is_(field('s:3')[0], 's')
    # One of two; none of two; failures as results.
    opened('1'); is_(advance(1)[1], ['3', 'q\n' + job('then')]); is_(advance(0)[1], []); is_(field('a:2'), '[7]')
    opened('1'); is_(advance(1, 'x', '"E"')[1], []); is_(advance(0, 'e', '"F"')[1], ['4', 'q\n' + job('else')])
    opened('each'); is_(advance(1, 'x', '"E"')[1], []); is_(advance(0)[1], ['3', 'q\n' + job('then')]); is_(field('a:2'), '[{"value":7},{"error":"E"}]')
    # Told again, it is what it was: whatever others of it said meanwhile.
    opened('1'); advance(1, value='"fast"'); advance(0, value='"late"'); is_(advance(1, value='"fast"')[1], ['3', 'q\n' + job('then')]); is_(field('a:2'), '["fast"]')
    advance(3, value='1'); outcome = link.call('GET', Q + 'result:g'); wait(5); advance(3, value='1'); is_(link.call('GET', Q + 'result:g'), outcome)
    # What a step takes of one other comes with it, a failure as well; not what would make it too long or too deep.
    opened('all'); head = '"flow":"q/g/+'; link.call('HSET', Q + 'flow:g', 'j:3', 'q\n' + job('then', head + '3/2",'), 'j:4', 'q\n' + job('else', head + '4/!3",'))
    advance(0); is_(advance(1)[1][1], 'q\n' + job('then', head + '3/2",')[:-1] + ',"input":[7,7]}')
    opened('all'); link.call('HSET', Q + 'flow:g', 'j:4', 'q\n' + job('else', head + '4/!3",')); is_(advance(1, 'x', '"E"')[1][1][-13:], ',"input":"E"}')
    for value in ('"' + 'x' * 4096 + '"', '[' * 17 + ']' * 17):
        opened('all'); link.call('HSET', Q + 'flow:g', 'n:0', '3', 'j:3', 'q\n' + job('then', head + '3/0",')); is_(advance(0, value=value)[1][1][-11:], ',"job":"x"}'); is_(field('a:0'), value)
    opened('all'); link.call('HSET', Q + 'flow:g', 'n:0', '3', 'j:3', 'q\n' + job('then', head + '3/0","args":"' + 'x' * 49152 + '",')); is_(advance(0)[1][1][-11:], ',"job":"x"}')
    # Results that are too large together are not kept, and nothing hangs for it.
    opened('all'); advance(0, value='"' + 'x' * 600 + '"'); is_(advance(1, value='"' + 'x' * 600 + '"')[1], ['3', 'q\n' + job('then')]); is_(field('a:2'), '')
    # What a job says is plain is decided the short way, and as the long way would; which steps are over is not said then.
    def both(rule, plain, members, *steps, more=()):
        found = []
        for hints in (plain, {}):
            opened(rule, [word for step in members for word in (f's:{step}', 'f')], (1, 2, len(members), *members))
            link.call('HSET', Q + 'flow:g', 'v:2', ' '.join(map(str, members)), *more)
            replies = [advance(*step, plain=hints.get(step[0], ''))[1:] for step in steps]
            found.append((replies, sorted(zip(*[iter(link.call('HGETALL', Q + 'flow:g'))] * 2)), link.call('SMEMBERS', Q + 'flow:g:wait:2'), link.call('GET', Q + 'result:g')))
        is_(found[0], found[1])
    group = {0: 'g2', 1: 'g2', 7: 'g2'}
    for rule in ('each', 'all'):
        for first, second in ((0, 1), (1, 0)):
            for letter in 'dx':
                for value in ('7', ''):
                    both(rule, group, (0, 1), (first, letter, value), (first, 'd', '9'), (second, 'd', value), (second, letter, '9'), (3, letter, value), (3, 'd', value))
                    both(rule, group, (0, 1, 7), (first, letter, value), (second, 'd', value), (second, 'x', value), (7, letter, '9'), more=('n:7', f'g2={rule}'))
    for value in ('7', '', '"' + 'x' * 4097 + '"', '[' * 17 + ']' * 17):
        for place, takes in (('+3/0', '3<'), ('+3', '3'), ('3>4/0', '3<')):
            chain = ('n:0', '3', 'j:3', 'q\n' + job('then', f'"flow":"q/g/{place}",'))
            both('all', {0: takes}, (0,), (0, 'd', value), (0, 'd', value), (0, 'x', '"E"'), (3, 'd', '1'), more=chain)
            both('all', {0: takes}, (0,), (0, 'd', value), more=(*chain, 's:3', 'c 9 1'))
            both('all', {0: takes}, (0,), (0, 'd', value), more=(*chain, 'round', '2'))
    link.call('DEL', Q + 'flow:g'); is_(advance(0, plain='3<'), [-1]); is_(link.call('EXISTS', Q + 'flow:g'), 0)
    # enlist: members that come while it is open; one that has ended is not waited for.
    opened('many', ('s:0', 'f'), (1, 2, 1, '2:open')); enlist = lambda *who: run('enlist', ['flow:g', 'flow:g:wait:2'], 2, *who)
    is_([enlist(), enlist('2:a', '2:b'), enlist('2:a')], [1, 3, 3]); advance('2:c', value=''); is_(enlist('2:c'), 3)
    is_([advance('2:a')[1], advance('2:open', value='')[1], advance('2:b')[1]], [[], [], ['3', 'q\n' + job('then')]]); is_(enlist('2:d'), -1)
    # One that failed and was retried: the group waits for no failure; one that has ended is done after all.
    opened('many', ('s:0', 'f'), (1, 2, 1, '2:open')); enlist('2:a', '2:b'); count = lambda kind: link.call('SCARD', Q + f'flow:g:{kind}:2')
    advance('2:a', 'x', '"E"'); is_([count('bad'), count('ok'), field('a:2:bad')], [1, 1, '"E"']); advance('2:a'); is_([count('bad'), count('ok'), field('a:2:bad'), field('a:2:a')], [0, 2, None, '7'])
    advance('2:a', 'x', '"E"'); is_([count('bad'), count('ok')], [0, 2]); advance('2:b', 'x', '"F"'); is_(advance('2:open', value='')[1], ['4', 'q\n' + job('else')])
    is_(advance('2:b')[1], ['3', 'q\n' + job('then')]); is_(advance('2:b')[1], ['3', 'q\n' + job('then')]); is_([field('s:2')[:1], count('bad')], ['d', 0])
    # halt: nothing starts any more; what runs is named until it has ended.
    opened('all'); link.call('HSET', Q + 'flow:g', 'j:1', 'q\n' + job('one')); halt = lambda: run('halt', keys, '{"message":"enough"}')
    is_(halt(), [1, ['q\n' + job('one')]]); is_(halt(), [1, ['q\n' + job('one')]]); is_(advance(1, 'c', '"C"'), [1, [], []]); is_(halt(), [1, []])
    is_(json.loads(link.call('GET', Q + 'result:g'))['state'], 'cancelled'); opened('all'); advance(0); advance(1); advance(3); is_(halt(), [0])
    # revive: what is not done goes back under new ids; refused when it has changed; what the round before says counts no more.
    opened('all'); link.call('HSET', Q + 'flow:g', 'j:1', 'q\n' + job('one')); advance(0); advance(1, 'x', '"E"'); ended = field('ended')
    was = lambda step: field(f's:{step}') or ''; back = [was(step) for step in (1, 2, 3, 4)]; is_([text[:1] for text in back], ['x', 'x', 's', 'f'])
    again = ['q\n' + job(name) for name in ('one.r2', 'then.r2', 'else.r2')]
    revive = lambda ended, round, back: run('revive', keys, ended, round, 50_000, 4, 1, back[0], 'f', again[0], 2, back[1], '', '', 3, back[2], '', again[1], 4, back[3], '', again[2], 1, 'wait', 2, 1, 1)
    before = sorted(link.call('HGETALL', Q + 'flow:g')); is_([revive(1, 2, back), revive(ended, 2, ['d'] + back[1:])], [0, 0]); is_(sorted(link.call('HGETALL', Q + 'flow:g')), before)
    is_([revive(ended, 2, back), revive(ended, 2, back), revive(ended, 3, back)], [1, 1, 0]); is_([was(step)[:1] for step in range(5)], ['d', 'f', '', '', '']); is_(link.call('EXISTS', Q + 'result:g'), 0)
    is_([field(f'a:{step}') for step in range(5)], ['7'] + [None] * 4); is_(sorted(link.call('PTTL', key) > 40_000 for key in link.call('KEYS', Q + 'flow:*')), [True] * 2)
    is_(advance(1, 'x', '"late"', 'one'), [0, [], []]); is_(was(1)[:1], 'f'); is_(advance(1, 'd', '8', 'one.r2'), [0, ['3', again[1]], []]); is_(advance(3, 'd', '9', 'then.r2'), [1, [], []])
    is_(json.loads(link.call('GET', Q + 'result:g'))['value'], 9); link.call('DEL', Q + 'flow:g'); is_(revive(ended, 2, back), -1)
    # Two members of a group that a failure skips: who asked is told once.
    reset(); chain = ['n:0', '1 2', 'n:1', 'g3=all', 'n:2', 'g3=all', 'f:3', '4', 'r:3', 'all 1 2', 'v:3', '1 2', 'root', 3, 'steps', 5, 'gates', 3, 'keep', 1000]
    flow(chain + ['j:4', 'q\n' + job('else'), 's:0', 'f'], 1, 3, 2, 1, 2); is_(advance(0, 'x', '"E"'), [1, ['4', 'q\n' + job('else')], []])
    # a full server refuses producers only.
    # park, adopt, unpark: kept by kind, taken as a fetch takes them, moved on by age.
    reset(); tick(); many('abcd', 0, 0); fence = cycle(4)[3]; kinds = ['parked', 'parked:x@1']
    park = lambda tag, i: (tag, ('park', 'x@1', job(i)))
    is_(cycle(0, *(park(fence + n, i) for n, i in enumerate('abc')), keys=kinds * 3)[1:3], [3, 1])
    is_(cycle(0, park(fence, 'a'), keys=kinds)[1], 0); is_(link.call('ZCARD', Q + 'parked:x@1'), 3)
    wait(10); is_(tick()[8], ['x@1', 10])
    adopt = lambda want, worker='w', floor=0: run('adopt', kinds + ['active:' + worker, 'workers', 'crashes', 'cancelled', 'meta'], worker, 'x@1', want, floor)
    is_(adopt(1, 'v'), [-1]); run('cancel', ['cancelled', 'meta'], 'b', 5000); fence = server.now()
    is_(adopt(2), [1, 0, 3, fence, [job('a'), job('b')], [None, None], [None, str(now() + 5000)]])
    unpark = lambda what, limit=10, age=0: run('unpark', kinds + ['ready', 'dead', 'crashes'], 'x@1', what, limit, age)
    is_(unpark('bury', age=11), [0, 0, []]); is_(unpark('bury', age=10), [1, 0, [job('c')]]); is_(tick()[8], [])
    is_(link.call('ZRANGE', Q + 'dead', 0, -1), ['-/0 parked too long: no worker knows x@1\n' + job('c')])
    cycle(0, park(fence, 'a'), park(fence + 1, 'b'), keys=kinds * 2); is_(unpark('release', 1), [1, 1, []]); is_(lists()[0], [job('a')])
    is_(unpark('discard'), [1, 0, [job('b')]]); is_(adopt(1)[4], []); is_(unpark('release'), [0, 0, []])
    cycle(1, *[], keys=[]); cycle(0, park(server.now(), 'a'), keys=kinds); link.call('HSET', Q + 'meta', 'paused', 1); is_(adopt(1)[4], [])
    reset(); tick(); enqueue('a'); link.call('CONFIG', 'SET', 'maxmemory', 1)
    for refused in (lambda: enqueue('b'), lambda: many('c', 0, 0), lambda: link.call('BRPOPLPUSH', Q + 'ready', Q + 'landing', 1)):
        try: refused(); raise AssertionError
        except Failure as error: is_('OOM' in str(error), True)
    fence = cycle(1)[3]; is_(cycle(0, (fence, ('result', 900, 'R')), keys=['result:a'])[1], 1); is_(tick()[0], 1); is_(reap(sure=1), [0, 0, 0])
    # Every negative control of the fault suite still finds its line.
    import os, sys
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'system'))
    from controls import CONTROLS
    for name, (_, changes) in CONTROLS.items():
        for script, pairs in changes.items():
            for old, _ in pairs: is_(old in scripts.get(script, source(script)), True)
    print(f'{ran} checks, all right')
finally: server.stop()
