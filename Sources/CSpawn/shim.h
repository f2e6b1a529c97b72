#ifndef JR_CSPAWN_SHIM_H
#define JR_CSPAWN_SHIM_H

// Child processes: what of POSIX, Linux and Darwin Swift cannot say itself
// (GNU-only functions, variadic functions, unions, macros).
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __APPLE__
#include <sys/event.h>
#else
#include <sys/syscall.h>
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434  // the same on every architecture
#endif
// Hidden behind _GNU_SOURCE, which a Clang module cannot turn on.
extern int pipe2(int descriptors[2], int flags);
extern long syscall(long number, ...);
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *, int);
#endif

// A pipe, closed on exec, both ends above 2 even when the process was started
// with its standard streams closed: else the dup2 of a spawn could overwrite
// an end. 0 or an errno.
static inline int jr_pipe(int ends[2]) {
#ifdef __APPLE__
    // Not atomic, and need not be: jr_spawn closes what is not asked for.
    if (pipe(ends) != 0) return errno;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
#else
    if (pipe2(ends, O_CLOEXEC) != 0) return errno;
#endif
    for (int i = 0; i < 2; i++) {
        if (ends[i] > 2) continue;
        int higher = fcntl(ends[i], F_DUPFD_CLOEXEC, 3);
        int failure = errno;
        if (higher >= 0) {
            close(ends[i]);
            ends[i] = higher;
        } else {
            close(ends[0]);
            close(ends[1]);
            return failure;
        }
    }
    return 0;
}

// Never block the caller on this end. Each end of a pipe has flags of its own.
static inline void jr_set_nonblocking(int descriptor) {
    int flags = fcntl(descriptor, F_GETFL);
    if (flags >= 0) fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
}

// Starts `path` with argv = { path } in a process group of its own, with the
// three descriptors as its standard streams and no other, no signal blocked
// or ignored. 0 or an errno, those of exec included. No shell is tried.
static inline int jr_spawn(
    const char *path, char *const environment[], int input, int output, int errors, pid_t *pid
) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failure = posix_spawn_file_actions_init(&actions);
    if (failure) return failure;
    failure = posix_spawnattr_init(&attributes);
    if (failure) {
        posix_spawn_file_actions_destroy(&actions);
        return failure;
    }

    short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
#ifdef __APPLE__
    flags |= POSIX_SPAWN_CLOEXEC_DEFAULT;
#endif
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    if (!failure) failure = posix_spawnattr_setflags(&attributes, flags);
    if (!failure) failure = posix_spawnattr_setpgroup(&attributes, 0);
    if (!failure) failure = posix_spawnattr_setsigmask(&attributes, &none);
    if (!failure) failure = posix_spawnattr_setsigdefault(&attributes, &all);
    if (!failure) failure = posix_spawn_file_actions_adddup2(&actions, input, 0);
    if (!failure) failure = posix_spawn_file_actions_adddup2(&actions, output, 1);
    if (!failure) failure = posix_spawn_file_actions_adddup2(&actions, errors, 2);
#ifndef __APPLE__
    if (!failure) failure = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
#endif
    if (!failure) {
        char *const arguments[] = {(char *)path, NULL};
        failure = posix_spawn(pid, path, &actions, &attributes, arguments, environment);
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}

// A descriptor, closed on exec, that polls readable once the child has ended:
// a pidfd (Linux 5.3) or a kqueue. -1 and errno.
static inline int jr_exit_descriptor(pid_t pid) {
#ifdef __APPLE__
    int queue = kqueue();
    if (queue < 0) return -1;
    fcntl(queue, F_SETFD, FD_CLOEXEC);
    struct kevent event;
    EV_SET(&event, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
    // ESRCH: it ended before we asked. A user event that is already
    // triggered makes the queue readable all the same.
    if (kevent(queue, &event, 1, NULL, 0, NULL) != 0) {
        EV_SET(&event, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
        kevent(queue, &event, 1, NULL, 0, NULL);
    }
    return queue;
#else
    return (int)syscall(SYS_pidfd_open, pid, 0);
#endif
}

enum { JR_RUNNING = 0, JR_EXITED = 1, JR_SIGNALLED = 2, JR_LOST = 3 };

// How the child ended, without reaping it: until jr_reap its id, and so its
// group's, cannot be given to a stranger. `number`: the status or the signal.
// JR_LOST: somebody else reaped it, or SIGCHLD is ignored in this process.
static inline int jr_peek_exit(pid_t pid, int *number) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    int result;
    do {
        result = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
    } while (result != 0 && errno == EINTR);
    if (result != 0) return JR_LOST;
    if (info.si_pid == 0) return JR_RUNNING;
    *number = info.si_status;
    return info.si_code == CLD_EXITED ? JR_EXITED : JR_SIGNALLED;
}

// Lets the system forget the child. Waits for it, so call it when it ended.
static inline void jr_reap(pid_t pid) {
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
}

#endif
