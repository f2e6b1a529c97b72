"""Waiting for what no event tells: one loop, bounded in time."""
import time


class Late(Exception):
    """Something did not come in time; the text says what."""


def now_ms():
    """Wall clock, ms since 1970, as the handlers write it into the ledger."""
    return time.time_ns() // 1_000_000


def until(condition, seconds, what, every=0.02):
    """Asks `condition` until it answers something true, which is returned.

    Raises Late after `seconds`: `what` names what was waited for.
    """
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer: return answer
        if time.monotonic() > end: raise Late(f'{what}: not within {seconds:g} s')
        time.sleep(every)
