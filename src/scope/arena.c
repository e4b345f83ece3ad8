/* Arenas: where a thread's blocks in a scope are cut from when the fast path finds none. */
#include <errno.h>

#include "scope/scope.h"

void
sa_arena_set_up(struct sa_chunk *chunk, struct sa_scope *scope, uint64_t user)
{
  struct sa_arena *arena = &chunk->arena;
  arena->scope = scope;
  memset(arena->lists, 0, sizeof arena->lists);
  arena->listed = false;
  arena->base = (char *)chunk;
  arena->map = sa_map_of_0(chunk);
  arena->next = sa_granule_at(chunk, SA_DATA);
  arena->end = arena->next;
  arena->fresh = chunk;
  arena->idle = NULL;
  arena->carved = 0;
  arena->cut = 0;
  arena->due = 0;
  atomic_store_explicit(&arena->entries, 0, memory_order_relaxed);
  atomic_store_explicit(&arena->user, user, memory_order_relaxed);
  chunk->scope = scope;
  chunk->owner = arena;
  chunk->carved = SA_DATA;
}

static void
set_carved(struct sa_arena *arena, size_t granules)
{
  struct sa_scope *scope = arena->scope;
  arena->end = sa_granule_at(arena->fresh, SA_DATA + granules);
  arena->carved = granules;
  arena->cut = granules;
  arena->fresh->carved = SA_DATA + granules;
  atomic_store_explicit(&scope->held, granules * SA_GRANULE, memory_order_relaxed);
  atomic_store_explicit(&scope->peak, granules * SA_GRANULE, memory_order_relaxed);
}

void
sa_arena_carve_first(struct sa_arena *arena)
{
  set_carved(arena, SA_FIRST_STEP);
}

void
sa_arena_uncarve(struct sa_arena *arena)
{
  set_carved(arena, 0);
}

void
sa_arena_leave_own_chunk(struct sa_arena *arena)
{
  sa_arena_uncarve(arena);
  arena->fresh = NULL;
}

/* --- free blocks ------------------------------------------------------------------------------ */

/* The highest code of a run that is no longer than that. */
static unsigned
code_within(size_t granules)
{
  if (granules <= SA_SMALL_CODES)
    return (unsigned)granules;
  unsigned log2 = 63 - (unsigned)__builtin_clzll(granules);
  return SA_SMALL_CODES + 8 * (log2 - 6) + (unsigned)(granules >> (log2 - 3)) - 8;
}

void
sa_arena_put_run(struct sa_arena *arena, struct sa_chunk *chunk, size_t at, size_t granules)
{
  while (granules > 0) {
    unsigned code = code_within(granules);
    sa_code_set(chunk, at, code | SA_FREE);
    sa_arena_push(arena, code, sa_granule_at(chunk, at));
    at += sa_code_granules(code);
    granules -= sa_code_granules(code);
  }
}

/* The next one in a list that a free block is in, and stays in or is put into another one. */
static inline SA_IN_FREE_MEMORY void *
next_of(const void *block)
{
  return sa_hardened ? sa_link_follow(block) : *(void *const *)block;
}

/* Takes what other threads have freed; false: nothing. */
static SA_IN_FREE_MEMORY bool
take_returned(struct sa_arena *arena)
{
  struct sa_scope *scope = arena->scope;
  if (!atomic_load_explicit(&scope->returned, memory_order_relaxed))
    return false;
  void *block = atomic_exchange_explicit(&scope->returned, NULL, memory_order_acquire);
  while (block) {
    unsigned code = sa_code_get(sa_chunk_of(block), sa_granule_of(block)) - SA_FREE;
    void    *next = next_of(block);
    sa_arena_push(arena, code, block);
    block = next;
  }
  return true;
}

/* --- the run to cut from ---------------------------------------------------------------------- */

/* The granules that are left of it. */
static size_t
room(const struct sa_arena *arena)
{
  return (size_t)(arena->end - arena->next) / SA_GRANULE;
}

/* Puts what is left of an arena's run into the lists of one of the same scope. */
static void
put_rest(struct sa_arena *to, struct sa_arena *arena)
{
  struct sa_chunk *chunk = (struct sa_chunk *)arena->base;
  size_t           cut = (size_t)(arena->next - sa_bytes_at(chunk, 0)) / SA_GRANULE;
  sa_arena_put_run(to, chunk, cut, room(arena));
  arena->next = arena->end;
}

/* Cuts from other granules from now on. */
static void
set_run(struct sa_arena *arena, struct sa_chunk *chunk, size_t at, size_t granules)
{
  put_rest(arena, arena);
  arena->base = (char *)chunk;
  arena->map = sa_map_of_0(chunk);
  arena->next = sa_bytes_at(chunk, at);
  arena->end = sa_bytes_at(chunk, at + granules);
  arena->cut += granules;
}

static unsigned
largest_code(const struct sa_arena *arena)
{
  unsigned code = arena->listed ? SA_CODES : 0;
  while (code > 0 && !sa_arena_has(arena, code))
    code--;
  return code;
}

/* Cuts from the largest free block, if it has `granules`. */
static bool
use_largest(struct sa_arena *arena, size_t granules)
{
  unsigned code = largest_code(arena);
  if (code == 0 || sa_code_granules(code) < granules)
    return false;
  void            *run = sa_arena_pop(arena, code);
  struct sa_chunk *chunk = sa_chunk_of(run);
  sa_code_set(chunk, sa_granule_of(run), 0);
  set_run(arena, chunk, sa_granule_of(run), sa_code_granules(code));
  return true;
}

/* Where the next step of carving a chunk should end. Chunks grow as they are used, so that a small
 * scope is charged with little; with a budget, little more than it uses. */
static size_t
step_end(const struct sa_arena *arena, const struct sa_chunk *chunk, size_t least)
{
  enum { SMALL_STEP = 4096 / SA_GRANULE };
  size_t end = chunk->carved;
  if (sa_is_limited(arena->scope))
    end += SMALL_STEP;
  else
    end = end < SA_DATA + SA_FIRST_STEP ? SA_DATA + SA_FIRST_STEP : sa_chunk_end();
  if (end < chunk->carved + least)
    end = chunk->carved + least;
  return end < sa_chunk_end() ? end : sa_chunk_end();
}

/* Whether the run goes on where the fresh chunk was carved last. */
static bool
ends_at_fresh(const struct sa_arena *arena)
{
  struct sa_chunk *chunk = arena->fresh;
  return arena->base == (char *)chunk && arena->end == sa_bytes_at(chunk, chunk->carved);
}

enum outcome { DONE, CHUNK_FULL, OVER_BUDGET };

/* Carves more of the fresh chunk, so that `granules` can be cut. */
static enum outcome
carve(struct sa_arena *arena, size_t granules)
{
  struct sa_chunk *chunk = arena->fresh;
  if (!chunk)
    return CHUNK_FULL;
  bool   goes_on = ends_at_fresh(arena);
  size_t least = goes_on ? granules - room(arena) : granules;
  if (chunk->carved + least > sa_chunk_end())
    return CHUNK_FULL;
  size_t most = step_end(arena, chunk, least) - chunk->carved;
  size_t part = sa_budget_charge(arena->scope, least * SA_GRANULE, most * SA_GRANULE) / SA_GRANULE;
  if (part == 0)
    return OVER_BUDGET;
  sa_budget_note_peak(arena->scope);
  if (goes_on) {
    arena->end += part * SA_GRANULE;
    arena->cut += part;
  } else {
    set_run(arena, chunk, chunk->carved, part);
  }
  chunk->carved += part;
  arena->carved += part;
  return DONE;
}

void
sa_chunk_publish(struct sa_chunk *chunk)
{
  struct sa_scope *scope = chunk->scope;
  chunk->next = atomic_load_explicit(&scope->chunks, memory_order_relaxed);
  while (!atomic_compare_exchange_weak_explicit(&scope->chunks, &chunk->next, chunk,
                                                memory_order_release, memory_order_relaxed))
    ;
}

static bool
add_chunk(struct sa_arena *arena)
{
  struct sa_chunk *chunk = sa_chunk_take();
  if (!chunk)
    return false;
  struct sa_source *source = arena->scope->source;
  if (source && !sa_chunk_stand(chunk, source)) {
    sa_chunk_give(chunk, SA_DATA);
    return false;
  }
  chunk->scope = arena->scope;
  chunk->owner = arena;
  chunk->carved = SA_DATA;
  arena->fresh = chunk;
  sa_chunk_publish(chunk);
  return true;
}

/* --- arenas that nobody uses ------------------------------------------------------------------ */

static void
take_list(struct sa_arena *arena, struct sa_arena *from, unsigned code)
{
  if (!sa_arena_has(arena, code)) {
    arena->lists[code] = from->lists[code];
    from->lists[code] = NULL;
  }
  while (sa_arena_has(from, code)) {
    void *block = from->lists[code];
    from->lists[code] = next_of(block);
    sa_arena_push(arena, code, block);
  }
}

/* Takes all that is free in another arena. */
static void
take_free(struct sa_arena *arena, struct sa_arena *from)
{
  put_rest(arena, from);
  if (!from->listed)
    return;
  for (unsigned code = 1; code <= SA_CODES; code++)
    take_list(arena, from, code);
  from->listed = false;
  arena->listed = true;
}

/* Takes from one after the other what its last user has left free there, until there is enough.
 * Meanwhile it is nobody's, which it stays in the child of a fork. */
static bool
take_left(struct sa_arena *arena, unsigned code, size_t granules)
{
  struct sa_arena *from = atomic_load_explicit(&arena->scope->arenas, memory_order_acquire);
  for (; from; from = from->others) {
    uint64_t user = 0;
    if (!atomic_compare_exchange_strong_explicit(&from->user, &user, SA_NOBODY,
                                                 memory_order_acquire, memory_order_relaxed))
      continue;
    take_free(arena, from);
    atomic_store_explicit(&from->user, 0, memory_order_release);
    if (sa_arena_has(arena, code) || use_largest(arena, granules))
      return true;
  }
  return false;
}

/* --- in need of a block ----------------------------------------------------------------------- */

static bool
join_for(struct sa_arena *arena, unsigned code)
{
  return sa_arena_join(arena)
         && (sa_arena_has(arena, code) || use_largest(arena, sa_code_granules(code)));
}

static bool
find_free(struct sa_arena *arena, unsigned code)
{
  enum { LEAST = 16 }; /* a shorter run would soon be at its end */
  size_t granules = sa_code_granules(code) > LEAST ? sa_code_granules(code) : LEAST;
  if (take_returned(arena) && sa_arena_has(arena, code))
    return true;
  if (use_largest(arena, granules) || take_left(arena, code, granules))
    return true;
  return arena->cut >= arena->due && join_for(arena, code);
}

/* What is left when no more can be had: also the smallest run will do. */
static bool
scrape(struct sa_arena *arena, unsigned code)
{
  return use_largest(arena, sa_code_granules(code)) || join_for(arena, code);
}

/* Sees to it that the arena has a free block or enough to cut one from. */
static bool
find_memory(struct sa_arena *arena, unsigned code)
{
  if (find_free(arena, code))
    return true;
  enum outcome outcome = carve(arena, sa_code_granules(code));
  if (outcome == CHUNK_FULL && add_chunk(arena))
    outcome = carve(arena, sa_code_granules(code));
  if (outcome == DONE || scrape(arena, code))
    return true;
  if (outcome == OVER_BUDGET)
    atomic_fetch_add_explicit(&arena->scope->over_budget, 1, memory_order_relaxed);
  return false;
}

static SA_ATTRIBUTE(noinline) void *find(struct sa_arena *arena, unsigned code)
{
  if (!arena->scope) {
    errno = EINVAL;
    return NULL;
  }
  if (room(arena) < sa_code_granules(code) && !find_memory(arena, code))
    return sa_no_memory();
  if (sa_arena_has(arena, code))
    return sa_arena_give_out(sa_arena_pop(arena, code), code);
  char *block = arena->next - ((struct sa_chunk *)arena->base)->away;
  arena->next += sa_code_size(code);
  return sa_arena_give_out(block, code);
}

/* A scope in which blocks are freed comes this way often: no register is saved for what is rare. */
void *
sa_arena_alloc_quick(struct sa_arena *arena, unsigned code)
{
  if (SA_UNLIKELY(!sa_arena_has(arena, code)))
    return find(arena, code);
  return sa_arena_give_out(sa_arena_pop_link(arena, code, false), code);
}

void *
sa_arena_alloc(struct sa_arena *arena, unsigned code)
{
  if (!sa_arena_has(arena, code))
    return find(arena, code);
  return sa_arena_give_out(sa_arena_pop(arena, code), code);
}
