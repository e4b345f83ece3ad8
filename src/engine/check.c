/* Complete checks of each pointer, in a build with --enable-debug: a bit for each block that is out; and
 * of calls that come in the middle of another on the same thread. */
#include <stdlib.h>

#include "engine/engine.h"
#include "engine/hardened.h"
#include "engine/watch.h"

#ifdef SA_DEBUG

/* What is at no multiple of 8 has no bit. Threads whose blocks are neighbours change the same word, so
 * atomically; relaxed, as a block is one thread's at a time. */
static _Atomic uint64_t *
word_of(const struct sa_region *region, const void *block, uint64_t *bit)
{
  size_t granule = ((uintptr_t)block - region->base) / 8;
  *bit = (uintptr_t)block % 8 == 0 ? UINT64_C(1) << granule % 64 : 0;
  return &region->out[granule / 64];
}

/* Neither ours nor a large block, then: what is lent is checked by who has lent it. */
static bool
is_for_others(const struct sa_region *region, const void *block)
{
  return !region || sa_slab_what(&region->slabs[sa_region_unit(region, block)]) == SA_LENT;
}

void *
sa_block_out(void *block)
{
  if (!block)
    return NULL;
  uint64_t          bit;
  _Atomic uint64_t *word = word_of(sa_region_of(block), block, &bit);
  atomic_fetch_or_explicit(word, bit, memory_order_relaxed);
  return block;
}

static bool
is_out(const char *what, const void *block, bool was_out)
{
  if (was_out)
    return true;
  const struct sa_slab *slab = sa_slab_of(block);
  if (slab)
    sa_pointer_misuse(what, slab, block);
  else
    sa_misuse(what, block, "stuballoc did not give it out, or it was freed before");
  return false;
}

bool
sa_block_check(const char *what, const void *block)
{
  const struct sa_region *region = sa_region_of(block);
  uint64_t                bit;
  if (is_for_others(region, block))
    return true; /* said later */
  const _Atomic uint64_t *word = word_of(region, block, &bit);
  return is_out(what, block, atomic_load_explicit(word, memory_order_relaxed) & bit);
}

bool
sa_block_back(const void *block)
{
  const struct sa_region *region = sa_region_of(block);
  uint64_t                bit;
  if (is_for_others(region, block))
    return true; /* NULL, or said later */
  _Atomic uint64_t *word = word_of(region, block, &bit);
  bool              was_out = atomic_fetch_and_explicit(word, ~bit, memory_order_relaxed) & bit;
  if (!was_out && sa_watched())
    sa_watch_back(block); /* memcheck says more, and first */
  return is_out("free", block, was_out);
}

/* --- calls ------------------------------------------------------------------------------------ */

/* What this thread is in the middle of, in each room; NULL: nothing. */
SA_EACH_THREADS_STATIC const char *own_calls[SA_ROOMS];
#define calls SA_THIS_THREADS(own_calls)

const char **
sa_alone_begins(enum sa_room room, const char *call)
{
  const char **place = &calls[room];
  if (*place) {
    sa_say("%s is called within %s on the same thread, as a signal handler must not", call, *place);
    abort();
  }
  *place = call;
  return place;
}

void
sa_alone_ends(const char ***place)
{
  **place = NULL;
}

const char *
sa_alone_pauses(void)
{
  const char *call = calls[SA_IN_ENGINE];
  calls[SA_IN_ENGINE] = NULL;
  return call;
}

void
sa_alone_goes_on(const char *call)
{
  calls[SA_IN_ENGINE] = call;
}

#else

/* ISO C wants something in every file. */
typedef int sa_no_checks;

#endif
