/*
 * Sources: memory outside of what the engine reserves, from which units of 64 KiB can be had.
 *
 * Who has such memory (a section) fills in one of these, and who wants its units (a scope) sees no
 * more of it. Nothing that the one who takes them needs to know about a unit is kept in the unit:
 * other processes may write there. It keeps that in memory of its own, the unit's stand-in, as long
 * as a unit, so that a block's stand-in is as far from its start as the block is from the unit's.
 */
#ifndef SA_SOURCE_H
#define SA_SOURCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

enum { SA_SOURCE_UNIT = 65536 };

struct sa_source {
  /* To be held as long as units of it are out. 0 or an errno value. */
  int (*hold)(struct sa_source *source);
  void (*drop)(struct sa_source *source);
  /* Units in a row; NULL: there are none. */
  void *(*take)(struct sa_source *source, size_t units);
  void (*give)(struct sa_source *source, void *at, size_t units);

  /* Set as long as it is held. */
  char  *start; /* a multiple of a unit */
  size_t units;
  /* One a unit. Written by who has taken it, before a block of it is given out, so whoever was
   * told of a block sees it: relaxed. */
  _Atomic(void *) *stand_ins;
};

/* Lets a source that is held be found by its addresses, and no more. False: there are too many. */
bool sa_source_publish(struct sa_source *source);
void sa_source_withdraw(struct sa_source *source);

/* What stands for an address in a unit; NULL when nothing does. */
void *sa_source_stand_in(const void *address);

static inline _Atomic(void *) *
sa_source_place(const struct sa_source *source, const void *address)
{
  return &source->stand_ins[(size_t)((const char *)address - source->start) / SA_SOURCE_UNIT];
}

static inline void
sa_source_set(const struct sa_source *source, const void *unit, void *stand_in)
{
  atomic_store_explicit(sa_source_place(source, unit), stand_in, memory_order_relaxed);
}

#pragma GCC visibility pop

#endif
