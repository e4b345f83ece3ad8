/* Which source an address is in; source.h has the contract. */
#include "os/source.h"

enum { SOURCES = 256 };

/* A source's place by its units, in one word, so that what a reader compares belongs together: the
 * number of the first one above, how many there are below. 0: none. Stored with release after
 * `sources`, read with acquire. */
static _Atomic uint64_t places[SOURCES];
/* Taken by compare-and-swap. Whoever has a block in a source keeps it from being withdrawn. */
static _Atomic(struct sa_source *) sources[SOURCES];
/* Places from here on were never taken. Only grows; relaxed, as it only bounds the search, and who
 * was told of a block was told later. */
static _Atomic unsigned places_seen;

static void
note_seen(unsigned count)
{
  unsigned seen = atomic_load_explicit(&places_seen, memory_order_relaxed);
  while (seen < count
         && !atomic_compare_exchange_weak_explicit(&places_seen, &seen, count, memory_order_relaxed,
                                                   memory_order_relaxed))
    ;
}

bool
sa_source_publish(struct sa_source *source)
{
  for (unsigned i = 0; i < SOURCES; i++) {
    struct sa_source *none = NULL;
    if (!atomic_compare_exchange_strong_explicit(&sources[i], &none, source, memory_order_acq_rel,
                                                 memory_order_relaxed))
      continue;
    uint64_t first = (uintptr_t)source->start / SA_SOURCE_UNIT;
    note_seen(i + 1);
    atomic_store_explicit(&places[i], first << 32 | source->units, memory_order_release);
    return true;
  }
  return false;
}

void
sa_source_withdraw(struct sa_source *source)
{
  for (unsigned i = 0; i < SOURCES; i++) {
    if (atomic_load_explicit(&sources[i], memory_order_relaxed) != source)
      continue;
    atomic_store_explicit(&places[i], 0, memory_order_relaxed);
    atomic_store_explicit(&sources[i], NULL, memory_order_release);
    return;
  }
}

static struct sa_source *
find(const void *address)
{
  unsigned seen = atomic_load_explicit(&places_seen, memory_order_relaxed);
  for (unsigned i = 0; i < seen; i++) {
    uint64_t place = atomic_load_explicit(&places[i], memory_order_acquire);
    if ((uintptr_t)address / SA_SOURCE_UNIT - (place >> 32) < (place & UINT32_MAX))
      return atomic_load_explicit(&sources[i], memory_order_relaxed);
  }
  return NULL;
}

void *
sa_source_stand_in(const void *address)
{
  const struct sa_source *source = find(address);
  if (!source)
    return NULL;
  char *stand_in = atomic_load_explicit(sa_source_place(source, address), memory_order_relaxed);
  return stand_in ? stand_in + (uintptr_t)address % SA_SOURCE_UNIT : NULL;
}
