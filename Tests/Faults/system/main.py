#!/usr/bin/env python3
"""The fault suite: real workers and producers on a real Redis, hurt in every way we know.

    main.py                     every fault in its CI size, and the table
    main.py --only F1,F3        some of them
    main.py --release           sizes for a release: hours
    main.py --seed N            the seed of every fault; 1 unless given
    main.py --controls          one safety line out at a time: the suite must notice
    main.py --markdown FILE     also append the table to FILE
    main.py --keep              leave the directories of failed runs for a look

Ends with 1 when a goal was missed. Needs Linux, Python 3.11, redis-server 7.0, and the executables
`jobrunner` and `FaultWorker` in FAULT_BINARIES or .build/debug. `Scripts/faults` builds them.
"""
import argparse, datetime, os, platform, signal, subprocess, sys, time, traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chords, clocks, controls, crashes, failpoints, limits, loads, networks, recoveries, refusals, servers
from redis_link import needs
from run import Run, Skip
from wait import Late
from worker import BINARIES, ROOT

FAULTS = {
    'F1': crashes.f1, 'F2': failpoints.f2, 'F3': networks.f3, 'F4': networks.f4, 'F5': networks.f5, 'F6a': servers.f6_always, 'F6e': servers.f6_everysec, 'F6o': servers.f6_outage, 'F7': servers.f7,
    'F10': clocks.f10, 'F11': clocks.f11, 'F12': crashes.f12, 'F13': servers.f13, 'F14': refusals.f14, 'F15': servers.f15,
    'F16': crashes.f16, 'F17': crashes.f17, 'F18': loads.f18, 'F19': servers.f19, 'F20': loads.f20, 'F21': loads.f21,
    'F22': loads.f22, 'F24': loads.f24, 'F25': limits.f25,
    'F26': recoveries.f26, 'F27': recoveries.f27, 'F28': refusals.f28, 'F29': refusals.f29, 'F30': refusals.f30, 'F31': chords.f31,
}
HEAD = ('fault', 'what', 'jobs', 'faults', 'lost', 'dup. explained', 'dup. unexplained', 'stale', 'leaked', 'recovery ms', 's', 'result')


def once(name, options, control=None):
    """Runs one fault; returns (verdict or None, why it has none, seconds)."""
    run, begin, failed = Run(name, options.seed, options.release, control), time.monotonic(), True
    try:
        verdict = FAULTS[name](run)
        failed = bool(verdict.problems)
        return verdict, '', time.monotonic() - begin
    except Skip as reason:
        failed = False
        return None, f'skipped: {reason}', time.monotonic() - begin
    except Late as error: return None, str(error), time.monotonic() - begin
    except Exception:
        if control is None: traceback.print_exc()
        return None, traceback.format_exc(limit=-1).strip().splitlines()[-1], time.monotonic() - begin
    finally:
        keep = failed and options.keep
        run.close(keep)
        if keep: print(f'    kept: {run.dir}')


def every(names, options):
    """All faults; returns the rows of the table and how many failed."""
    rows, bad = [], 0
    for name in names:
        what = FAULTS[name].__doc__.strip()
        verdict, why, seconds = once(name, options)
        if verdict:
            result = 'held' if not verdict.problems else 'MISSED'
            rows.append((name, what, verdict.jobs, verdict.faults, verdict.lost, verdict.explained, verdict.unexplained, verdict.stale, verdict.leaked,
                         verdict.recovery, round(seconds), result))
            bad += bool(verdict.problems)
        else:
            is_skipped = why.startswith('skipped')
            rows.append((name, what, *['–'] * 8, round(seconds), why if is_skipped else 'FAILED'))
            bad += not is_skipped
        if options.markdown:
            with open(options.markdown, 'a') as f: f.write('| ' + ' | '.join(str(c) for c in rows[-1]) + ' |\n')
        print(f'{name:4} {rows[-1][-1].split(":")[0]:8} {seconds:5.0f} s  seed {options.seed}  {what}', flush=True)
        for text in ([why] if why else []) + (verdict.problems if verdict else []): print(f'     ! {text}')
        for text in verdict.notes if verdict else []: print(f'     . {text}')
        sys.stdout.flush()
    return rows, bad


def show(rows):
    """The table, as text."""
    table = [tuple(str(c) for i, c in enumerate(row) if i != 1) for row in [HEAD, *rows]]
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    for row in table: print('  '.join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))))


def commit():
    text = subprocess.run(['git', '-C', ROOT, 'rev-parse', '--short', 'HEAD'], capture_output=True, text=True).stdout.strip()
    return text or 'unknown'


def head(file, options):
    """Begins the table with what is needed to repeat it; a row follows with each fault, so that a run cut off leaves its part."""
    version = subprocess.run(['redis-server', '--version'], capture_output=True, text=True).stdout.split()[2].removeprefix('v=')
    date = datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%d')
    with open(file, 'a') as f:
        f.write(f'{date}, commit {commit()}, seed {options.seed}, {"release" if options.release else "CI"} size, Redis {version}, '
                f'{os.cpu_count()} cores, {platform.machine()}.\n\n')
        f.write('| ' + ' | '.join(HEAD) + ' |\n|' + ' --- |' * 2 + ' --: |' * (len(HEAD) - 3) + ' --- |\n')


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('--only', default=''); a.add_argument('--release', action='store_true'); a.add_argument('--seed', type=int, default=1)
    a.add_argument('--controls', nargs='?', const='', metavar='NAME'); a.add_argument('--markdown', metavar='FILE'); a.add_argument('--keep', action='store_true')
    options = a.parse_args()
    needs(('redis-server', 'redis-server'), ('redis-check-aof', 'redis-tools'))
    for name in ('jobrunner', 'FaultWorker'):
        if not os.access(os.path.join(BINARIES, name), os.X_OK): raise SystemExit(f'{BINARIES}/{name} is not there: swift build --product {name}')
    # So that a TERM cleans up as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    wanted = [n.strip() for n in options.only.split(',') if n.strip()]
    names = [n for n in FAULTS if not wanted or n in wanted or n.rstrip('aeo') in wanted]
    unknown = [w for w in wanted if w not in FAULTS and w not in {n.rstrip('aeo') for n in FAULTS}]
    if unknown or not names: raise SystemExit(f'unknown: {" ".join(unknown)}; there are {" ".join(FAULTS)}')
    begin = time.monotonic()
    if options.controls is not None:
        bad = controls.every(options, once)
        print(f'{time.monotonic() - begin:.0f} s')
        sys.exit(bad > 0)
    if options.markdown: head(options.markdown, options)
    rows, bad = every(names, options)
    show(rows)
    skipped = sum(str(row[-1]).startswith('skipped') for row in rows)
    print(f'{time.monotonic() - begin:.0f} s, {bad} missed, {skipped} skipped')
    if options.markdown:
        with open(options.markdown, 'a') as f: f.write('\n')
    sys.exit(bad > 0)


if __name__ == '__main__':
    try: main()
    except KeyboardInterrupt: sys.exit(130)
