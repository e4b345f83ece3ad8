/* What <stuballoc/stats.h> tells, for tests that ask for it. SPDX-License-Identifier: MIT */
#ifndef COUNTS_H
#define COUNTS_H

#include "unit.h"

#include <string.h>

#include <stuballoc/stats.h>

static inline sa_stats
stats_now(void)
{
  sa_stats stats = {.size = sizeof stats};
  assert_int_equal(sa_get_stats(&stats), 0);
  return stats;
}

/* The account of an operation; all zero: it was not called. */
static inline sa_operation_stats
account_of(const char *name, size_t operation)
{
  sa_operation_stats rows[64];
  memset(rows, 0xff, sizeof rows);
  size_t count = sa_get_operation_stats(rows, 64);
  assert_true(count >= 1 && count <= 64);
  for (size_t i = 0; i < count; i++)
    if (strcmp(rows[i].name, name) == 0 && rows[i].operation == operation)
      return rows[i];
  return (sa_operation_stats){.calls = 0};
}

#endif
