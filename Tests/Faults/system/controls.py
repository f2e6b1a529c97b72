"""Negative controls: one safety line out of a script at a time; the suite has to notice.

The scripts are compiled into the executables. So the patched one is loaded into Redis beside the
real one, and the proxy puts its digest in the place of the other's in every EVALSHA.
"""
import hashlib, os

from worker import ROOT

SCRIPTS = os.path.join(ROOT, 'Sources', 'JobRunner', 'Store', 'Scripts')
AGAIN = "if begun[s] or letter and (letter ~= 'f' or by ~= step) then return end"
LONG_WAY = [("if next and letter == 'd' then", 'if false then')]        # all that ends goes through walk
LEASED = "if not redis.call('ZSCORE', workers, worker) then return {-1} end"
TAKEN = "    redis.call('HSET', meta, 'fence', fence + count - 1)\n    if #jobs > 0 then redis.call('HSET', active, unpack(entries)) end\n"
TRIMMED = "    if taken > 0 then redis.call('LTRIM', ready, 0, -taken - 1) end\n"

CONTROLS = {       # name: (fault that has to notice, {script: [(text, instead)]})
    'lease check removed': ('F12', {'cycle': [(LEASED, '')]}),
    'source first': ('F19', {'cycle': [(TAKEN, ''), (TRIMMED, TRIMMED + TAKEN)]}),
    'landing not drained': ('F1', {
        'cycle': [("redis.call('LRANGE', landing, -want, -1)", '{}')],
        'tick': [("if not redis.call('LMOVE', landing, ready, 'LEFT', 'RIGHT') then break end", 'break')]}),
    'reaped worker not fenced': ('F1', {
        'tick': [("redis.call('ZREM', workers, lapsed[i])", '')],
        'reap': [("redis.call('ZREM', workers, worker)", ''), ("if ARGV[2] == '0' and redis.call('ZSCORE', workers, worker) then return {-1} end", '')]}),
    'heartbeat does not renew': ('F17', {'tick': [("if known then redis.call('ZADD'", "if known and ARGV[2] == '1' then redis.call('ZADD'")]}),
    'tag guard removed': ('F3', {'cycle': [("local mine = writes == 0 or redis.call('HEXISTS', active, tag) == 1", 'local mine = true')]}),
    'counter instead of a set': ('F31', {'report': LONG_WAY, 'walk': [
        ("redis.call('SCARD', wait) - gone[s]", "redis.call('HINCRBY', flow, 'left:' .. s, -1) + redis.call('HGET', flow, 'steps') - 2")]}),
    'a step told again sets off again': ('F31', {'report': LONG_WAY, 'walk': [
        ('  elseif letter then', '  elseif false then'), ("if before and by ~= step then return end", ''), (AGAIN, 'if begun[s] then return end')]}),
    'accepted twice': ('F3', {'enqueue_many': [("if window > 0 and redis.call('EXISTS', KEYS[i + 1]) == 1 then", 'if false then')]}),
}


INCLUDE = '-- include '
PARTS = {part: ['advance', 'cycle'] for part in ('report', 'walk', 'gather')} | {'place': ['enqueue', 'fire', 'promote', 'tick']}      # a part of scripts, and of which


def sent(script, changes={}):
    """A script as the executables send it, see Scripts.swift, with changes."""
    def text(name):
        with open(os.path.join(SCRIPTS, name + '.lua')) as f: source = f.read()
        for old, new in changes.get(name, []):
            if old not in source: raise SystemExit(f'a control does not match {name}.lua: {old}')
            source = source.replace(old, new)
        return source
    source = text(script)
    for part in PARTS: source = source.replace(f'{INCLUDE}{part}\n', text(part))
    return source


class Control:
    """A patch of scripts, to be loaded into a server."""

    def __init__(self, name):
        self.name = name
        self.fault, self.changes = CONTROLS[name]

    def install(self, server):
        """Loads the patched scripts; returns {digest: digest} in bytes for the proxy."""
        pairs = {}
        for script in {whole for changed in self.changes for whole in PARTS.get(changed, [changed])}:
            pairs[hashlib.sha1(sent(script).encode()).hexdigest().encode()] = server.call('SCRIPT', 'LOAD', sent(script, self.changes)).encode()
        return pairs


def every(options, once):
    """Runs the controls whose name starts so; returns how many were not caught."""
    missed = 0
    for name in CONTROLS:
        if not name.startswith(options.controls): continue
        control = Control(name)
        verdict, why, seconds = once(control.fault, options, control)
        caught = why if verdict is None else '; '.join(verdict.problems)
        missed += not caught
        print(f'{name:26} {"caught by " + control.fault if caught else "NOT CAUGHT by " + control.fault:18} {seconds:4.0f} s   {caught[:150]}', flush=True)
    return missed
