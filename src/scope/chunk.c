/* Chunks: units of the engine on their way to scopes and back. */
#include <string.h>

#include "engine/hardened.h"
#include "scope/scope.h"

enum { SHELF = 16, TRIES = 4 };

/* Chunks with empty maps. Put by compare-and-swap with release, taken by exchange with acquire. */
static _Atomic(struct sa_chunk *) shelf[SHELF];

_Atomic unsigned sa_chunk_trims;

/* --- the engine ------------------------------------------------------------------------------- */

static struct sa_chunk *
take_from_engine(void)
{
  bool            zeroed;
  struct sa_slab *slab = sa_units_take(1, SA_UNIT, &zeroed);
  if (!slab)
    return NULL;
  struct sa_chunk *chunk = (struct sa_chunk *)sa_units_address(slab);
  sa_watch_open(chunk, sizeof *chunk);
  if (!zeroed)
    memset(chunk, 0, sizeof *chunk);
  if (sa_hardened)
    sa_chunk_guard(slab, chunk);
  atomic_store_explicit(&slab->anchor, (uint64_t)SA_LENT << SA_WHAT_SHIFT, memory_order_release);
  return chunk;
}

static void
give_to_engine(struct sa_chunk *chunk)
{
  struct sa_slab *slab = sa_slab_of(chunk);
  atomic_store_explicit(&slab->anchor, SA_NOTHING, memory_order_release);
  if (sa_hardened)
    sa_hardened_forget(slab, 1);
  sa_units_give(slab, 1);
}

/* --- the shelf -------------------------------------------------------------------------------- */

static _Atomic(struct sa_chunk *) *
place(unsigned attempt)
{
  return &shelf[(sa_thread.id * TRIES + attempt) % SHELF];
}

static struct sa_chunk *
take_from_shelf(void)
{
  for (unsigned i = 0; i < TRIES; i++) {
    if (!atomic_load_explicit(place(i), memory_order_relaxed))
      continue;
    struct sa_chunk *chunk = atomic_exchange_explicit(place(i), NULL, memory_order_acquire);
    if (chunk)
      return chunk;
  }
  return NULL;
}

static bool
put_on_shelf(struct sa_chunk *chunk)
{
  for (unsigned i = 0; i < TRIES; i++) {
    struct sa_chunk *none = NULL;
    if (!atomic_load_explicit(place(i), memory_order_relaxed)
        && atomic_compare_exchange_strong_explicit(place(i), &none, chunk, memory_order_release,
                                                   memory_order_relaxed))
      return true;
  }
  return false;
}

/* --- units of a source ------------------------------------------------------------------------ */

bool
sa_chunk_stand(struct sa_chunk *chunk, struct sa_source *source)
{
  char *unit = source->take(source, 1);
  if (!unit)
    return false;
  chunk->away = unit - (char *)chunk;
  sa_source_set(source, unit, chunk);
  return true;
}

void
sa_chunk_withdraw(struct sa_chunk *chunk, struct sa_source *source)
{
  char *unit = sa_bytes_at(chunk, 0);
  if (chunk->away == 0)
    return;
  chunk->away = 0;
  sa_source_set(source, unit, NULL);
  source->give(source, unit, 1);
}

/* --- watched memory --------------------------------------------------------------------------- */

void
sa_chunk_forget(struct sa_chunk *chunk)
{
  if (chunk->away != 0)
    return;
  for (size_t at = SA_DATA; at < chunk->carved; at++)
    if (sa_code_get(chunk, at) - 1 < SA_CODES)
      sa_watch_back(sa_granule_at(chunk, at));
  sa_watch_close(sa_granule_at(chunk, SA_DATA), (SA_UNIT_GRANULES - SA_DATA) * (size_t)SA_GRANULE);
}

/* --- what the header promises ----------------------------------------------------------------- */

struct sa_chunk *
sa_chunk_take(void)
{
  struct sa_chunk *chunk = sa_hardened ? sa_chunk_waited(SA_WAITING) : NULL;
  if (!chunk)
    chunk = take_from_shelf();
  return chunk ? chunk : take_from_engine();
}

void
sa_chunk_give(struct sa_chunk *chunk, size_t end)
{
  chunk->keeper = 0;
  if (sa_hardened)
    chunk = sa_chunk_wait(chunk, end);
  else
    sa_chunk_clear_map(chunk, end);
  if (chunk && !put_on_shelf(chunk))
    give_to_engine(chunk);
}

void
sa_chunk_cool(void)
{
  struct sa_chunk *chunk = sa_thread.warm ? sa_thread.warm : sa_thread.hidden;
  sa_thread.warm = NULL;
  sa_thread.hidden = NULL;
  if (chunk)
    give_to_engine(chunk);
  while ((chunk = sa_chunk_waited(0)))
    give_to_engine(chunk);
}

void
sa_chunks_trim(void)
{
  atomic_fetch_add_explicit(&sa_chunk_trims, 1, memory_order_relaxed);
  sa_chunk_cool();
  for (unsigned i = 0; i < SHELF; i++) {
    struct sa_chunk *chunk = atomic_exchange_explicit(&shelf[i], NULL, memory_order_acquire);
    if (chunk)
      give_to_engine(chunk);
  }
}

static void
see_units(struct sa_region *region, size_t chunk, uint64_t units, void (*see)(struct sa_chunk *))
{
  for (; units != 0; units &= units - 1) {
    size_t          unit = chunk * SA_CHUNK_UNITS + (size_t)__builtin_ctzll(units);
    struct sa_slab *slab = &region->slabs[unit];
    uint64_t        anchor = atomic_load_explicit(&slab->anchor, memory_order_acquire);
    if (sa_anchor_what(anchor) == SA_LENT)
      see((struct sa_chunk *)(region->base + unit * SA_UNIT));
  }
}

void
sa_chunks_each(void (*see)(struct sa_chunk *chunk))
{
  struct sa_region *region;
  for (unsigned i = 0; (region = sa_region_at(i)); i++) {
    size_t seen = atomic_load_explicit(&region->chunks_seen, memory_order_relaxed);
    for (size_t chunk = 0; chunk < seen; chunk++)
      see_units(region, chunk, atomic_load_explicit(&region->used[chunk], memory_order_relaxed),
                see);
  }
}
