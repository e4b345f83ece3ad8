/* Large blocks: units of their own, straight from the system and back. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/hardened.h"
#include "engine/watch.h"
#include "os/os.h"

/* Bytes, ever. Relaxed: statistics. */
static _Atomic size_t pages_got;
static _Atomic size_t pages_refused;

size_t
sa_large_pages_got(void)
{
  return atomic_load_explicit(&pages_got, memory_order_relaxed);
}

size_t
sa_large_pages_refused(void)
{
  return atomic_load_explicit(&pages_refused, memory_order_relaxed);
}

/* At least one: a block of no bytes, which may be large for its alignment, is a block. */
static size_t
whole_pages(size_t size)
{
  size_t page = sa_os_page();
  return size == 0 ? page : (size + page - 1) & ~(page - 1);
}

static size_t
whole_units(size_t length)
{
  return (length + SA_UNIT - 1) >> SA_UNIT_SHIFT;
}

/* The part of a block that explicit large pages can hold. */
static size_t
large_part(const struct sa_slab *slab)
{
  return slab->units * (size_t)SA_UNIT / sa_os_large_page() * sa_os_large_page();
}

/* Puts a block into large pages where they are asked for. False: its units are gone. */
static bool
want_large_pages(struct sa_slab *slab)
{
  static _Atomic bool said;
  slab->large_pages = false;
  /* a guard cannot be a part of one */
  if (!sa_options.large_pages || slab->units < SA_CHUNK_UNITS || sa_hardened)
    return true;
  enum sa_os_outcome outcome = sa_os_commit_large(slab->start, large_part(slab));
  slab->large_pages = outcome == SA_OS_DONE;
  atomic_fetch_add_explicit(slab->large_pages ? &pages_got : &pages_refused, large_part(slab),
                            memory_order_relaxed);
  if (outcome == SA_OS_REFUSED) {
    sa_os_prefer_large(slab->start, slab->length);
    if (!atomic_exchange_explicit(&said, true, memory_order_relaxed))
      sa_say("large_pages=on: the system has no 2 MiB pages to give; using transparent ones");
  }
  return outcome != SA_OS_LOST;
}

/* What is left of the last unit is nobody's; if it may hold old pages it should not be much. */
static void
empty_tail(const struct sa_slab *slab)
{
  size_t tail = slab->units * (size_t)SA_UNIT - slab->length;
  if (tail > slab->length / 8)
    sa_units_empty(slab->start + slab->length, tail);
}

void *
sa_large_alloc(size_t size, size_t alignment, bool zero)
{
  if (size > PTRDIFF_MAX || alignment > PTRDIFF_MAX)
    return sa_no_memory();
  size_t          length = whole_pages(size);
  size_t          units = whole_units(length + sa_guard_length());
  bool            zeroed;
  struct sa_slab *slab = sa_units_take(units, alignment, &zeroed);
  if (!slab)
    return sa_no_memory();
  slab->start = sa_units_address(slab);
  slab->length = length;
  slab->units = (uint32_t)units;
  slab->asked = size;
  if (!want_large_pages(slab))
    return sa_no_memory();
  atomic_store_explicit(&slab->anchor, (uint64_t)SA_LARGE << SA_WHAT_SHIFT, memory_order_release);
  sa_unpoison(slab->start, length);
  if (!zeroed)
    empty_tail(slab);
  if (zero && !zeroed)
    memset(slab->start, 0, size);
  if (sa_hardened)
    sa_hardened_large(slab);
  return sa_block_out(slab->start);
}

/* Who frees it is said before others can see that it is free. */
static uint64_t
make_free(struct sa_slab *slab)
{
  if (sa_hardened)
    slab->freer = sa_hardened_thread();
  uint64_t free = (uint64_t)(sa_hardened ? SA_LARGE_FREED : SA_NOTHING) << SA_WHAT_SHIFT;
  return atomic_exchange_explicit(&slab->anchor, free, memory_order_acq_rel);
}

void
sa_large_free(struct sa_slab *slab, void *block)
{
  if (block != slab->start) {
    sa_pointer_misuse("free", slab, block);
    return;
  }
  if (sa_hardened && !sa_hardened_large_is_intact(slab)) {
    sa_block_misuse("free", slab, block, "it was written to past its end");
    return;
  }
  size_t units = slab->units;
  if (sa_anchor_what(make_free(slab)) != SA_LARGE)
    sa_misuse_fatal("free", block, "another thread is freeing it, too");
  sa_poison(block, units * SA_UNIT);
  if (sa_hardened)
    sa_units_hold(slab);
  else if (slab->large_pages)
    sa_units_give_large(slab, units, large_part(slab));
  else
    sa_units_give(slab, units);
}

/* Within a resize. */
static void
free_within(void *block)
{
  const char *call = sa_alone_pauses();
  sa_free(block);
  sa_alone_goes_on(call);
}

/* Takes the pages of a block to a larger place. Only blocks of whole chunks: each move leaves a
 * mapping of its own behind, of which a process may have only so many. */
static void *
move_pages(struct sa_slab *slab, size_t size)
{
  if (slab->length < SA_CHUNK || slab->large_pages)
    return NULL;
  char *to = sa_large_alloc(size, SA_UNIT, false);
  if (!to)
    return NULL;
  enum sa_os_outcome outcome = sa_os_move(to, slab->start, slab->length);
  if (outcome == SA_OS_REFUSED)
    free_within(to);
  if (outcome != SA_OS_DONE)
    return NULL;
  free_within(slab->start);
  return to;
}

void *
sa_large_resize(struct sa_slab *slab, void *block, size_t size)
{
  size_t length = whole_pages(size);
  size_t units = whole_units(length);
  if (sa_hardened)
    return NULL; /* a new place finds who still uses the old one */
  if (slab->large_pages && units != slab->units)
    return NULL;
  if (units > slab->units && !sa_units_extend(slab, slab->units, units))
    return move_pages(slab, size);
  if (units < slab->units)
    sa_units_give(slab + units, slab->units - units);
  sa_poison(block, units * SA_UNIT);
  sa_unpoison(block, length);
  slab->units = (uint32_t)units;
  slab->length = length;
  return block;
}
