/* Threads: each one's cache, from its first allocation to its exit. */
#include "engine/engine.h"
#include "engine/hardened.h"
#include "engine/trace.h"
#include "engine/watch.h"
#include "os/os.h"

struct sa_slab                   sa_no_slab;
struct sa_cache                  sa_no_cache = {.current = {[0 ... SA_CLASSES - 1] = &sa_no_slab}};
SA_EACH_THREADS struct sa_cache *sa_own_cache = &sa_no_cache;
_Atomic(const struct sa_hooks *) sa_hooks;
bool                             sa_hardened;

/* Set when this thread's cache was given up at its exit. What is allocated after that, by
 * destructors that run later, comes through a cache borrowed for the one call. */
SA_EACH_THREADS_STATIC bool own_exited;
#define exited SA_THIS_THREADS(own_exited)

/* Every cache there is, in use or waiting for a thread. Pushed to by compare-and-swap with
 * release, read with acquire; nothing is ever taken off. */
static _Atomic(struct sa_cache *) all_caches;

/* How often sa_trim was called: other caches notice at their next refill. Relaxed. */
static _Atomic unsigned trims;

/* Around a step off the fast path. A fork's child sees these stores in their order with those in
 * between, as the processor that made them does; so only the compiler must be kept from moving them. */
void
sa_cache_step_begins(struct sa_cache *cache)
{
  atomic_store_explicit(&cache->busy, true, memory_order_relaxed);
  atomic_signal_fence(memory_order_seq_cst);
}

void
sa_cache_step_ends(struct sa_cache *cache)
{
  atomic_signal_fence(memory_order_seq_cst);
  atomic_store_explicit(&cache->busy, false, memory_order_relaxed);
}

/* --- adopted slabs ---------------------------------------------------------------------------- */

static void
give_up_adopted(struct sa_cache *cache, unsigned place)
{
  struct sa_slab *slab = cache->adopted[place];
  cache->adopted[place] = NULL;
  atomic_store_explicit(&slab->adopter, NULL, memory_order_relaxed);
  sa_slab_give_up(slab);
}

static void
keep_adopted(struct sa_cache *cache, struct sa_slab *slab)
{
  unsigned place = cache->adopt_next++ % SA_ADOPTED;
  if (cache->adopted[place])
    give_up_adopted(cache, place);
  cache->adopted[place] = slab;
  atomic_store_explicit(&slab->adopter, cache, memory_order_relaxed);
}

static void
drop_adopted(struct sa_cache *cache, struct sa_slab *slab)
{
  unsigned place = 0;
  while (cache->adopted[place] != slab)
    place++;
  cache->adopted[place] = NULL;
  atomic_store_explicit(&slab->adopter, NULL, memory_order_relaxed);
}

static struct sa_slab *
take_adopted(struct sa_cache *cache, unsigned cls)
{
  for (unsigned place = 0; place < SA_ADOPTED; place++) {
    struct sa_slab *slab = cache->adopted[place];
    if (slab && sa_slab_class(slab) == cls) {
      drop_adopted(cache, slab);
      return slab;
    }
  }
  return NULL;
}

/* --- parcels ---------------------------------------------------------------------------------- */

static void
send(struct sa_parcel *parcel)
{
  if (parcel->slab)
    sa_slab_put(parcel);
  parcel->slab = NULL;
}

/* A compare-and-swap makes the processor wait for all it has under way, so blocks freed one after
 * the other into one slab are sent together; never so many that they would be missed. */
static bool
is_full(const struct sa_parcel *parcel)
{
  enum { MOST_BLOCKS = 128, MOST_BYTES = 16384 };
  return parcel->count == MOST_BLOCKS || parcel->count * parcel->slab->size >= MOST_BYTES;
}

static SA_IN_FREE_MEMORY void
add(struct sa_parcel *parcel, void *block)
{
  if (parcel->first == block) {
    sa_misuse("free", block, "this block is free already");
    return;
  }
  *(void **)block = parcel->first;
  parcel->first = block;
  parcel->count++;
  if (is_full(parcel))
    send(parcel);
}

static void
start(struct sa_parcel *parcel, struct sa_slab *slab, void *block)
{
  send(parcel);
  *parcel = (struct sa_parcel){.slab = slab, .last = block};
  add(parcel, block);
}

/* --- current slabs ---------------------------------------------------------------------------- */

static SA_IN_FREE_MEMORY void
give_up_current(struct sa_cache *cache, unsigned cls)
{
  struct sa_slab *slab = cache->current[cls];
  cache->current[cls] = &sa_no_slab;
  slab->freed = 0;
  for (void *block = slab->free; block; block = *(void **)block) {
    slab->last = block;
    slab->freed++;
  }
  sa_slab_give_up(slab);
}

static void
give_up_all(struct sa_cache *cache)
{
  if (sa_hardened) {
    sa_rings_empty(sa_rings_of(cache));
    return;
  }
  for (unsigned cls = 0; cls < SA_CLASSES; cls++)
    send(&cache->parcels[cls]);
  for (unsigned cls = 0; cls < SA_CLASSES; cls++)
    if (cache->current[cls] != &sa_no_slab)
      give_up_current(cache, cls);
  for (unsigned place = 0; place < SA_ADOPTED; place++)
    if (cache->adopted[place])
      give_up_adopted(cache, place);
}

/* A slab of the class from wherever one is cheapest to have. */
static struct sa_slab *
find_slab(struct sa_cache *cache, unsigned cls)
{
  struct sa_slab *slab = take_adopted(cache, cls);
  if (!slab)
    slab = sa_slab_claim(cls);
  return slab ? slab : sa_slab_new(cls);
}

/* Gets free blocks into a slab that is current but has none: false when there are none. */
static bool
find_blocks_in(struct sa_slab *slab)
{
  slab->free = sa_slab_collect(slab);
  if (!slab->free)
    slab->free = sa_slab_carve(slab);
  return slab->free;
}

/* The current slab of the class, with free blocks; another one becomes it if need be. */
static struct sa_slab *
find_blocks(struct sa_cache *cache, unsigned cls)
{
  struct sa_slab *slab = cache->current[cls];
  if (slab != &sa_no_slab)
    do {
      if (find_blocks_in(slab))
        return slab;
    } while (!sa_slab_leave_full(slab));
  slab = find_slab(cache, cls);
  if (!slab) {
    cache->current[cls] = &sa_no_slab;
    return NULL;
  }
  cache->current[cls] = slab;
  atomic_store_explicit(&slab->owner, sa_os_thread(), memory_order_relaxed);
  if (!slab->free)
    find_blocks_in(slab); /* new or claimed, it has some */
  return slab;
}

void
sa_cache_follow_trim(struct sa_cache *cache)
{
  unsigned now = atomic_load_explicit(&trims, memory_order_relaxed);
  if (cache->trims_seen == now)
    return;
  cache->trims_seen = now;
  give_up_all(cache);
}

SA_IN_FREE_MEMORY void *
sa_cache_refill(struct sa_cache *cache, unsigned cls)
{
  sa_cache_step_begins(cache);
  sa_cache_follow_trim(cache);
  struct sa_slab *slab = find_blocks(cache, cls);
  void           *block = slab ? slab->free : sa_no_memory();
  if (block) {
    slab->free = *(void **)block;
    sa_unpoison(block, slab->size);
  }
  sa_cache_step_ends(cache);
  return block;
}

/* --- frees off the fast path ------------------------------------------------------------------ */

static bool
is_start(const struct sa_slab *slab, const void *block)
{
  uint64_t offset = (uint64_t)((const char *)block - slab->start);
  uint64_t index = offset * slab->inverse >> 40;
  if (index * slab->size == offset && index < slab->capacity)
    return true;
  sa_pointer_misuse("free", slab, block);
  return false;
}

static SA_IN_FREE_MEMORY void
free_adopted(struct sa_slab *slab, void *block)
{
  if (slab->free == block) {
    sa_misuse("free", block, "this block is free already");
    return;
  }
  if (!slab->free)
    slab->last = block;
  *(void **)block = slab->free;
  slab->free = block;
  slab->freed++;
}

static void
free_into(struct sa_cache *cache, struct sa_slab *slab, void *block)
{
  struct sa_parcel *parcel = &cache->parcels[sa_slab_class(slab)];
  if (parcel->slab == slab) {
    add(parcel, block);
  } else if (atomic_load_explicit(&slab->adopter, memory_order_relaxed) == cache) {
    free_adopted(slab, block);
  } else if (sa_slab_adopt(slab)) {
    keep_adopted(cache, slab);
    free_adopted(slab, block);
  } else {
    start(parcel, slab, block);
  }
}

void
sa_cache_free(struct sa_slab *slab, void *block)
{
  if (!is_start(slab, block))
    return;
  if (sa_hardened) {
    sa_hardened_free_in(slab, block);
    return;
  }
  sa_poison(block, slab->size);
  struct sa_cache *cache = sa_self;
  if (cache == &sa_no_cache) {
    sa_slab_put(&(struct sa_parcel){slab, block, block, 1});
    return;
  }
  sa_cache_step_begins(cache);
  free_into(cache, slab, block);
  sa_cache_step_ends(cache);
}

/* --- a cache's own life ----------------------------------------------------------------------- */

static struct sa_cache *
waiting_cache(void)
{
  struct sa_cache *cache = sa_caches_first();
  for (; cache; cache = cache->next) {
    bool in_use = atomic_load_explicit(&cache->in_use, memory_order_relaxed);
    if (!in_use
        && atomic_compare_exchange_strong_explicit(&cache->in_use, &in_use, true,
                                                   memory_order_acquire, memory_order_relaxed))
      return cache;
  }
  return NULL;
}

struct sa_cache *
sa_caches_first(void)
{
  return atomic_load_explicit(&all_caches, memory_order_acquire);
}

size_t
sa_cache_length(void)
{
  size_t length = sa_hardened ? sa_rings_length() : sizeof(struct sa_cache);
  return (length + sa_os_page() - 1) & ~(sa_os_page() - 1);
}

static struct sa_cache *
new_cache(void)
{
  size_t           length = sa_cache_length();
  struct sa_cache *cache = sa_os_reserve(length, sa_os_page());
  if (!cache)
    return NULL;
  if (!sa_os_commit(cache, length)) {
    sa_os_release(cache, length);
    return NULL;
  }
  for (unsigned cls = 0; cls < SA_CLASSES; cls++)
    cache->current[cls] = &sa_no_slab;
  sa_class_table_fill(&cache->classes);
  if (sa_hardened)
    sa_rings_set_up(sa_rings_of(cache));
  atomic_init(&cache->in_use, true);
  cache->next = atomic_load_explicit(&all_caches, memory_order_relaxed);
  while (!atomic_compare_exchange_weak_explicit(&all_caches, &cache->next, cache,
                                                memory_order_release, memory_order_relaxed))
    ;
  return cache;
}

static void
retire(struct sa_cache *cache)
{
  sa_cache_step_begins(cache);
  give_up_all(cache);
  sa_cache_step_ends(cache);
  atomic_store_explicit(&cache->in_use, false, memory_order_release);
}

static void
thread_exits(void)
{
  const struct sa_hooks *hooks = sa_hooks_get();
  if (hooks)
    hooks->thread_exits();
  sa_trace_thread_exits();
  sa_watch_pause();
  struct sa_cache *cache = sa_self;
  exited = true;
  sa_self = &sa_no_cache;
  sa_my_rings = &sa_no_rings;
  if (cache != &sa_no_cache)
    retire(cache);
  sa_watch_resume();
}

/*
 * In the child, the other threads are gone. Their lists are whole at every instant of the fast
 * path, which changes each by one store; what a thread was doing off it may be half done, and such
 * a cache is left alone for good, with the little that it held.
 */
static void
forked(void)
{
  sa_watch_pause();
  struct sa_trace *traced = sa_trace_pause();
  struct sa_cache *cache = sa_caches_first();
  for (; cache; cache = cache->next)
    if (cache != sa_self && !atomic_load_explicit(&cache->busy, memory_order_relaxed)
        && atomic_load_explicit(&cache->in_use, memory_order_relaxed))
      retire(cache);
  sa_watch_resume();
  const struct sa_hooks *hooks = sa_hooks_get();
  if (hooks)
    hooks->forked();
  sa_trace_forked();
  sa_trace_resume(traced);
}

static void
init(void)
{
  const char *text = sa_os_environment("STUBALLOC");
  if (text)
    sa_options_read(text);
  sa_hardened = sa_options.hardened && !sa_watch_finds_it();
  if (sa_hardened)
    sa_hardened_begin();
  sa_trace_begin();
  sa_detours_begin();
  sa_os_hooks(thread_exits, forked);
  sa_region_add(SA_CHUNK); /* if it fails, the first allocation tries again and says so */
  if (sa_watch_is_there())
    (void)sa_units_take(1, SA_UNIT, NULL); /* else what we know of the region points to a block */
  /* The first time, it makes the system ready for it: at once while there is one thread, in
   * milliseconds later, which the first scope of a server would wait for. */
  (void)sa_os_fence_others();
}

void
sa_begin(void)
{
  sa_os_once(init);
}

/* Before there are threads, where the library is loaded by then. */
static SA_ATTRIBUTE(constructor) void begin(void)
{
  sa_begin();
  /* these may allocate */
  sa_report_begin();
  sa_publish_begin();
}

struct sa_cache *
sa_cache_begin(void)
{
  if (sa_self != &sa_no_cache)
    return sa_self;
  sa_begin();
  struct sa_cache *cache = waiting_cache();
  if (!cache)
    cache = new_cache();
  if (cache && sa_hardened)
    sa_rings_begin(sa_rings_of(cache));
  if (!cache || exited)
    return cache;
  cache->trims_seen = atomic_load_explicit(&trims, memory_order_relaxed);
  sa_self = cache; /* before what may allocate */
  if (sa_hardened)
    sa_my_rings = sa_rings_of(cache);
  const char *call = sa_alone_pauses();
  sa_os_watch_thread();
  sa_alone_goes_on(call);
  return cache;
}

void
sa_cache_done(struct sa_cache *cache)
{
  if (cache != sa_self)
    retire(cache);
}

size_t
sa_trim(void)
{
  SA_ALONE(SA_IN_ENGINE, "sa_trim");
  size_t           before = sa_units_returned();
  struct sa_trace *traced = sa_trace_pause();
  sa_watch_pause();
  struct sa_cache *cache = sa_self;
  atomic_fetch_add_explicit(&trims, 1, memory_order_relaxed);
  if (cache != &sa_no_cache) {
    sa_cache_step_begins(cache);
    sa_cache_follow_trim(cache);
    sa_cache_step_ends(cache);
  }
  sa_trace_resume(traced);
  const struct sa_hooks *hooks = sa_hooks_get();
  if (hooks)
    hooks->trim();
  sa_units_trim();
  sa_watch_resume();
  return sa_units_returned() - before;
}
