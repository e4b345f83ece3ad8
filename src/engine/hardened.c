/* The hardened mode's blocks: see hardened.h. */
#include "engine/hardened.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "os/os.h"

struct sa_rings                  sa_no_rings;
SA_EACH_THREADS struct sa_rings *sa_own_rings = &sa_no_rings;

/* --- secrets ----------------------------------------------------------------------------------- */

typedef uint64_t SA_ATTRIBUTE(may_alias) word;
typedef uint64_t SA_ATTRIBUTE(may_alias, vector_size(16)) two_words;

/* Drawn once, before there is a block. */
static uint64_t  secret, factor;
static two_words poison;

uint64_t
sa_secret_for(const void *at)
{
  return ((uintptr_t)at ^ secret) * factor;
}

/* What stands in a unit at multiples of 8 behind blocks. From one unit's that is known nobody can tell
 * another's. */
static inline uint64_t
canary_in(const char *at)
{
  return (((uintptr_t)at >> SA_UNIT_SHIFT) ^ secret) * factor;
}

/* The same as it is read from an address that is no multiple of 8. */
static inline uint64_t
turned(uint64_t canary, const char *at)
{
  unsigned turn = (unsigned)(uintptr_t)at * 8;
  return canary >> (turn & 63) | canary << (-turn & 63);
}

static inline uint64_t
canary_for(const char *at)
{
  return turned(canary_in(at), at);
}

static inline uint64_t
word_at(const char *at)
{
  uint64_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static inline void
set_word(char *at, uint64_t value)
{
  memcpy(at, &value, sizeof value);
}

/* Of a block: behind its bytes, and at the end of its place. */
static inline void
set_canaries(char *block, size_t size, size_t place)
{
  uint64_t canary = canary_in(block);
  set_word(block + place - SA_CANARY, canary);
  set_word(block + size, turned(canary, block + size));
}

static inline bool
has_canaries(const char *block, size_t size, size_t place)
{
  uint64_t canary = canary_in(block);
  return word_at(block + place - SA_CANARY) == canary
         && word_at(block + size) == turned(canary, block + size);
}

static inline bool
has_canary(const char *at)
{
  return word_at(at) == canary_for(at);
}

/* --- entries ----------------------------------------------------------------------------------- */

typedef _Atomic uint32_t entry;

/* The first region; its table, and where that would have the entry of address 0. */
static uintptr_t home_base = (uintptr_t)1 << (sizeof(uintptr_t) * 8 - 1);
static size_t    home_size, home_granules;
static entry    *home_table;
static uintptr_t home_entries;

void
sa_hardened_home(const struct sa_region *region)
{
  home_base = region->base;
  home_table = region->entries;
  home_entries = (uintptr_t)region->entries - region->base / 16 * sizeof(entry);
  home_size = region->size;
  home_granules = region->size / 16;
}

static inline bool
is_at_home(const void *block)
{
  return (uintptr_t)block - home_base < home_size;
}

/* The number of a granule. One compare with `home_granules` tells whether there is one, as an address that
 * is no multiple of 16 becomes a large number. */
static inline size_t
granule_at_home(const void *block)
{
  uintptr_t offset = (uintptr_t)block - home_base;
  return offset >> 4 | offset << (sizeof offset * 8 - 4);
}

static inline entry *
home_entry(const void *block)
{
  return (entry *)(home_entries + (uintptr_t)block / 16 * sizeof(entry));
}

static inline entry *
entry_of(const void *block)
{
  if (is_at_home(block))
    return home_entry(block);
  const struct sa_region *region = sa_region_of(block);
  return &region->entries[((uintptr_t)block - region->base) / 16];
}

/* Relaxed: a block is one thread's at a time, or is misused. */
static inline uint32_t
get(const entry *of)
{
  return atomic_load_explicit(of, memory_order_relaxed);
}

static inline void
set(entry *of, uint32_t to)
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

static uint32_t
thread_in(uint32_t what)
{
  return what >> SA_ENTRY_THREAD_SHIFT;
}

/* What is said of a block in a place of that size, also where the third entry has the bytes: see
 * sa_hardened_fit. */
static uint32_t
get_fitted(const entry *of, size_t place)
{
  uint32_t what = get(&of[0]);
  return is_out(what) || place <= SA_HARDENED_MIN ? what : what | get(&of[2]) >> SA_FITTED_SHIFT;
}

/* --- what is said ------------------------------------------------------------------------------ */

/* Of a block: what an address in it, or in its place, tells. */
struct known {
  bool     is_asked;
  size_t   bytes;     /* that were asked for; else its place's */
  uint32_t allocated; /* by which thread, and freed; 0: nobody knows */
  uint32_t freed;
};

static struct known
known_in_slab(const struct sa_slab *slab, const void *at)
{
  size_t number = (size_t)((const char *)at - slab->start) / slab->size;
  if (number >= slab->capacity)
    return (struct known){.bytes = slab->size};
  const entry *of = entry_of(slab->start + number * slab->size);
  uint32_t     what = get_fitted(of, slab->size);
  if (is_out(what))
    return (struct known){true, size_in(what), thread_in(what), 0};
  return (struct known){false, slab->size, thread_in(what), thread_in(get(&of[1]))};
}

static struct known
known_of(const struct sa_slab *slab, const void *at)
{
  if (sa_is_one_block(slab))
    return (struct known){true, slab->asked, slab->thread,
                          sa_slab_what(slab) == SA_LARGE_FREED ? slab->freer : 0};
  return known_in_slab(slab, at);
}

uint32_t
sa_hardened_thread(void)
{
  struct sa_cache *cache = sa_cache_begin();
  if (!cache)
    return 0;
  uint32_t thread = thread_in(sa_rings_of(cache)->thread);
  sa_cache_done(cache);
  return thread;
}

struct sa_said
sa_block_describe(const char *what, const struct sa_slab *slab, const void *at, const char *reason)
{
  struct sa_said said;
  char           allocated[40] = "", freed[40] = "";
  struct known   known = known_of(slab, at);
  if (known.is_asked && !known.freed && strcmp(what, "free") == 0)
    known.freed = sa_hardened_thread();
  if (known.allocated)
    snprintf(allocated, sizeof allocated, ", allocated by thread %u", known.allocated);
  if (known.freed)
    snprintf(freed, sizeof freed, ", freed by thread %u", known.freed);
  snprintf(said.text, sizeof said.text, "%s: %s%zu bytes%s%s", reason,
           known.is_asked ? "" : "in places of ", known.bytes, allocated, freed);
  return said;
}

SA_ATTRIBUTE(cold)
void
sa_block_misuse(const char *what, const struct sa_slab *slab, const void *at, const char *reason)
{
  if (!sa_hardened) {
    sa_misuse(what, at, reason);
    return;
  }
  struct sa_said said = sa_block_describe(what, slab, at, reason);
  sa_misuse(what, at, said.text);
}

SA_ATTRIBUTE(cold)
void
sa_pointer_misuse(const char *what, const struct sa_slab *slab, const void *at)
{
  size_t      offset = (size_t)((const char *)at - sa_units_address(slab));
  size_t      place = sa_is_one_block(slab) ? slab->units * (size_t)SA_UNIT : slab->size;
  uint32_t    places = sa_is_one_block(slab) ? 1 : slab->capacity;
  const char *reason = "this block is free already";
  if (offset % place != 0)
    reason = "it points inside a block";
  else if (offset / place >= places)
    reason = "no block starts there";
  sa_block_misuse(what, slab, at, reason);
}

static SA_ATTRIBUTE(cold, noinline) void free_already(const char *what, const void *block)
{
  sa_block_misuse(what, sa_slab_of(block), block,
                  get(&entry_of(block)[1]) == 0 ? "this block was never given out"
                                                : "this block is free already");
  errno = EINVAL;
}

/* Of a block that is being freed. */
static SA_ATTRIBUTE(cold, noinline) void damaged(const char *block)
{
  const struct sa_slab *slab = sa_slab_of(block);
  size_t                size = size_in(get_fitted(entry_of(block), slab->size));
  sa_block_misuse("free", slab, block,
                  has_canary(block + size) ? "the end of its place was written to"
                                           : "it was written to past its end");
}

/* Of a block that was about to be given out. */
static SA_ATTRIBUTE(cold, noinline) void not_as_left(const void *block)
{
  sa_block_misuse("malloc", sa_slab_of(block), block,
                  is_out(get(entry_of(block))) ? "it was freed twice"
                                               : "it was written to after it was freed");
}

/* --- poison ------------------------------------------------------------------------------------ */

/* A place has its poison in pieces, one after another from its start on, and one at its end, which may
 * overlap the one before: so it is filled whole unless it is larger than all of them together. */
enum { PIECE = 32, PIECES = 8 };

static inline two_words *
words_at(const char *at)
{
  return (two_words *)(uintptr_t)at;
}

static inline void
fill_piece(const char *at)
{
  two_words *words = words_at(at);
  words[0] = words[1] = poison;
}

static inline two_words
differs(const char *at)
{
  const two_words *words = words_at(at);
  return (words[0] ^ poison) | (words[1] ^ poison);
}

static inline void
fill(const char *block, struct sa_places places)
{
  const char *end = block + places.front;
  fill_piece(block + places.size - PIECE);
  for (; block < end; block += PIECE)
    fill_piece(block);
}

/* One test for all: the pieces' are not worth a jump each. */
static inline bool
is_filled(const char *block, struct sa_places places)
{
  const char *end = block + places.front;
  two_words   all = differs(block + places.size - PIECE);
  for (; block < end; block += PIECE)
    all |= differs(block);
  return (all[0] | all[1]) == 0;
}

void
sa_poison_fill(void *from, size_t length)
{
  memset(from, (unsigned char)poison[0], length);
}

/* What is all the same is a copy of itself, one word further on. */
const void *
sa_poison_changed(const void *from, size_t length)
{
  const word *words = from;
  if (length == 0
      || (words[0] == poison[0] && memcmp(words, words + 1, length - sizeof *words) == 0))
    return NULL;
  while (*words == poison[0])
    words++;
  return words;
}

/* --- rings ------------------------------------------------------------------------------------- */

struct sa_rings *
sa_rings_of(struct sa_cache *cache)
{
  enum { LINE = 64 };
  return (struct sa_rings *)((char *)cache + (sizeof *cache + LINE - 1) / LINE * LINE);
}

size_t
sa_rings_length(void)
{
  return sizeof(struct sa_cache) + 64 + sizeof(struct sa_rings);
}

/* Where in struct sa_rings the ring is for so many granules. */
static uint32_t ring_at[(SA_CLASS_MAX + SA_BEHIND) / 16 + 1];

static inline struct sa_ring *
ring_for(struct sa_rings *rings, size_t size_and_behind)
{
  return (struct sa_ring *)((char *)rings + ring_at[size_and_behind / 16]);
}

static inline uint32_t
in_ring(const struct sa_ring *ring)
{
  return ring->tail - ring->head;
}

/* In the child of a fork, what another thread was doing shows in the order in which it was written here:
 * see cache.c. So a block is never in a ring while its entry says that it is out. */
static inline void
put_in_ring(struct sa_ring *ring, void *block)
{
  uint32_t tail = ring->tail;
  atomic_signal_fence(memory_order_seq_cst);
  ring->blocks[tail % SA_RING] = block;
  atomic_signal_fence(memory_order_seq_cst);
  ring->tail = tail + 1;
}

static inline void *
take_from_ring(struct sa_ring *ring)
{
  uint32_t head = ring->head;
  void    *block = ring->blocks[head % SA_RING];
  ring->head = head + 1;
  atomic_signal_fence(memory_order_seq_cst);
  return block;
}

/* There are no places of less than two granules. */
static unsigned
class_for(size_t granules)
{
  return sa_class_of(granules < 2 ? 32 : granules * 16);
}

static unsigned
ring_number(size_t granules)
{
  return granules > (SA_HARDENED_MAX + SA_BEHIND) / 16 ? SA_CLASSES : class_for(granules);
}

static uint32_t
within(size_t value, uint32_t least, uint32_t most)
{
  return value < least ? least : value < most ? (uint32_t)value : most;
}

/* All that is in a ring goes round, so it must be little, or it would fill the processor's cache. */
static void
set_up_ring(struct sa_ring *ring, unsigned cls)
{
  enum { WAITING = 1024, HELD = 4096 };
  size_t size = sa_class_size(cls);
  ring->wait = within(WAITING / size, 1, SA_RING / 4);
  ring->most = within(HELD / size, 4, SA_RING);
  ring->places =
    (struct sa_places){.size = (uint32_t)size,
                       .front = within(size > PIECE ? size - PIECE : 0, 0, (PIECES - 1) * PIECE)};
}

void
sa_rings_set_up(struct sa_rings *rings)
{
  for (unsigned cls = 0; cls < SA_CLASSES; cls++)
    set_up_ring(&rings->ring[cls], cls);
}

void
sa_rings_begin(struct sa_rings *rings)
{
  static _Atomic uint32_t threads; /* relaxed: all that matters is that each gets another one */
  uint32_t number = 1 + atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) % 0xffff;
  rings->thread = number << SA_ENTRY_THREAD_SHIFT;
  rings->random = sa_secret_for(rings) + number;
}

void
sa_hardened_begin(void)
{
  uint64_t random[3];
  sa_os_random(random, sizeof random);
  secret = random[0];
  factor = random[1] | 1;
  /* As a pointer it leads nowhere, and it is not 0, nor a letter; and a byte, for memset. */
  poison[0] = (random[2] % 0x7f + 0x81) * UINT64_C(0x0101010101010101);
  poison[1] = poison[0];
  for (size_t granules = 0; granules < sizeof ring_at / sizeof *ring_at; granules++)
    ring_at[granules] =
      (uint32_t)(offsetof(struct sa_rings, ring) + ring_number(granules) * sizeof(struct sa_ring));
}

/* --- slabs ------------------------------------------------------------------------------------- */

/* A bit for each block: set, it is free. A word of them stands in the upper halves of two entries: for an
 * address in the guard, these then tell of no block that is out. */
enum { BITS = 32, HALF = BITS / 2 };
#define UPPER_HALF 0xffff0000u

/* Where the half of a word is that has a block's bit. */
static entry *
half_of(const struct sa_slab *slab, uint32_t number)
{
  return entry_of(slab->start + slab->units * (size_t)SA_UNIT - sa_guard_length()) + number / HALF;
}

static uint32_t
words_of(const struct sa_slab *slab)
{
  return (slab->capacity + BITS - 1) / BITS;
}

static uint32_t
get_bits(const entry *halves)
{
  return get(&halves[0]) >> HALF | (get(&halves[1]) & UPPER_HALF);
}

static void
set_bits(entry *halves, uint32_t to)
{
  set(&halves[0], to << HALF);
  set(&halves[1], to & UPPER_HALF);
}

static uint32_t
next_random(struct sa_rings *rings, uint32_t below)
{
  rings->random = rings->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)((rings->random >> 32) * below >> 32);
}

static struct sa_slab *
new_slab(struct sa_rings *rings, unsigned cls)
{
  struct sa_slab *slab = sa_slab_new(cls);
  if (!slab)
    return NULL;
  for (uint32_t number = 0; number < slab->capacity; number += BITS) {
    uint32_t left = slab->capacity - number;
    set_bits(half_of(slab, number), left < BITS ? (UINT32_C(1) << left) - 1 : UINT32_MAX);
  }
  slab->carved = slab->capacity;
  slab->freed = slab->capacity;
  slab->first = next_random(rings, words_of(slab));
  sa_guard_set(slab, slab->start + slab->units * (size_t)SA_UNIT - sa_guard_length(), slab->units);
  return slab;
}

/* One of the class that this thread holds, with blocks that it may take. */
static struct sa_slab *
find_slab(struct sa_rings *rings, unsigned cls)
{
  struct sa_slab *slab = rings->current[cls];
  if (slab)
    do {
      if (slab->freed == 0)
        (void)sa_slab_collect(slab);
      if (slab->freed > 0)
        return slab;
    } while (!sa_slab_leave_full(slab));
  slab = sa_slab_claim(cls);
  if (!slab)
    slab = new_slab(rings, cls);
  rings->current[cls] = slab;
  return slab;
}

/* Some of the bits, so many that are set. */
static uint32_t
some_of(uint32_t bits, uint32_t count)
{
  for (uint32_t more = (uint32_t)__builtin_popcount(bits); more > count; more--)
    bits &= bits - 1;
  return bits;
}

static void
take_half(entry *half, uint32_t bits)
{
  if (bits != 0)
    atomic_fetch_and_explicit(half, ~bits, memory_order_acquire);
}

/* Takes up to so many blocks out of one word of a slab that has them; returns bits. */
static uint32_t
take_bits(struct sa_slab *slab, uint32_t most)
{
  uint32_t taken;
  if (most > slab->freed)
    most = slab->freed;
  while (!(taken = some_of(get_bits(half_of(slab, slab->first * BITS)), most)))
    slab->first = (slab->first + 1) % words_of(slab);
  entry *halves = half_of(slab, slab->first * BITS);
  take_half(&halves[0], taken << HALF);
  take_half(&halves[1], taken & UPPER_HALF);
  slab->freed -= (uint32_t)__builtin_popcount(taken);
  return taken;
}

/* The numbers of the bits, in an order of chance; returns how many. */
static uint32_t
shuffle(struct sa_rings *rings, uint32_t bits, uint8_t *order)
{
  uint32_t count = 0;
  for (; bits != 0; bits &= bits - 1) {
    uint32_t at = next_random(rings, count + 1);
    order[count++] = order[at];
    order[at] = (uint8_t)__builtin_ctz(bits);
  }
  return count;
}

/* A place that never was a block's is as free as one that was. */
static void
make_fresh(const struct sa_ring *ring, char *block)
{
  if (get(&entry_of(block)[1]) == 0)
    fill(block, ring->places);
}

/* Gets blocks from a slab. Those of other regions than the first do not go through the ring, and only
 * one is got, into `apart`. */
static bool
refill(struct sa_rings *rings, unsigned cls, void **apart)
{
  struct sa_ring *ring = &rings->ring[cls];
  struct sa_slab *slab = find_slab(rings, cls);
  uint32_t        room = ring->wait + ring->most / 4 - in_ring(ring);
  uint8_t         order[BITS];
  if (!slab)
    return false;
  bool     at_home = is_at_home(slab->start);
  uint32_t count = shuffle(rings, take_bits(slab, at_home ? room : 1), order);
  for (uint32_t i = 0; i < count; i++) {
    /* the word is the one that they were taken from */
    char *block = slab->start + (size_t)(slab->first * BITS + order[i]) * slab->size;
    make_fresh(ring, block);
    if (at_home)
      put_in_ring(ring, block);
    else
      *apart = block;
  }
  return true;
}

/* A free block on its way to its slab, with those before it that are the same one's. */
static void
put_in_slab(struct sa_rings *rings, struct sa_parcel *parcel, void *block)
{
  struct sa_slab *slab = sa_slab_of(block);
  uint32_t        number = (uint32_t)((char *)block - slab->start) / slab->size;
  if (is_out(get(entry_of(block))))
    return; /* it is lost: in the child of a fork, another thread was just taking it */
  if (parcel->slab != slab && parcel->count > 0) {
    sa_slab_put(parcel);
    parcel->count = 0;
  }
  parcel->slab = slab;
  atomic_fetch_or_explicit(half_of(slab, number), UINT32_C(1) << (HALF + number % HALF),
                           memory_order_release);
  if (slab == rings->current[sa_slab_class(slab)])
    slab->freed++;
  else
    parcel->count++;
}

static void
put_rest(struct sa_parcel *parcel)
{
  if (parcel->count > 0)
    sa_slab_put(parcel);
}

/* Gives so many of the oldest blocks to their slabs. */
static void
drain(struct sa_rings *rings, struct sa_ring *ring, uint32_t count)
{
  struct sa_parcel parcel = {.slab = NULL};
  while (count-- > 0)
    put_in_slab(rings, &parcel, take_from_ring(ring));
  put_rest(&parcel);
}

void
sa_rings_empty(struct sa_rings *rings)
{
  for (unsigned cls = 0; cls < SA_CLASSES; cls++) {
    drain(rings, &rings->ring[cls], in_ring(&rings->ring[cls]));
    if (rings->current[cls])
      sa_slab_give_up(rings->current[cls]);
    rings->current[cls] = NULL;
  }
}

void
sa_hardened_forget(struct sa_slab *first, size_t units)
{
  memset((void *)entry_of(sa_units_address(first)), 0, units * SA_UNIT_ENTRIES * sizeof(entry));
}

const void *
sa_hardened_entries(const void *start)
{
  return (const void *)entry_of(start);
}

struct sa_live
sa_hardened_live(const void *entries, unsigned cls)
{
  const entry   *of = entries;
  struct sa_live live = {0, 0};
  size_t         place = sa_class_size(cls);
  for (uint32_t i = 0; i < sa_slab_capacity(cls); i++) {
    uint32_t what = get_fitted(&of[i * place / 16], place);
    if (!is_out(what))
      continue;
    live.blocks++;
    live.bytes += size_in(what);
  }
  return live;
}

/* --- allocating -------------------------------------------------------------------------------- */

static inline bool
is_intact(const char *block, struct sa_places places, const entry *of)
{
  return !is_out(get(of)) && is_filled(block, places);
}

static inline void *
hand_out(const struct sa_rings *rings, const struct sa_ring *ring, char *block, size_t size,
         entry *of)
{
  set(of, (uint32_t)(size + SA_BEHIND) | rings->thread);
  set_canaries(block, size, ring->places.size);
  return sa_block_out(block);
}

/* The oldest block of the ring, while others wait; NULL: no memory. */
static char *
next_block(struct sa_rings *rings, struct sa_ring *ring)
{
  void *apart = NULL;
  while (!apart && in_ring(ring) <= ring->wait
         && refill(rings, (unsigned)(ring - rings->ring), &apart))
    ;
  if (apart)
    return apart;
  return in_ring(ring) > 0 ? take_from_ring(ring) : NULL;
}

/* Also what is larger than any class. */
static SA_ATTRIBUTE(noinline) void *alloc_slowly(size_t size)
{
  if (size > SA_HARDENED_MAX)
    return sa_large_alloc(size, SA_UNIT, false);
  struct sa_cache *cache = sa_cache_begin();
  if (!cache)
    return sa_no_memory();
  struct sa_rings *rings = sa_rings_of(cache);
  struct sa_ring  *ring = ring_for(rings, size + SA_BEHIND);
  char            *block;
  sa_cache_step_begins(cache);
  sa_cache_follow_trim(cache);
  while ((block = next_block(rings, ring)) && !is_intact(block, ring->places, entry_of(block)))
    not_as_left(block);
  if (block)
    hand_out(rings, ring, block, size, entry_of(block));
  sa_cache_step_ends(cache);
  sa_cache_done(cache);
  return block ? block : sa_no_memory();
}

static SA_ATTRIBUTE(cold, noinline) void *alloc_another(const void *block, size_t size)
{
  not_as_left(block);
  return alloc_slowly(size);
}

void *
sa_hardened_alloc(size_t size)
{
  struct sa_rings *rings = sa_my_rings;
  struct sa_ring  *ring = ring_for(rings, size + SA_BEHIND);
  if (SA_UNLIKELY(in_ring(ring) <= ring->wait))
    return alloc_slowly(size);
  char  *block = take_from_ring(ring);
  entry *of = home_entry(block);
  if (SA_UNLIKELY(!is_intact(block, ring->places, of)))
    return alloc_another(block, size);
  return hand_out(rings, ring, block, size, of);
}

/* --- freeing ----------------------------------------------------------------------------------- */

static inline void
make_free(const struct sa_rings *rings, char *block, const struct sa_ring *ring, entry *of,
          uint32_t before)
{
  set(&of[0], before & ~SA_ENTRY_SIZE);
  set(&of[1], rings->thread);
  fill(block, ring->places);
}

/* Into a full ring, or past it. */
static SA_ATTRIBUTE(noinline) void free_slowly(char *block, entry *of, uint32_t before)
{
  struct sa_cache *cache = sa_cache_begin();
  if (!cache)
    return; /* without memory for a cache there is no way back for it */
  struct sa_rings *rings = sa_rings_of(cache);
  struct sa_ring  *ring = ring_for(rings, before & SA_ENTRY_SIZE);
  if (!has_canaries(block, size_in(before), ring->places.size)) {
    damaged(block);
    sa_cache_done(cache);
    return;
  }
  sa_cache_step_begins(cache);
  make_free(rings, block, ring, of, before);
  if (in_ring(ring) >= ring->most)
    drain(rings, ring, ring->most / 2);
  if (is_at_home(block)) {
    put_in_ring(ring, block);
  } else {
    struct sa_parcel parcel = {.slab = NULL};
    put_in_slab(rings, &parcel, block);
    put_rest(&parcel);
  }
  sa_cache_step_ends(cache);
  sa_cache_done(cache);
}

/* A block that sa_hardened_fit was given, if it is intact, is one again that has its place's size. */
static bool
unfit(const struct sa_slab *slab, char *block, entry *of, uint32_t before)
{
  size_t most = slab->size - SA_CANARY;
  if (!has_canaries(block, size_in(before), slab->size)) {
    damaged(block);
    return false;
  }
  set_canaries(block, most, slab->size);
  set(&of[2], 0);
  set(&of[0], (uint32_t)(most + SA_BEHIND) | (before & ~SA_ENTRY_SIZE));
  return true;
}

void
sa_hardened_free_in(struct sa_slab *slab, void *block)
{
  entry   *of = entry_of(block);
  uint32_t before = get_fitted(of, slab->size);
  if (!is_out(before))
    free_already("free", block);
  else if (is_out(get(of)) || unfit(slab, block, of, before))
    free_slowly(block, of, get(of));
}

void
sa_hardened_free(void *block)
{
  size_t granule = granule_at_home(block);
  if (SA_UNLIKELY(granule >= home_granules)) {
    sa_free_any(block);
    return;
  }
  entry   *of = &home_table[granule];
  uint32_t before = get(of);
  if (SA_UNLIKELY(!is_out(before))) {
    sa_free_any(block);
    return;
  }
  struct sa_rings *rings = sa_my_rings;
  struct sa_ring  *ring = ring_for(rings, before & SA_ENTRY_SIZE);
  if (SA_UNLIKELY(in_ring(ring) >= ring->most)) {
    free_slowly(block, of, before);
    return;
  }
  if (SA_UNLIKELY(!has_canaries(block, size_in(before), ring->places.size))) {
    damaged(block);
    return;
  }
  make_free(rings, block, ring, of, before);
  put_in_ring(ring, block);
}

/* --- the rest of the family -------------------------------------------------------------------- */

bool
sa_hardened_measure(const char *what, const struct sa_slab *slab, const void *block, size_t *size)
{
  size_t   offset = (size_t)((const char *)block - slab->start);
  bool     starts = offset % slab->size == 0 && offset / slab->size < slab->capacity;
  uint32_t before = starts ? get_fitted(entry_of(block), slab->size) : 0;
  if (is_out(before)) {
    *size = size_in(before);
    return true;
  }
  if (starts)
    free_already(what, block);
  else
    sa_pointer_misuse(what, slab, block);
  errno = EINVAL;
  return false;
}

bool
sa_hardened_resize(const struct sa_slab *slab, void *block, size_t size)
{
  entry   *of = entry_of(block);
  uint32_t before = get(of);
  if (!is_out(before) || size > SA_HARDENED_MAX
      || sa_class_size(class_for((size + SA_BEHIND) / 16)) != slab->size
      || !has_canaries(block, size_in(before), slab->size))
    return false; /* the free finds what is wrong */
  set(of, (uint32_t)(size + SA_BEHIND) | (before & ~SA_ENTRY_SIZE));
  set_canaries(block, size, slab->size);
  return true;
}

/* The size goes to the third entry. So the quick free takes the block for none that is out, and does not
 * look for its ring by a size that is not its place's. */
void
sa_hardened_fit(void *block, size_t size)
{
  const struct sa_slab *slab = sa_slab_of(block);
  entry                *of = entry_of(block);
  if (sa_hardened_resize(slab, block, size))
    return;
  set(&of[2], (uint32_t)(size + SA_BEHIND) << SA_FITTED_SHIFT);
  set(&of[0], get(&of[0]) & ~SA_ENTRY_SIZE);
  set_canaries(block, size, slab->size);
}

/* --- guards ------------------------------------------------------------------------------------ */

/* A guard makes two mappings of one, of which a process may have 65,530 by default. */
enum { MOST_GUARDS = 16384 };
static _Atomic size_t guards; /* relaxed: a number */

static bool
can_guard(void)
{
  return sa_os_page() <= SA_UNIT / 4;
}

size_t
sa_guard_length(void)
{
  enum { LEAST = 4096 }; /* whose entries are the slab's bits */
  if (!sa_hardened)
    return 0;
  return can_guard() ? sa_os_page() : LEAST;
}

/* Without memory for it there is none. */
void
sa_guard_set(struct sa_slab *first, char *from, size_t units)
{
  char *end = sa_units_address(first) + units * SA_UNIT;
  first->guarded = false;
  if (!can_guard() || atomic_fetch_add_explicit(&guards, 1, memory_order_relaxed) >= MOST_GUARDS
      || !sa_os_protect(from, (size_t)(end - from), SA_OS_NONE))
    atomic_fetch_sub_explicit(&guards, 1, memory_order_relaxed);
  else
    first->guarded = true;
}

void
sa_guard_close(struct sa_slab *first, size_t units)
{
  if (first->guarded)
    atomic_fetch_sub_explicit(&guards, 1, memory_order_relaxed);
  first->guarded = false;
  (void)sa_os_protect(sa_units_address(first), units * SA_UNIT, SA_OS_NONE);
}

/* --- large blocks ------------------------------------------------------------------------------ */

static size_t
canary_length(const struct sa_slab *slab)
{
  size_t left = slab->length - slab->asked;
  return left < SA_CANARY ? left : SA_CANARY;
}

void
sa_hardened_large(struct sa_slab *slab)
{
  char    *end = slab->start + slab->asked;
  uint64_t canary = canary_for(end);
  slab->thread = sa_hardened_thread();
  memcpy(end, &canary, canary_length(slab));
  sa_guard_set(slab, slab->start + slab->length, slab->units);
}

bool
sa_hardened_large_is_intact(const struct sa_slab *slab)
{
  const char *end = slab->start + slab->asked;
  uint64_t    canary = canary_for(end);
  return memcmp(end, &canary, canary_length(slab)) == 0;
}

/* --- blocks of a room above -------------------------------------------------------------------- */

/* Their entries have the size where others have the thread, so that they are not out here. */
void
sa_lent_mark(void *block, size_t size)
{
  char *end = (char *)block + size;
  set(entry_of(block), ((uint32_t)size + 1) << SA_ENTRY_THREAD_SHIFT);
  set_word(end, canary_for(end));
}

size_t
sa_lent_size(const void *block)
{
  return thread_in(get(entry_of(block))) - 1;
}

enum sa_lent_state
sa_lent_unmark(void *block, uint32_t to)
{
  entry   *of = entry_of(block);
  uint32_t said = get(of);
  bool     is_marked = said != 0 && said != SA_LENT_FREE;
  if (is_marked && !has_canary((const char *)block + thread_in(said) - 1))
    return SA_LENT_DAMAGED;
  set(of, to);
  return is_marked ? SA_LENT_INTACT : SA_LENT_UNMARKED;
}

uint32_t
sa_lent_get(const void *block)
{
  return get(entry_of(block));
}

void
sa_lent_set(const void *block, uint32_t to)
{
  set(entry_of(block), to);
}
