#ifndef JR_CSYSTEM_SHIM_H
#define JR_CSYSTEM_SHIM_H

// What Swift's Glibc module leaves out of the C library.
#include <pthread.h>

#ifdef __linux__
#include <sys/eventfd.h>

// Declared by <pthread.h> only under _GNU_SOURCE, which a module cannot set.
extern int pthread_setname_np(pthread_t thread, const char *name);

static inline int jr_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
static inline void jr_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }
#elif defined(__APPLE__)
static inline void jr_name_thread(const char *name) { pthread_setname_np(name); }
#endif

#endif
