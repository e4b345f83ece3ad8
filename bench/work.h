/*
 * The workloads: a program that uses plain malloc and free and knows nothing of any allocator. The
 * driver, bench/run, runs it with LD_PRELOAD on each of them.
 *
 * What the workloads note for themselves lies in memory of their own (bookkeeping), so that the
 * allocator sees only the blocks that are being measured.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef WORK_H
#define WORK_H

#include <stdbool.h>
#include <stddef.h>

struct sizes {
  size_t least, most;
};

/* One case: which workload, and what makes it differ from its siblings. */
struct work {
  const char *name;
  void (*run)(const struct work *work);
  struct sizes sizes;    /* of the blocks */
  bool         shuffled; /* freed in random order, not in the order of allocation */
  size_t       depth;    /* of a ring, in blocks */
  size_t       live;     /* bytes allocated at a time */
};

void pair(const struct work *work);
void batch(const struct work *work);
void stub_call(const struct work *work);
void stub_call_written(const struct work *work);
void stub_call_halved(const struct work *work);
void reverse(const struct work *work);
void handoff(const struct work *work);
void churn(const struct work *work);
void idle(const struct work *work);
void burst(const struct work *work);
void steady(const struct work *work);

#endif /* WORK_H */
