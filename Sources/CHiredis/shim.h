#ifndef JR_CHIREDIS_SHIM_H
#define JR_CHIREDIS_SHIM_H

// hiredis without its sockets: the formatter and the reader (0.14 and 1.x).
#include <hiredis/hiredis.h>
#include <string.h>

// Most elements one array of a reply may announce. hiredis allocates a pointer
// for each before the first arrives, so a hostile "*2147483647" would ask for
// 16 GiB. 1,048,576 is 1,000 times the largest batch of the protocol.
#define JR_MAX_ARRAY_ELEMENTS 1048576

#if HIREDIS_MAJOR >= 1
typedef size_t jr_elements;
#else
typedef int jr_elements;
#endif

typedef void *(*jr_array_function)(const redisReadTask *, jr_elements);

// hiredis's own createArray, the same for every reader. Inside a function, because a
// variable of a header is not emitted for Swift.
static inline jr_array_function *jr_create_array(void) {
    static jr_array_function function;
    return &function;
}

static inline void *jr_bounded_array(const redisReadTask *task, jr_elements elements) {
    if ((long long)elements > JR_MAX_ARRAY_ELEMENTS) return NULL;
    return __atomic_load_n(jr_create_array(), __ATOMIC_RELAXED)(task, elements);
}

// A reader whose arrays are bounded. `functions` must live as long as the
// reader: the reader keeps a pointer to it. NULL when out of memory.
static inline redisReader *jr_reader_create(redisReplyObjectFunctions *functions) {
    redisReader *reader = redisReaderCreate();
    if (!reader) return NULL;
    *functions = *reader->fn;
    __atomic_store_n(jr_create_array(), functions->createArray, __ATOMIC_RELAXED);
    functions->createArray = jr_bounded_array;
    reader->fn = functions;
    return reader;
}

static inline size_t jr_reader_buffered(const redisReader *reader) { return reader->len - reader->pos; }

#endif
