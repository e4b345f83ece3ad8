/* The hardened mode's blocks: see hardened.h. */
#include "engine/hardened.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "os/os.h"

struct sa_rings                  sa_no_rings;
SA_EACH_THREADS struct sa_rings *sa_own_rings = &sa_no_rings;

uint64_t sa_link_secret;

/* Twice, so that a word of it may be read from any byte of the first. */
static uint64_t secret[2];

void
sa_hardened_begin(void)
{
  uint64_t random[2];
  sa_os_random(random, sizeof random);
  /* No byte is 0, as one that overflows often is, or a letter; and as a pointer it leads nowhere. */
  secret[0] = random[0] >> 8 | UINT64_C(0xfd81818181818181);
  secret[1] = secret[0];
  sa_link_secret = random[1];
}

/* --- words ------------------------------------------------------------------------------------ */

typedef uint64_t SA_ATTRIBUTE(may_alias) word;
typedef uint64_t SA_ATTRIBUTE(may_alias, vector_size(16)) two_words;

static inline uint64_t
word_at(const char *at)
{
  uint64_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

/* What must stand at an address. */
static inline uint64_t
canary_for(const char *at)
{
  return word_at((const char *)secret + ((uintptr_t)at & 7));
}

static inline void
set_canary(char *at)
{
  uint64_t canary = canary_for(at);
  memcpy(at, &canary, sizeof canary);
}

static inline bool
has_canary(const char *at)
{
  return word_at(at) == canary_for(at);
}

/* What is filled of a place is so by pieces, the last of which may overlap the one before. A block for
 * which one is enough has no more than SMALLEST. */
enum { PIECE = 32, SMALLEST = PIECE - SA_CANARY };

static inline void
fill_piece(char *at)
{
  two_words  both = {secret[0], secret[0]};
  two_words *to = (two_words *)(void *)at;
  to[0] = both;
  to[1] = both;
}

static inline bool
is_piece_filled(const char *at)
{
  const word *words = (const word *)(const void *)at;
  uint64_t    all = secret[0];
  return words[0] == all && words[1] == all && words[2] == all && words[3] == all;
}

static inline void
fill(char *block, size_t size, size_t length)
{
  char *last = block + length - PIECE;
  fill_piece(block);
  if (size <= SMALLEST)
    return;
  for (char *at = block + PIECE; at < last; at += PIECE)
    fill_piece(at);
  fill_piece(last);
}

static inline bool
is_filled(const char *block, size_t size, size_t length)
{
  const char *last = block + length - PIECE;
  if (!is_piece_filled(block))
    return false;
  if (size <= SMALLEST)
    return true;
  for (const char *at = block + PIECE; at < last; at += PIECE)
    if (!is_piece_filled(at))
      return false;
  return is_piece_filled(last);
}

/* How much of a place is filled. */
static size_t
filled_of(size_t place)
{
  return place < SA_POISON ? place : SA_POISON;
}

/* --- entries ---------------------------------------------------------------------------------- */

typedef _Atomic uint32_t entry;

static entry *
entry_of(const void *block)
{
  const struct sa_region *region = sa_region_of(block);
  return &region->entries[((uintptr_t)block - region->base) / 16];
}

/* Whoever may touch a block has been told of it, so relaxed is enough; two threads that free it at the
 * same time may both succeed, and the second one to be given it finds that. */
static inline uint32_t
entry_get(const entry *of)
{
  return atomic_load_explicit(of, memory_order_relaxed);
}

static inline void
entry_set(entry *of, uint32_t to)
{
  atomic_store_explicit(of, to, memory_order_relaxed);
}

static inline bool
is_out(uint32_t what)
{
  return what & SA_ENTRY_SIZE;
}

static inline size_t
size_in(uint32_t what)
{
  return (what & SA_ENTRY_SIZE) - SA_BEHIND;
}

/* --- what is said ----------------------------------------------------------------------------- */

static uint32_t
thread_in(uint32_t what)
{
  return what >> SA_ENTRY_THREAD_SHIFT;
}

/* Of a pointer to no block that is out. */
static SA_ATTRIBUTE(cold, noinline) void no_block(const char *what, const void *block)
{
  uint32_t what_is_there = (uintptr_t)block % 16 == 0 ? entry_get(entry_of(block)) : 0;
  char     text[96];
  if (what_is_there == 0) {
    sa_misuse(what, block, "it points inside a block, or to none");
  } else {
    snprintf(text, sizeof text, "this block is free already, freed by thread %u",
             thread_in(what_is_there));
    sa_misuse(what, block, text);
  }
  errno = EINVAL;
}

/* Of a block that is being freed; `before` is what its entry was. */
static SA_ATTRIBUTE(cold, noinline) void damaged(const char *block, uint32_t before)
{
  size_t      size = size_in(before);
  const char *reason = has_canary(block + size) ? "what lies before it was written to"
                                                : "it was written to past its end";
  char        text[128];
  snprintf(text, sizeof text, "%s, %zu bytes, allocated by thread %u, freed by thread %u", reason,
           size, thread_in(before), thread_in(sa_my_rings->thread));
  sa_misuse("free", block, text);
}

/* Of a block that was about to be given out. */
static SA_ATTRIBUTE(cold, noinline) void not_as_left(const void *block, uint32_t before)
{
  char text[128];
  if (is_out(before))
    snprintf(text, sizeof text, "it was freed twice, and is out, %zu bytes, allocated by thread %u",
             size_in(before), thread_in(before));
  else
    snprintf(text, sizeof text, "it was written to after it was freed, freed by thread %u",
             thread_in(before));
  sa_misuse("malloc", block, text);
}

SA_ATTRIBUTE(cold) _Noreturn void sa_link_broken(const void *block)
{
  sa_misuse_fatal("malloc", block, "it was written to after it was freed; the list is corrupted");
}

/* --- rings ------------------------------------------------------------------------------------ */

static inline uint32_t
in_ring(const struct sa_ring *ring)
{
  return ring->tail - ring->head;
}

static inline void
put_in_ring(struct sa_ring *ring, void *block)
{
  uint32_t tail = ring->tail;
  ring->blocks[tail % SA_RING] = block;
  ring->tail = tail + 1;
}

static inline void *
take_from_ring(struct sa_ring *ring)
{
  uint32_t head = ring->head;
  ring->head = head + 1;
  return ring->blocks[head % SA_RING];
}

/* The ring for blocks in whose entries that stands. */
static inline struct sa_ring *
ring_for(struct sa_rings *rings, uint32_t size_and_behind)
{
  return (struct sa_ring *)((char *)rings + rings->ring_at[size_and_behind / 16]);
}

/* There are no places of less than 32 bytes. */
static unsigned
class_for(size_t granules)
{
  return sa_class_of(granules < 2 ? 32 : granules * 16);
}

/* The blocks of a class that fit into so many bytes, within bounds. */
static uint32_t
blocks_in(size_t bytes, unsigned cls, uint32_t least, uint32_t most)
{
  size_t fit = bytes / sa_class_size(cls);
  return fit < least ? least : fit < most ? (uint32_t)fit : most;
}

/* What waits goes round, so it must be little, or it would fill the processor's cache. */
static void
set_up_ring(struct sa_ring *ring, unsigned cls)
{
  enum { WAITING = 2048, HELD = SA_UNIT };
  ring->wait = blocks_in(WAITING, cls, 1, SA_RING / 4);
  ring->most = blocks_in(HELD, cls, 4, SA_RING);
  ring->fill = (uint32_t)filled_of(sa_class_size(cls));
}

void
sa_rings_set_up(struct sa_rings *rings)
{
  for (size_t granules = 0; granules <= SA_CLASS_MAX / 16; granules++)
    rings->ring_at[granules] =
      (uint32_t)((char *)&rings->ring[class_for(granules)] - (char *)rings);
  for (unsigned cls = 0; cls < SA_CLASSES; cls++) {
    set_up_ring(&rings->ring[cls], cls);
    rings->current[cls] = &sa_no_slab;
  }
}

/* From when on there is a first region. */
static void
find_entries(struct sa_rings *rings)
{
  rings->entries = (uintptr_t)sa_home_entries - sa_home_base / 16 * sizeof(entry);
}

void
sa_rings_begin(struct sa_rings *rings)
{
  static _Atomic uint32_t threads; /* relaxed: all that matters is that each gets another one */
  uint32_t number = 1 + atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) % 0xffff;
  rings->thread = number << SA_ENTRY_THREAD_SHIFT;
  find_entries(rings);
}

/* Rings are for the first region alone. */
static bool
is_at_home(const void *block)
{
  return (uintptr_t)block - sa_home_base < sa_home_size;
}

void *
sa_ring_refill(struct sa_cache *cache, unsigned cls)
{
  struct sa_ring *ring = &sa_rings_of(cache)->ring[cls];
  do {
    void *block = sa_cache_take(cache, cls);
    if (!block)
      break;
    if (!is_at_home(block))
      return block;
    put_in_ring(ring, block);
  } while (in_ring(ring) < 2 * ring->wait);
  find_entries(sa_rings_of(cache));
  return in_ring(ring) > 0 ? take_from_ring(ring) : NULL;
}

/* Gives so many of the oldest blocks to their slabs. */
static void
drain(struct sa_cache *cache, struct sa_ring *ring, uint32_t count)
{
  while (count-- > 0)
    sa_cache_put(cache, take_from_ring(ring));
}

void
sa_rings_empty(struct sa_cache *cache)
{
  for (unsigned cls = 0; cls < SA_CLASSES; cls++) {
    struct sa_ring *ring = &sa_rings_of(cache)->ring[cls];
    drain(cache, ring, in_ring(ring));
  }
}

/* --- allocating ------------------------------------------------------------------------------- */

/* Whether a block is as it was left. */
static inline bool
is_intact(const struct sa_ring *ring, const char *block, size_t size, const entry *of)
{
  return !is_out(entry_get(of)) && is_filled(block, size, ring->fill);
}

static inline void *
hand_out(const struct sa_rings *rings, char *block, size_t size, entry *of)
{
  entry_set(of, (uint32_t)(size + SA_BEHIND) | rings->thread);
  if (size > SMALLEST) /* else the poison is the canary */
    set_canary(block + size);
  return block;
}

static SA_ATTRIBUTE(noinline) void *alloc_slowly(size_t size)
{
  struct sa_cache *cache = sa_cache_begin();
  if (!cache)
    return sa_no_memory();
  struct sa_ring *ring = ring_for(sa_rings_of(cache), (uint32_t)size + SA_BEHIND);
  char           *block;
  while ((block = sa_cache_refill(cache, class_for((size + SA_BEHIND) / 16)))
         && !is_intact(ring, block, size, entry_of(block)))
    not_as_left(block, entry_get(entry_of(block)));
  if (block)
    hand_out(sa_rings_of(cache), block, size, entry_of(block));
  sa_cache_done(cache);
  return block;
}

static SA_ATTRIBUTE(cold, noinline) void *alloc_another(const void *block, size_t size)
{
  not_as_left(block, entry_get(entry_of(block)));
  return alloc_slowly(size);
}

static inline SA_ATTRIBUTE(always_inline) void *alloc(size_t size)
{
  if (SA_UNLIKELY(size > SA_HARDENED_MAX))
    return sa_large_alloc(size, SA_ANYWHERE, false);
  struct sa_rings *rings = sa_my_rings;
  struct sa_ring  *ring = ring_for(rings, (uint32_t)size + SA_BEHIND);
  if (SA_UNLIKELY(in_ring(ring) <= ring->wait))
    return alloc_slowly(size);
  char  *block = take_from_ring(ring);
  entry *of = (entry *)(rings->entries + (uintptr_t)block / 16 * sizeof(entry));
  if (SA_UNLIKELY(!is_intact(ring, block, size, of)))
    return alloc_another(block, size);
  return hand_out(rings, block, size, of);
}

/* --- freeing ---------------------------------------------------------------------------------- */

/* A full ring, or no ring. */
static SA_ATTRIBUTE(noinline) void put_slowly(uint32_t size_and_behind, void *block)
{
  struct sa_cache *cache = sa_cache_begin();
  if (!cache)
    return; /* without memory for a cache there is no way back for it */
  struct sa_ring *ring = ring_for(sa_rings_of(cache), size_and_behind);
  fill(block, size_and_behind - SA_BEHIND, ring->fill);
  sa_cache_step_begins(cache);
  if (in_ring(ring) >= ring->most)
    drain(cache, ring, ring->most / 2);
  if (is_at_home(block))
    put_in_ring(ring, block);
  else
    sa_cache_put(cache, block);
  sa_cache_step_ends(cache);
  sa_cache_done(cache);
}

/* A block that is out. */
static inline SA_ATTRIBUTE(always_inline) void give_back(char *block, entry *of, uint32_t before,
                                                         bool at_home)
{
  uint32_t         size_and_behind = before & SA_ENTRY_SIZE;
  size_t           size = (size_t)size_and_behind - SA_BEHIND;
  struct sa_rings *rings = sa_my_rings;
  if (SA_UNLIKELY(!has_canary(block + size) || word_at(block - sizeof(word)) != secret[0])) {
    damaged(block, before);
    return;
  }
  entry_set(of, rings->thread);
  struct sa_ring *ring = ring_for(rings, size_and_behind);
  if (SA_UNLIKELY(in_ring(ring) >= ring->most || !at_home)) {
    put_slowly(size_and_behind, block);
    return;
  }
  fill(block, size, ring->fill);
  put_in_ring(ring, block);
}

void
sa_hardened_free(void *block)
{
  entry   *of = entry_of(block);
  uint32_t before = entry_get(of);
  if ((uintptr_t)block % 16 != 0 || !is_out(before))
    no_block("free", block);
  else
    give_back(block, of, before, is_at_home(block));
}

/* --- the two fast paths ----------------------------------------------------------------------- */

#ifdef SA_HARDENED

void *
sa_malloc(size_t size)
{
  return alloc(size);
}

void
sa_free(void *block)
{
  size_t offset = (uintptr_t)block - sa_home_base;
  if (SA_UNLIKELY(offset >= sa_home_size || offset % 16 != 0)) {
    sa_free_slowly(block);
    return;
  }
  entry   *of = &sa_home_entries[offset / 16];
  uint32_t before = entry_get(of);
  if (SA_LIKELY(is_out(before)))
    give_back(block, of, before, true);
  else
    sa_free_slowly(block);
}

#else

void *
sa_hardened_alloc(size_t size)
{
  return alloc(size);
}

#endif

/* --- the rest of the family ------------------------------------------------------------------- */

bool
sa_hardened_measure(const char *what, const void *block, size_t *size)
{
  uint32_t before = entry_get(entry_of(block));
  bool     out = (uintptr_t)block % 16 == 0 && is_out(before);
  if (out)
    *size = size_in(before);
  else
    no_block(what, block);
  return out;
}

void *
sa_hardened_resize(void *block, size_t size)
{
  entry   *of = entry_of(block);
  uint32_t before = entry_get(of);
  if (size > SA_HARDENED_MAX
      || sa_class_size(class_for((size + SA_BEHIND) / 16)) != sa_slab_of(block)->size
      || !has_canary((char *)block + size_in(before)))
    return NULL; /* the free finds what is wrong */
  entry_set(of, (uint32_t)(size + SA_BEHIND) | (before & ~SA_ENTRY_SIZE));
  set_canary((char *)block + size);
  return block;
}

/* --- blocks of a room above ------------------------------------------------------------------- */

void
sa_hardened_lend(void *block, size_t size)
{
  entry_set(entry_of(block), ((uint32_t)size + 1) << SA_ENTRY_THREAD_SHIFT);
  set_canary((char *)block + size);
}

bool
sa_hardened_lent(const void *block, size_t *size)
{
  uint32_t above = entry_get(entry_of(block)) >> SA_ENTRY_THREAD_SHIFT;
  *size = above - 1;
  return (uintptr_t)block % 16 == 0 && above > 0;
}

bool
sa_hardened_is_intact(const void *block, size_t size)
{
  return has_canary((const char *)block + size);
}

void
sa_hardened_take_back(void *block, size_t size)
{
  char *end = (char *)block + (size + SA_BEHIND) / 16 * 16;
  entry_set(entry_of(block), 0);
  sa_hardened_fill(block, end);
}

void
sa_hardened_fill(void *from, void *end)
{
  two_words both = {secret[0], secret[0]};
  for (two_words *at = from; at < (two_words *)end; at++)
    *at = both;
  entry *of = entry_of(from);
  for (size_t i = 0; i < (size_t)((char *)end - (char *)from) / 16; i++)
    entry_set(&of[i], 0);
}

const void *
sa_hardened_changed(const void *from, const void *end)
{
  for (const word *at = from; at < (const word *)end; at++)
    if (*at != secret[0])
      return at;
  return NULL;
}

/* --- slabs ------------------------------------------------------------------------------------ */

size_t
sa_guard(void)
{
  enum { MOST = SA_UNIT / 4 };
  return sa_hardened && sa_os_page() <= MOST ? sa_os_page() : 0;
}

/* Without memory for it there is none; what is guarded is all the same. */
static void
guard(char *at, const char *end)
{
  if (sa_guard() > 0 && at < end)
    (void)sa_os_protect(at, (size_t)(end - at), SA_OS_NONE);
}

void
sa_hardened_slab(struct sa_slab *slab)
{
  char *units = sa_units_address(slab);
  char *end = units + slab->units * (size_t)SA_UNIT;
  guard(units, units + sa_guard());
  guard(end - sa_guard(), end);
}

/* A generator for one shuffle. */
static uint32_t
next_random(uint64_t *state)
{
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(*state >> 33);
}

void *
sa_hardened_carve(struct sa_slab *slab, uint32_t first, uint32_t count)
{
  char    *start = slab->start + (size_t)first * slab->size;
  void    *list = NULL;
  uint8_t  order[4096 / 32];
  uint64_t state = sa_link_secret ^ (uintptr_t)start;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t j = next_random(&state) % (i + 1);
    order[i] = order[j];
    order[j] = (uint8_t)i;
  }
  set_canary(start - SA_CANARY); /* the end of one that may be carved last */
  for (uint32_t i = 0; i < count; i++) {
    char *block = start + (size_t)order[i] * slab->size;
    fill(block, slab->size - SA_CANARY, filled_of(slab->size));
    set_canary(block + slab->size - SA_CANARY);
    sa_link_set(block, list);
    list = block;
  }
  return list;
}

void
sa_hardened_unlink(void *block)
{
  *(word *)block = secret[0];
}

/* --- large blocks ----------------------------------------------------------------------------- */

static size_t
canary_length(const struct sa_slab *slab)
{
  size_t left = slab->length - slab->asked;
  return left < SA_CANARY ? left : SA_CANARY;
}

void
sa_hardened_large(struct sa_slab *slab)
{
  char    *units = sa_units_address(slab);
  char    *end = slab->start + slab->asked;
  uint64_t canary = canary_for(end);
  slab->thread = sa_my_rings->thread >> SA_ENTRY_THREAD_SHIFT;
  memcpy(end, &canary, canary_length(slab));
  guard(units, slab->start);
  guard(slab->start + slab->length, units + slab->units * (size_t)SA_UNIT);
}

bool
sa_hardened_large_check(const struct sa_slab *slab)
{
  const char *end = slab->start + slab->asked;
  uint64_t    canary = canary_for(end);
  char        text[128];
  if (memcmp(end, &canary, canary_length(slab)) == 0)
    return true;
  snprintf(text, sizeof text, "it was written to past its end, %zu bytes, allocated by thread %u",
           slab->asked, slab->thread);
  sa_misuse("free", slab->start, text);
  return false;
}
