/*
 * Joining free neighbours, so that a scope that lives long does not end up with small free blocks
 * alone.
 *
 * An arena joins the blocks of its own lists. Each is marked in the map first, and its length is
 * written into its second word; then each takes in the marked ones that follow it. Blocks of other
 * arenas are not marked, since only one thread at a time joins in a scope.
 */
#include "scope/scope.h"

/* A free block while its arena is being joined. */
struct run {
  struct run *next;
  size_t      granules;
};

static bool
is_marked(const struct sa_chunk *chunk, size_t granule)
{
  return granule < SA_UNIT_GRANULES && sa_code_get(chunk, granule) == SA_JOINING;
}

/* Takes all blocks off a list, marked, and puts them before `rest`. Joining costs by block, which
 * is to be made up for by what is cut until the next time. */
static SA_IN_FREE_MEMORY struct run *
take_list(struct sa_arena *arena, unsigned code, struct run *rest)
{
  enum { PRICE = 2 }; /* granules */
  while (sa_arena_has(arena, code)) {
    struct run *run = sa_arena_pop(arena, code);
    run->next = rest;
    run->granules = sa_code_granules(code);
    sa_code_set(sa_chunk_of(run), sa_granule_of(run), SA_JOINING);
    arena->due += PRICE;
    rest = run;
  }
  return rest;
}

/* One that was taken in is marked no more. */
static SA_IN_FREE_MEMORY void
take_in_followers(struct run *run)
{
  struct sa_chunk *chunk = sa_chunk_of(run);
  size_t           at = sa_granule_of(run);
  while (is_marked(chunk, at + run->granules)) {
    struct run *follower = sa_granule_at(chunk, at + run->granules);
    sa_code_set(chunk, at + run->granules, 0);
    run->granules += follower->granules;
  }
}

/* Drops those that were taken in, before their links are overwritten. */
static SA_IN_FREE_MEMORY struct run *
drop_taken_in(struct run *runs)
{
  struct run **link = &runs;
  while (*link)
    if (is_marked(sa_chunk_of(*link), sa_granule_of(*link)))
      link = &(*link)->next;
    else
      *link = (*link)->next;
  return runs;
}

static SA_IN_FREE_MEMORY void
join(struct sa_arena *arena)
{
  struct run *runs = NULL;
  arena->due = 0;
  for (unsigned code = 1; code <= SA_CODES; code++)
    runs = take_list(arena, code, runs);
  for (struct run *run = runs; run; run = run->next)
    if (is_marked(sa_chunk_of(run), sa_granule_of(run)))
      take_in_followers(run);
  runs = drop_taken_in(runs);
  while (runs) {
    struct run *next = runs->next;
    sa_arena_put_run(arena, sa_chunk_of(runs), sa_granule_of(runs), runs->granules);
    runs = next;
  }
  arena->cut = 0;
}

bool
sa_arena_join(struct sa_arena *arena)
{
  struct sa_scope *scope = arena->scope;
  if (!arena->listed || atomic_exchange_explicit(&scope->joining, true, memory_order_acquire))
    return false;
  join(arena);
  atomic_store_explicit(&scope->joining, false, memory_order_release);
  return true;
}
