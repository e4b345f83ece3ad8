/*
 * The catalog's server:
 *
 *   server PROTOCOL [ENDPOINT]
 *
 * PROTOCOL is ncacn_ip_tcp or ncalrpc. It serves until SIGTERM or SIGINT, and then says what the
 * scopes of its calls held, and what is left.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>

#include <stuballoc/stats.h>

#include "runtime.h"

enum { BUDGET = 4 << 20, OPERATIONS = 11 };

static const char *const operations[OPERATIONS] = {
  "title", "search",     "mirror", "annotate",    "scan",   "check",
  "index", "open_shelf", "put",    "close_shelf", "status",
};

static sa_stats
stats_now(void)
{
  sa_stats stats = {.size = sizeof stats};
  (void)sa_get_stats(&stats); /* else they are all zero */
  return stats;
}

static void
report(const sa_stats *before)
{
  sa_operation_stats rows[OPERATIONS];
  size_t             count = sa_get_operation_stats(rows, OPERATIONS);
  printf("%-12s %9s %14s %14s %10s %8s\n", "operation", "calls", "blocks freed", "bytes freed",
         "peak KiB", "refused");
  for (size_t i = 0; i < count; i++)
    printf("%-12s %9zu %14zu %14zu %10zu %8zu\n", operations[rows[i].operation], rows[i].calls,
           rows[i].blocks, rows[i].bytes, rows[i].peak / 1024, rows[i].over_budget);
  printf("blocks left: %zu\n", stats_now().live_blocks - before->live_blocks);
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
  const sa_stats before = stats_now();
  if (runtime_serve(ifspec, argv[1], argv[2]) != DONE)
    return 1;
  report(&before);
  return 0;
}
