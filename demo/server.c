/*
 * The catalog's server:
 *
 *   server [--uncounted] PROTOCOL [ENDPOINT]
 *
 * PROTOCOL is ncacn_ip_tcp or ncalrpc. It serves until it is stopped (see runtime.h), and then says
 * what its calls took and how that was freed, a line an operation, and how many blocks more there
 * are than before the first call. Counting takes time.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <stuballoc/stats.h>

#include "memory.h"
#include "runtime.h"

enum { BUDGET = 4 << 20, OPERATIONS = 14 };

static const char *const operations[OPERATIONS] = {
  "title",      "search", "mirror",      "annotate", "scan", "check", "index",
  "open_shelf", "put",    "close_shelf", "status",   "lend", "read",  "return",
};

/* Of an operation's calls. Any of the runtime's threads adds to it. */
struct tally {
  _Atomic size_t calls;
  _Atomic size_t taken_blocks;
  _Atomic size_t taken_bytes;
  _Atomic size_t freed_blocks; /* one by one */
  _Atomic size_t scope_blocks; /* freed with the scope */
  _Atomic size_t left_bytes; /* of what was taken, freed in neither way; modulo the largest size */
  _Atomic size_t peak;
  _Atomic size_t refused;
};

static struct tally tallies[OPERATIONS];

static void
raise_to(_Atomic size_t *peak, size_t value)
{
  size_t seen = *peak;
  while (seen < value && !atomic_compare_exchange_weak(peak, &seen, value))
    ;
}

static void
count(sa_if_handle ifspec, unsigned operation, const struct sa_scope_stats *stats)
{
  struct tally *tally = &tallies[operation];
  (void)ifspec;
  tally->calls++;
  tally->taken_blocks += memory_counts.taken_blocks;
  tally->taken_bytes += memory_counts.taken_bytes;
  tally->freed_blocks += memory_counts.freed_blocks;
  tally->scope_blocks += stats->blocks;
  tally->left_bytes += memory_counts.taken_bytes - memory_counts.freed_bytes - stats->bytes;
  tally->refused += stats->over_budget;
  raise_to(&tally->peak, stats->peak);
  memory_counts = (struct memory_counts){0}; /* the thread's next call counts anew */
}

/* Of the whole process. */
static size_t
live_blocks(void)
{
  sa_stats stats = {.size = sizeof stats};
  if (sa_get_stats(&stats) != 0) {
    perror("sa_get_stats");
    exit(1);
  }
  return stats.live_blocks;
}

/* More than there were, once the runtime's threads have ended: it does not wait for them, and what
 * one gives back as it ends may be on its way. */
static ptrdiff_t
blocks_left(size_t before)
{
  const struct timespec pause = {.tv_nsec = 10000000};
  size_t                now = live_blocks();
  for (int i = 0; i < 200 && now != before; i++) {
    nanosleep(&pause, NULL);
    now = live_blocks();
  }
  return (ptrdiff_t)(now - before);
}

static void
report(size_t blocks_before)
{
  statistics now;
  printf("%-12s %8s %10s %12s %10s %10s %9s %8s %6s\n", "operation", "calls", "blocks", "bytes",
         "one by one", "by scope", "peak KiB", "refused", "left");
  for (int i = 0; i < OPERATIONS; i++) {
    const struct tally *tally = &tallies[i];
    printf("%-12s %8zu %10zu %12zu %10zu %10zu %9zu %8zu %6td\n", operations[i], tally->calls,
           tally->taken_blocks, tally->taken_bytes, tally->freed_blocks, tally->scope_blocks,
           tally->peak / 1024, tally->refused, (ptrdiff_t)tally->left_bytes);
  }
  catalog_status(NULL, &now);
  printf("open shelves %d\n", (int)now.shelves);
  printf("blocks left %td\n", blocks_left(blocks_before));
}

int
main(int argc, char **argv)
{
  const sa_scope_options options = {.name = "catalog", .budget = memory_is_scoped ? BUDGET : 0};
  const bool             counted = argc > 1 && strcmp(argv[1], "--uncounted") != 0;
  char **const           words = argv + (counted ? 1 : 2);
  if (argc < 2 || !words[0] || (words[1] && words[2])) {
    fprintf(stderr, "usage: %s [--uncounted] PROTOCOL [ENDPOINT]\n", argv[0]);
    return 2;
  }
  sa_if_handle ifspec = catalog_v1_0_s_ifspec;
  /* Over malloc the stubs take nothing from the scope, and its end is where a call is counted. */
  if ((memory_is_scoped || counted) && !(ifspec = sa_scoped_interface(ifspec, &options))) {
    perror("sa_scoped_interface");
    return 1;
  }
  if (counted)
    sa_observe_calls(count);
  const size_t blocks_before = counted ? live_blocks() : 0;
  if (runtime_serve(ifspec, words[0], words[1]) != DONE)
    return 1;
  if (counted)
    report(blocks_before);
  return 0;
}
