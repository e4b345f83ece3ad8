/*
 * What the whole process has: bytes and blocks, counted when it is asked. Allocating and freeing
 * count nothing, so asking takes time by what there is: a walk over all slabs, and a copy of those
 * that threads hold just now.
 *
 * What other threads allocate or free meanwhile may be counted or not. In a process whose threads
 * are all at rest the figures are exact.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STUBALLOC_STATS_H
#define STUBALLOC_STATS_H

#include <stddef.h>
#include <stdint.h>

#include <stuballoc.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * live + cached + overhead = mapped, all in bytes; and mapped + empty is what the system has mapped
 * for the engine to read and write. The overhead is the engine's tables, of which few pages are ever
 * touched, its caches and headers, and where no block fits in.
 */
typedef struct sa_stats {
  size_t size;          /* to be set to sizeof(sa_stats) by the caller: see sa_get_stats */
  size_t live;          /* bytes of the blocks that are out, as sa_usable_size tells them */
  size_t live_blocks;   /* how many those are, blocks of scopes included */
  size_t cached;        /* ready to be given out: free blocks, scopes' rest, idle units */
  size_t overhead;      /* no block's */
  size_t mapped;        /* units that are used or idle, and the engine's own */
  size_t empty;         /* mapped units whose pages the system has back, or never had to give */
  size_t reserved;      /* address space, of which the units are a part */
  size_t peak;          /* the most bytes in units that were ever used at once */
  size_t returned;      /* bytes that were given back to the system, ever */
  size_t large_got;     /* bytes that were put into explicit large pages, ever */
  size_t large_refused; /* bytes for which STUBALLOC=large_pages=on found none, ever */
  size_t caches;        /* that threads use now */
  size_t misuses;       /* that were said, after which STUBALLOC=on_misuse=report went on, ever */
} sa_stats;

/*
 * Fills in as much of `stats` as its `size` says and this library knows, and sets `size` to that; a
 * program and a library of different versions so agree. 0; or -1 with errno EINVAL when `size` is
 * smaller than the first version's, ENOMEM, or what process_vm_readv says in a process that the
 * system does not let look at its own memory. Then nothing is filled in.
 */
SA_API int sa_get_stats(sa_stats *stats);

/* Blocks of one size. */
typedef struct sa_class_stats {
  size_t block_size;
  size_t slabs;       /* that are carved into such blocks */
  size_t live_blocks; /* out */
  size_t live;        /* their bytes */
  size_t cached;      /* bytes of the others */
  size_t reserved[3];
} sa_class_stats;

/* What one thread's cache holds. */
typedef struct sa_cache_stats {
  size_t number;  /* the cache's; it goes to another thread when its own has ended */
  size_t slabs;   /* current ones, from which the thread allocates */
  size_t adopted; /* slabs into which it collects what it frees */
  size_t cached;  /* bytes of the free blocks in both */
  size_t sending; /* bytes of free blocks on their way to other slabs */
  size_t reserved[3];
} sa_cache_stats;

/* What the calls of one operation of a scoped interface (see <stuballoc/rpc.h>) did. */
enum { SA_OPERATION_NAME = 32 };
typedef struct sa_operation_stats {
  /* That sa_scoped_interface was given for the scopes, cut, and what is not printable ASCII as '?';
   * if an interface before had the same, with '#2' or so at its end. */
  char   name[SA_OPERATION_NAME];
  size_t operation;   /* its number in the interface */
  size_t calls;       /* that have ended */
  size_t faults;      /* calls that gave no result, but an exception or a fault */
  size_t over_budget; /* calls that were refused memory for their budget */
  size_t blocks;      /* that the calls had not freed when they ended, all together */
  size_t bytes;       /* of those */
  size_t peak;        /* the most bytes that one call's scope held */
  size_t mean;        /* what a call's scope held at most, on average */
  size_t nanoseconds; /* time in the calls, all together */
  size_t longest;     /* of those, in one call */
  size_t reserved[6];
} sa_operation_stats;

/*
 * Fill in the first `count` of all classes that have a slab, of all caches that threads use, and
 * of all operations of scoped interfaces that were called. They return how many there are, which may
 * be more; with a count of 0, `to` may be NULL. Where sa_get_stats fails, the first two return 0.
 * Faults that FreeDCE's stubs send are seen where libdcerpc is linked behind libstuballoc-freedce.
 * What is reserved is 0: a later version has its further members there, and rows as long as these.
 */
SA_API size_t sa_get_class_stats(sa_class_stats *to, size_t count);
SA_API size_t sa_get_cache_stats(sa_cache_stats *to, size_t count);
SA_API size_t sa_get_operation_stats(sa_operation_stats *to, size_t count);

/*
 * Writes all figures: for a reader, as one JSON object, or in the Prometheus text format. They go to
 * `sink` in pieces, in order; `context` is handed on. 0; or -1 with errno as sa_get_stats, or EINVAL
 * for another format, and nothing is written.
 */
enum { SA_STATS_TEXT, SA_STATS_JSON, SA_STATS_PROMETHEUS };
typedef void sa_stats_sink(void *context, const char *text, size_t length);
SA_API int   sa_write_stats(int format, sa_stats_sink *sink, void *context);

#ifdef __cplusplus
}
#endif

#endif /* STUBALLOC_STATS_H */
