/*
 * The catalog's server:
 *
 *   server PROTOCOL [ENDPOINT]
 *
 * PROTOCOL is ncacn_ip_tcp or ncalrpc. It serves until it is stopped (see runtime.h), and then says
 * what the scopes of its calls held.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdatomic.h>
#include <stdio.h>

#include "runtime.h"

enum { BUDGET = 4 << 20, OPERATIONS = 11 };

static const char *const operations[OPERATIONS] = {
  "title", "search",     "mirror", "annotate",    "scan",   "check",
  "index", "open_shelf", "put",    "close_shelf", "status",
};

/* Of an operation's calls. */
struct tally {
  _Atomic size_t calls;
  _Atomic size_t blocks;
  _Atomic size_t bytes;
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
  tally->blocks += stats->blocks;
  tally->bytes += stats->bytes;
  tally->refused += stats->over_budget;
  raise_to(&tally->peak, stats->peak);
}

static void
report(void)
{
  printf("%-12s %9s %14s %14s %10s %8s\n", "operation", "calls", "blocks freed", "bytes freed",
         "peak KiB", "refused");
  for (int i = 0; i < OPERATIONS; i++)
    printf("%-12s %9zu %14zu %14zu %10zu %8zu\n", operations[i], tallies[i].calls,
           tallies[i].blocks, tallies[i].bytes, tallies[i].peak / 1024, tallies[i].refused);
}

int
main(int argc, char **argv)
{
  const sa_scope_options options = {.name = "catalog", .budget = BUDGET};
  if (argc < 2 || argc > 3) {
    fprintf(stderr, "usage: %s PROTOCOL [ENDPOINT]\n", argv[0]);
    return 2;
  }
  sa_if_handle ifspec = sa_scoped_interface(catalog_v1_0_s_ifspec, &options);
  if (!ifspec) {
    perror("sa_scoped_interface");
    return 1;
  }
  sa_observe_calls(count);
  if (runtime_serve(ifspec, argv[1], argv[2]) != DONE)
    return 1;
  report();
  return 0;
}
