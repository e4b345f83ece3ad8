/*
 * Where the catalog's programs have their memory from. Each is linked with memory_stuballoc.c, or, to
 * be compared with it, with memory_malloc.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a call has a scope; else what it returns is to be freed one by one. */
extern const bool memory_is_scoped;

/* Of this thread, so far: what was taken by its stubs and managers, and what of that was freed one
 * by one. */
struct memory_counts {
  size_t taken_blocks;
  size_t taken_bytes;
  size_t freed_blocks;
  size_t freed_bytes;
};

extern _Thread_local struct memory_counts memory_counts;

/* Of the manager, what it does not return: frees it, where neither a scope nor the runtime will. */
void memory_give_back(void *block);

#endif
