"""A redis-server whose clock is ours: a preload that replaces gettimeofday.

`compile_clock(directory)` builds the library. The server is started with LD_PRELOAD set to it and
FAULT_CLOCK to a file of eight bytes: a number of microseconds, which the test maps and changes.
Without more it is the time, which then stands still between two changes; with FAULT_CLOCK_RUNS set it
is added to the real time. Needs Linux and a C compiler (CC, cc, clang or gcc).
"""
import os, shutil, subprocess, sys

CLOCK = r'''
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
static volatile long long *now;
static int runs;
__attribute__((constructor)) static void start(void) {
  int fd = open(getenv("FAULT_CLOCK"), O_RDONLY);
  if (fd >= 0) now = mmap(0, 8, PROT_READ, MAP_SHARED, fd, 0);
  runs = getenv("FAULT_CLOCK_RUNS") != 0;
}
int gettimeofday(struct timeval *restrict tv, void *restrict tz) {
  (void)tz;
  long long t = now ? *now : runs ? 0 : 1795000000000000LL;
  if (runs) {
    struct timespec real;
    clock_gettime(CLOCK_REALTIME, &real);
    t += real.tv_sec * 1000000LL + real.tv_nsec / 1000;
  }
  tv->tv_sec = t / 1000000; tv->tv_usec = t % 1000000;
  return 0;
}
'''


def compiler():
    """The C compiler to use; CC wins."""
    return os.environ.get('CC') or next(filter(shutil.which, ('cc', 'clang', 'gcc')), 'cc')


def compile_clock(directory):
    """Builds the library into `directory`; returns its path."""
    if sys.platform != 'linux': raise SystemExit('needs Linux: its clock is an LD_PRELOAD')
    code, library = os.path.join(directory, 'clock.c'), os.path.join(directory, 'clock.so')
    with open(code, 'w') as f: f.write(CLOCK)
    subprocess.run([compiler(), '-shared', '-fPIC', '-O1', '-o', library, code], check=True)
    return library
