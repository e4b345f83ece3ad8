/* Address space: regions, and which of them an address lies in. */
#include "engine/engine.h"
#include "engine/hardened.h"
#include "engine/trace.h"
#include "engine/watch.h"
#include "os/os.h"

enum { MAX_REGIONS = 256 };

/* No address is near this base: before there is a region, none lies in it. */
uintptr_t       sa_home_base = (uintptr_t)1 << (sizeof(uintptr_t) * 8 - 1);
size_t          sa_home_size;
struct sa_slab *sa_home_slabs;

/* Filled from the front. A pointer is stored once, by compare-and-swap with release after the
 * region is complete, and read with acquire. */
static _Atomic(struct sa_region *) regions[MAX_REGIONS];

static size_t
round_up(size_t size, size_t to)
{
  return (size + to - 1) / to * to;
}

struct sa_region *
sa_region_at(unsigned index)
{
  return index < MAX_REGIONS ? atomic_load_explicit(&regions[index], memory_order_acquire) : NULL;
}

struct sa_region *
sa_region_of(const void *address)
{
  struct sa_region *region;
  for (unsigned i = 0; (region = sa_region_at(i)); i++)
    if ((uintptr_t)address - region->base < region->size)
      return region;
  return NULL;
}

struct sa_region *
sa_region_of_slab(const struct sa_slab *slab)
{
  struct sa_region *region;
  for (unsigned i = 0; (region = sa_region_at(i)); i++)
    if (slab >= region->slabs && slab < region->slabs + region->chunks * SA_CHUNK_UNITS)
      return region;
  return NULL;
}

struct sa_slab *
sa_slab_of(const void *address)
{
  const struct sa_region *region = sa_region_of(address);
  if (!region)
    return NULL;
  struct sa_slab *slab = &region->slabs[sa_region_unit(region, address)];
  slab -= slab->lead;
  return sa_slab_what(slab) == SA_NOTHING ? NULL : slab;
}

void *
sa_stand_in(const void *block)
{
  const struct sa_hooks *hooks = sa_hooks_get();
  if (sa_region_of(block))
    return (void *)block;
  return hooks ? hooks->stand_in(block) : NULL;
}

/* The region's own structure with all its words behind it, and the units' descriptors. */
static size_t
words_length(size_t chunks)
{
  size_t words = (3 + SA_CLASSES) * chunks;
#ifdef SA_DEBUG
  words += chunks * (SA_CHUNK / 8 / 64);
#endif
  return round_up(sizeof(struct sa_region) + words * sizeof(uint64_t), SA_UNIT);
}

size_t
sa_region_words_length(const struct sa_region *region)
{
  return words_length(region->chunks);
}

/* The descriptors do not begin where a page does, as the first block of the first slab may: a load
 * from one and a store to the other that are alike in the last twelve bits of their addresses make
 * a processor wait, and both are used by turns. */
enum { SLABS_START = 1024 };

static size_t
slabs_length(size_t chunks)
{
  return SLABS_START + chunks * SA_CHUNK_UNITS * sizeof(struct sa_slab);
}

static size_t
entries_length(size_t size)
{
  return size / SA_UNIT * SA_UNIT_ENTRIES * sizeof(uint32_t);
}

static struct sa_region *
set_up(void *at, size_t size, void *base, char *slabs, void *entries)
{
  struct sa_region *region = at;
  size_t            chunks = size / SA_CHUNK;
  _Atomic uint64_t *words = (_Atomic uint64_t *)(region + 1);
  region->base = (uintptr_t)base;
  region->size = size;
  region->chunks = chunks;
  region->slabs = (void *)(slabs + SLABS_START);
  region->entries = entries;
  region->used = words;
  region->dirty = words += chunks;
  region->committed = words += chunks;
  for (unsigned cls = 0; cls < SA_CLASSES; cls++)
    region->listed[cls] = words += chunks;
#ifdef SA_DEBUG
  region->out = words + chunks;
#endif
  return region;
}

static void
region_delete(size_t size, void *at, void *base, void *slabs, void *entries)
{
  size_t chunks = size / SA_CHUNK;
  if (at)
    sa_os_release(at, words_length(chunks));
  if (base)
    sa_os_release(base, size);
  if (slabs)
    sa_os_release(slabs, slabs_length(chunks));
  if (entries)
    sa_os_release(entries, entries_length(size));
}

static bool
publish(struct sa_region *region)
{
  for (unsigned i = 0; i < MAX_REGIONS; i++) {
    struct sa_region *none = NULL;
    if (!atomic_compare_exchange_strong_explicit(&regions[i], &none, region, memory_order_release,
                                                 memory_order_relaxed))
      continue;
    if (i == 0) {
      sa_home_base = region->base;
      sa_home_slabs = region->slabs;
      if (sa_hardened)
        sa_hardened_home(region);
      else if (!sa_watch_is_there() && !sa_trace_is_wanted())
        sa_home_size = region->size;
    }
    return true;
  }
  return false;
}

static bool
add_of(size_t size)
{
  size_t chunks = size / SA_CHUNK;
  void  *base = sa_os_reserve(size, SA_CHUNK);
  void  *slabs = base ? sa_os_reserve_zeros(slabs_length(chunks)) : NULL;
  void  *entries = slabs && sa_hardened ? sa_os_reserve_zeros(entries_length(size)) : NULL;
  bool   complete = slabs && (entries || !sa_hardened);
  void  *at = complete ? sa_os_reserve_zeros(words_length(chunks)) : NULL;
  if (at && sa_os_commit(at, words_length(chunks))
      && publish(set_up(at, size, base, slabs, entries)))
    return true;
  region_delete(size, at, base, slabs, entries);
  return false;
}

bool
sa_region_add(size_t length)
{
  size_t least = round_up(length, SA_CHUNK);
  size_t size = sa_os_reservation() / SA_CHUNK * SA_CHUNK;
  for (; size > least; size = size / 2 / SA_CHUNK * SA_CHUNK)
    if (add_of(size))
      return true;
  return add_of(least);
}
