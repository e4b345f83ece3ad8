/* Taking and giving back units: bits in the words of chunks, and the reserve of dirty ones. */
#include "engine/engine.h"
#include "engine/hardened.h"
#include "engine/watch.h"
#include "os/os.h"
#include "os/probe.h"

/* Units in use, the most that ever were, and dirty ones that nobody uses. Relaxed: they bound the
 * reserve, and a bound that is off by what other threads do just now is as good. */
static _Atomic size_t units_used;
static _Atomic size_t units_peak;
static _Atomic size_t units_idle;
/* Units whose pages went back to the system, ever; and of those, how many were wanted again, up to a
 * bound. Relaxed: they are a statistic, and as above. */
static _Atomic size_t units_returned;
static _Atomic size_t units_missed;

/* A run of units within one region: its first one's number, and how many. */
struct run {
  struct sa_region *region;
  size_t            first;
  size_t            units;
};

static char *
address_of(struct run run)
{
  return (char *)run.region->base + run.first * SA_UNIT;
}

static struct run
run_from(const struct sa_slab *first, size_t units)
{
  struct sa_region *region = sa_region_of_slab(first);
  return (struct run){region, (size_t)(first - region->slabs), units};
}

/* The part of a run in one chunk, as bits of that chunk's words. */
static uint64_t
bits_in(struct run run, size_t chunk)
{
  size_t   start = chunk * SA_CHUNK_UNITS;
  size_t   from = run.first > start ? run.first - start : 0;
  size_t   to = run.first + run.units - start;
  uint64_t above = to >= SA_CHUNK_UNITS ? 0 : ~UINT64_C(0) << to;
  return ~UINT64_C(0) << from & ~above;
}

static size_t
chunk_of(size_t unit)
{
  return unit / SA_CHUNK_UNITS;
}

#define FOR_CHUNKS(chunk, run)                                                                     \
  for (size_t chunk = chunk_of((run).first); chunk <= chunk_of((run).first + (run).units - 1);     \
       chunk++)

/* --- used ------------------------------------------------------------------------------------- */

static bool
set_used(struct sa_region *region, size_t chunk, uint64_t bits)
{
  uint64_t old = atomic_load_explicit(&region->used[chunk], memory_order_relaxed);
  do {
    if (old & bits)
      return false;
  } while (!atomic_compare_exchange_weak_explicit(&region->used[chunk], &old, old | bits,
                                                  memory_order_acquire, memory_order_relaxed));
  return true;
}

static void
clear_used(struct sa_region *region, size_t chunk, uint64_t bits)
{
  atomic_fetch_and_explicit(&region->used[chunk], ~bits, memory_order_release);
}

/* All units of the run or none. */
static bool
use(struct run run)
{
  FOR_CHUNKS (chunk, run) {
    if (set_used(run.region, chunk, bits_in(run, chunk)))
      continue;
    while (chunk-- > chunk_of(run.first))
      clear_used(run.region, chunk, bits_in(run, chunk));
    return false;
  }
  return true;
}

static void
unuse(struct run run)
{
  FOR_CHUNKS (chunk, run)
    clear_used(run.region, chunk, bits_in(run, chunk));
}

/* --- committed and dirty, of a run that is ours ----------------------------------------------- */

static bool
has(_Atomic uint64_t *words, struct run run)
{
  FOR_CHUNKS (chunk, run) {
    uint64_t bits = bits_in(run, chunk);
    if ((atomic_load_explicit(&words[chunk], memory_order_relaxed) & bits) != bits)
      return false;
  }
  return true;
}

/* Returns how many bits were not so before. */
static size_t
mark(_Atomic uint64_t *words, struct run run, bool as)
{
  size_t changed = 0;
  FOR_CHUNKS (chunk, run) {
    uint64_t bits = bits_in(run, chunk);
    uint64_t old = as ? atomic_fetch_or_explicit(&words[chunk], bits, memory_order_relaxed)
                      : atomic_fetch_and_explicit(&words[chunk], ~bits, memory_order_relaxed);
    changed += (size_t)__builtin_popcountll((as ? ~old : old) & bits);
  }
  return changed;
}

/*
 * A fresh chunk is committed whole, so that its other units need no call of their own. It may be said
 * of the others only if none of them was decommitted meanwhile, and that shows in the chunk's word:
 * when it is still 0, nobody has had a committed unit in the chunk since before our call, for whoever
 * was first would have set our bits as well, which only we clear. In the hardened mode units that nobody
 * uses are not to be touched.
 */
static bool
commit_in_chunk(struct run run, size_t chunk)
{
  _Atomic uint64_t *word = &run.region->committed[chunk];
  uint64_t          known = atomic_load_explicit(word, memory_order_relaxed);
  const uint64_t    mine = bits_in(run, chunk);
  uint64_t          bits;
  do {
    bits = known == 0 && !sa_hardened ? UINT64_MAX : mine;
    size_t     from = (size_t)__builtin_ctzll(bits);
    struct run part = {run.region, chunk * SA_CHUNK_UNITS + from,
                       (size_t)__builtin_popcountll(bits)};
    if (!sa_os_commit(address_of(part), part.units * SA_UNIT))
      return false;
  } while (!atomic_compare_exchange_strong_explicit(word, &known, known | bits,
                                                    memory_order_relaxed, memory_order_relaxed));
  return true;
}

/* What the hardened mode says about units. */
static bool
commit_entries(struct sa_region *region, size_t first, size_t end)
{
  size_t length = SA_UNIT_ENTRIES * sizeof *region->entries;
  return !sa_hardened
         || sa_os_commit((char *)region->entries + first * length, (end - first) * length);
}

/* With the descriptors of all chunks that the run lies in. They stay committed, so once more does no
 * harm. */
static bool
commit(struct run run)
{
  struct sa_region *region = run.region;
  if (has(region->committed, run))
    return true;
  size_t    first = chunk_of(run.first) * SA_CHUNK_UNITS;
  size_t    end = (chunk_of(run.first + run.units - 1) + 1) * SA_CHUNK_UNITS;
  uintptr_t from = (uintptr_t)&region->slabs[first] & -sa_os_page();
  uintptr_t to = ((uintptr_t)&region->slabs[end] + sa_os_page() - 1) & -sa_os_page();
  if (!sa_os_commit((void *)from, to - from) || !commit_entries(region, first, end))
    return false;
  FOR_CHUNKS (chunk, run)
    if (!commit_in_chunk(run, chunk))
      return false;
  return true;
}

/* As sa_os_decommit, which may have to write to what is free. */
static bool
empty(void *at, size_t length)
{
  sa_unpoison(at, length);
  bool still_committed = sa_os_decommit(at, length);
  sa_poison(at, length);
  return still_committed;
}

/* What the hardened mode knows of them is zero already; where it takes whole pages, those go, too. */
static void
empty_entries(struct run run)
{
  const size_t unit = SA_UNIT_ENTRIES * sizeof *run.region->entries;
  size_t       from = run.first * unit, length = run.units * unit;
  if ((from | length) % sa_os_page() == 0)
    sa_units_empty((char *)run.region->entries + from, length);
}

static void
decommit(struct run run)
{
  if (sa_hardened)
    empty_entries(run);
  if (!empty(address_of(run), run.units * SA_UNIT))
    mark(run.region->committed, run, false);
  else if (sa_hardened) /* what the system does not take is opened to be emptied */
    (void)sa_os_protect(address_of(run), run.units * SA_UNIT, SA_OS_NONE);
  mark(run.region->dirty, run, false);
  atomic_fetch_add_explicit(&units_returned, run.units, memory_order_relaxed);
  SA_PROBE2(give_back, address_of(run), run.units * SA_UNIT);
}

/* --- the reserve ------------------------------------------------------------------------------ */

static void
count_used(struct run run)
{
  size_t used = run.units + atomic_fetch_add_explicit(&units_used, run.units, memory_order_relaxed);
  size_t peak = atomic_load_explicit(&units_peak, memory_order_relaxed);
  while (used > peak
         && !atomic_compare_exchange_weak_explicit(&units_peak, &peak, used, memory_order_relaxed,
                                                   memory_order_relaxed))
    ;
}

/* Notes that units were taken without pages, although so many have gone back before. */
static void
count_missed(size_t units)
{
  enum { MOST = 320 }; /* 20 MiB */
  size_t missed = atomic_load_explicit(&units_missed, memory_order_relaxed);
  size_t returned = atomic_load_explicit(&units_returned, memory_order_relaxed);
  size_t most = returned < MOST ? returned : MOST;
  if (missed < most)
    atomic_store_explicit(&units_missed, missed + units < most ? missed + units : most,
                          memory_order_relaxed);
}

/* Idle units worth keeping: a small part of what the process has shown to need, never more than 32 MiB;
 * but enough that work which comes and goes need not fault its pages in each time. */
static bool
worth_keeping(struct run run)
{
  enum { LEAST = 64, MOST = 512, PART = 32 };
  size_t keep = LEAST + atomic_load_explicit(&units_peak, memory_order_relaxed) / PART;
  size_t missed = atomic_load_explicit(&units_missed, memory_order_relaxed);
  size_t idle = atomic_load_explicit(&units_idle, memory_order_relaxed);
  if (keep < missed)
    keep = missed;
  return idle + run.units <= (keep < MOST ? keep : MOST);
}

/* Makes a run that is ours ready for use; returns false, the run given up, without memory. */
static bool
make_ready(struct run run, bool *zeroed)
{
  if (!commit(run)) {
    unuse(run);
    return false;
  }
  size_t were_dirty = mark(run.region->dirty, run, false);
  atomic_fetch_sub_explicit(&units_idle, were_dirty, memory_order_relaxed);
  if (were_dirty < run.units)
    count_missed(run.units - were_dirty);
  count_used(run);
  if (zeroed)
    *zeroed = were_dirty == 0;
  return true;
}

/* --- the search ------------------------------------------------------------------------------- */

/* The bits at which `units` set bits in a row start. */
static uint64_t
starts_of(uint64_t bits, size_t units)
{
  for (size_t have = 1; have < units;) {
    size_t step = have < units - have ? have : units - have;
    bits &= bits >> step;
    have += step;
  }
  return bits;
}

/* The bits of units at a multiple of `alignment`, which is less than a chunk. */
static uint64_t
aligned_bits(size_t alignment)
{
  size_t   step = alignment >> SA_UNIT_SHIFT;
  uint64_t bits = 1;
  for (size_t set = step; set < SA_CHUNK_UNITS; set *= 2)
    bits |= bits << set;
  return bits;
}

/* Takes a run that starts in one chunk; `only` is the words whose bits it must have, or NULL. */
static bool
use_in_chunk(struct run *run, size_t chunk, size_t alignment, _Atomic uint64_t *only)
{
  struct sa_region *region = run->region;
  for (;;) {
    uint64_t usable = ~atomic_load_explicit(&region->used[chunk], memory_order_relaxed);
    if (only)
      usable &= atomic_load_explicit(&only[chunk], memory_order_relaxed);
    uint64_t starts = starts_of(usable, run->units) & aligned_bits(alignment);
    if (starts == 0)
      return false;
    run->first = chunk * SA_CHUNK_UNITS + (size_t)__builtin_ctzll(starts);
    if (use(*run))
      return true;
  }
}

/* Takes a run too long for one chunk: it starts with a chunk. */
static bool
use_chunks(struct run *run, size_t chunk, size_t alignment)
{
  if (((run->region->base + chunk * SA_CHUNK) & (alignment - 1)) != 0
      || atomic_load_explicit(&run->region->used[chunk], memory_order_relaxed) != 0)
    return false;
  run->first = chunk * SA_CHUNK_UNITS;
  return use(*run);
}

/* Sees to it that the first `chunks` chunks may be searched. */
static bool
see(struct sa_region *region, size_t chunks)
{
  if (chunks > region->chunks)
    return false;
  size_t seen = atomic_load_explicit(&region->chunks_seen, memory_order_relaxed);
  while (seen < chunks
         && !atomic_compare_exchange_weak_explicit(&region->chunks_seen, &seen, chunks,
                                                   memory_order_relaxed, memory_order_relaxed))
    ;
  return true;
}

static bool
use_dirty(struct run *run, size_t alignment)
{
  struct sa_region *region = run->region;
  if (run->units > atomic_load_explicit(&units_idle, memory_order_relaxed))
    return false;
  size_t seen = atomic_load_explicit(&region->chunks_seen, memory_order_relaxed);
  for (size_t chunk = 0; chunk < seen; chunk++)
    if (use_in_chunk(run, chunk, alignment, region->dirty))
      return true;
  return false;
}

static bool
use_any(struct run *run, size_t alignment)
{
  size_t chunks = (run->units + SA_CHUNK_UNITS - 1) / SA_CHUNK_UNITS;
  for (size_t chunk = 0; see(run->region, chunk + chunks); chunk++)
    if (chunks == 1 && alignment < SA_CHUNK ? use_in_chunk(run, chunk, alignment, NULL)
                                            : use_chunks(run, chunk, alignment))
      return true;
  return false;
}

static bool
use_in_region(struct run *run, size_t alignment)
{
  bool in_chunk = run->units <= SA_CHUNK_UNITS && alignment < SA_CHUNK;
  return (in_chunk && use_dirty(run, alignment)) || use_any(run, alignment);
}

static bool
use_somewhere(struct run *run, size_t alignment)
{
  for (unsigned i = 0; (run->region = sa_region_at(i)); i++)
    if (use_in_region(run, alignment))
      return true;
  return false;
}

/* --- held back -------------------------------------------------------------------------------- */

/* In the hardened mode, freed large blocks whose units nobody gets yet, round and round from the oldest.
 * Whoever exchanges a place, with acquire and release, has what was there, to give it back. */
enum { HELD_PLACES = 64 };
static _Atomic(struct sa_slab *) held[HELD_PLACES];
static _Atomic size_t            held_next; /* relaxed: all that matters is that each gets others */

/* A block takes a place for every 16 MiB of it, so that all of them together have 1 GiB, unless one alone
 * has more. */
static size_t
places_for(size_t units)
{
  enum { UNITS = 256 };
  return units / UNITS < HELD_PLACES ? units / UNITS + 1 : HELD_PLACES;
}

/* Puts a block, or none, in the place of another one, which goes back; whether there was one. */
static bool
replace(size_t place, struct sa_slab *with)
{
  struct sa_slab *first =
    atomic_exchange_explicit(&held[place % HELD_PLACES], with, memory_order_acq_rel);
  if (!first)
    return false;
  atomic_store_explicit(&first->anchor, SA_NOTHING, memory_order_relaxed);
  unuse(run_from(first, first->units));
  return true;
}

static bool
let_all_go(void)
{
  bool any = false;
  for (size_t place = 0; place < HELD_PLACES; place++)
    any |= replace(place, NULL);
  return any;
}

/* The last of its places has the block, the others are empty. */
static void
hold(struct sa_slab *first)
{
  size_t places = places_for(first->units);
  size_t at = atomic_fetch_add_explicit(&held_next, places, memory_order_relaxed);
  for (; places > 1; places--)
    replace(at++, NULL);
  replace(at, first);
}

/* --- what the header promises ----------------------------------------------------------------- */

char *
sa_units_address(const struct sa_slab *first)
{
  return address_of(run_from(first, 1));
}

/* False, with nothing taken, without memory. */
static bool
take(struct run *run, size_t alignment, bool *zeroed)
{
  size_t more = run->units * SA_UNIT + (alignment > SA_CHUNK ? alignment : 0);
  while (!use_somewhere(run, alignment))
    if (!let_all_go() && !sa_region_add(more))
      return false;
  return make_ready(*run, zeroed);
}

struct sa_slab *
sa_units_take(size_t units, size_t alignment, bool *zeroed)
{
  struct run run = {.units = units};
  if (!take(&run, alignment, zeroed) && !(let_all_go() && take(&run, alignment, zeroed)))
    return NULL;
  struct sa_slab *slab = &run.region->slabs[run.first];
  sa_watch_units(slab, address_of(run), units * SA_UNIT);
  return slab;
}

bool
sa_units_extend(struct sa_slab *first, size_t units, size_t wanted)
{
  struct run run = run_from(first, units);
  struct run more = {run.region, run.first + units, wanted - units};
  if (!see(run.region, chunk_of(more.first + more.units - 1) + 1) || !use(more)
      || !make_ready(more, NULL))
    return false;
  sa_watch_close(address_of(more), more.units * SA_UNIT);
  return true;
}

/* The hardened mode's: the run cannot be touched any more. */
static void
close_run(struct sa_slab *first, struct run run)
{
  sa_guard_close(first, run.units);
  mark(run.region->committed, run, false);
}

void
sa_units_give(struct sa_slab *first, size_t units)
{
  struct run run = run_from(first, units);
  if (sa_hardened)
    close_run(first, run);
  if (worth_keeping(run)) {
    mark(run.region->dirty, run, true);
    atomic_fetch_add_explicit(&units_idle, units, memory_order_relaxed);
  } else {
    decommit(run);
  }
  atomic_fetch_sub_explicit(&units_used, units, memory_order_relaxed);
  unuse(run);
}

void
sa_units_hold(struct sa_slab *first)
{
  struct run run = run_from(first, first->units);
  close_run(first, run);
  decommit(run);
  atomic_fetch_sub_explicit(&units_used, run.units, memory_order_relaxed);
  hold(first);
}

void
sa_units_give_large(struct sa_slab *first, size_t units, size_t large)
{
  struct run run = run_from(first, units);
  sa_os_uncommit_large(address_of(run), large);
  mark(run.region->committed, run, false);
  decommit(run);
  atomic_fetch_sub_explicit(&units_used, units, memory_order_relaxed);
  unuse(run);
}

void
sa_units_empty(void *at, size_t length)
{
  if (!empty(at, length))
    sa_os_commit(at, length);
}

/* Decommits the units of one chunk that `bits` names and that are ours; returns how many. */
static size_t
decommit_bits(struct sa_region *region, size_t chunk, uint64_t bits)
{
  size_t count = 0;
  while (bits != 0) {
    size_t     from = (size_t)__builtin_ctzll(bits);
    uint64_t   rest = ~(bits >> from);
    size_t     units = rest == 0 ? SA_CHUNK_UNITS : (size_t)__builtin_ctzll(rest);
    struct run run = {region, chunk * SA_CHUNK_UNITS + from, units};
    decommit(run);
    bits &= ~bits_in(run, chunk);
    count += units;
  }
  return count;
}

static void
trim_chunk(struct sa_region *region, size_t chunk)
{
  uint64_t idle = atomic_load_explicit(&region->dirty[chunk], memory_order_relaxed)
                  & ~atomic_load_explicit(&region->used[chunk], memory_order_relaxed);
  if (idle == 0 || !set_used(region, chunk, idle))
    return;
  /* only what is dirty now that it is ours: others may have used and given it back since */
  size_t units = decommit_bits(
    region, chunk, idle & atomic_load_explicit(&region->dirty[chunk], memory_order_relaxed));
  atomic_fetch_sub_explicit(&units_idle, units, memory_order_relaxed);
  clear_used(region, chunk, idle);
}

void
sa_units_trim(void)
{
  struct sa_region *region;
  let_all_go();
  for (unsigned i = 0; (region = sa_region_at(i)); i++) {
    size_t seen = atomic_load_explicit(&region->chunks_seen, memory_order_relaxed);
    for (size_t chunk = 0; chunk < seen; chunk++)
      trim_chunk(region, chunk);
  }
}

size_t
sa_units_returned(void)
{
  return atomic_load_explicit(&units_returned, memory_order_relaxed) * SA_UNIT;
}

size_t
sa_units_peak(void)
{
  return atomic_load_explicit(&units_peak, memory_order_relaxed) * SA_UNIT;
}
