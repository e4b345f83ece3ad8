/* Scopes: how one begins and ends. */
#include <errno.h>
#include <string.h>

#include "os/os.h"
#include "scope/scope.h"

/* --- handles ----------------------------------------------------------------------------------------------- */

/* Whether a scope may be at that address: it lies where one would lie in a chunk. No memory is
 * touched that may not be there. */
static bool
is_plausible(const struct sa_scope *scope)
{
  if (((uintptr_t)scope & (SA_UNIT - 1)) != offsetof(struct sa_chunk, first))
    return false;
  const struct sa_slab *slab = sa_slab_of(scope);
  return slab && sa_slab_what(slab) == SA_LENT;
}

enum sa_scope_state
sa_scope_check(const char *what, struct sa_scope *scope)
{
  enum sa_scope_state state = SA_NO_SCOPE;
  if (SA_LIKELY(is_plausible(scope)))
    state = atomic_load_explicit(&scope->state, memory_order_acquire);
  if (SA_UNLIKELY(state == SA_NO_SCOPE))
    sa_misuse(what, scope, "this is no scope, or it was destroyed");
  return state;
}

/* --- the beginning ------------------------------------------------------------------------------------------- */

static void
set_name(struct sa_scope *scope, const char *name)
{
  size_t length = name ? strnlen(name, SA_NAME - 1) : 0;
  memcpy(scope->name, name ? name : "", length);
  scope->name[length] = '\0';
}

/* One store a field, which is quicker than to clear it all first. */
static void
set_up(struct sa_scope *scope, const sa_scope_options *options, const void *creator)
{
  scope->flags = options->flags;
  scope->home = sa_thread.id;
  scope->budget = options->budget;
  scope->creator = creator;
  atomic_store_explicit(&scope->users, 1, memory_order_relaxed);
  atomic_store_explicit(&scope->keepers, 1, memory_order_relaxed);
  atomic_store_explicit(&scope->held, 0, memory_order_relaxed);
  atomic_store_explicit(&scope->peak, 0, memory_order_relaxed);
  atomic_store_explicit(&scope->over_budget, 0, memory_order_relaxed);
  atomic_store_explicit(&scope->unwound, 0, memory_order_relaxed);
  atomic_store_explicit(&scope->chunks, NULL, memory_order_relaxed);
  atomic_store_explicit(&scope->arenas, NULL, memory_order_relaxed);
  atomic_store_explicit(&scope->nodes, NULL, memory_order_relaxed);
  atomic_store_explicit(&scope->idle, NULL, memory_order_relaxed);
  atomic_store_explicit(&scope->returned, NULL, memory_order_relaxed);
  atomic_store_explicit(&scope->joining, false, memory_order_relaxed);
  set_name(scope, options->name);
}

/* The nearest scope around a new one that has a budget; it stays as long as the new one. */
static struct sa_scope *
limiter_here(void)
{
  struct sa_scope *around = sa_thread.here->scope;
  if (around && around->budget == 0)
    around = around->limiter;
  if (around)
    atomic_fetch_add_explicit(&around->keepers, 1, memory_order_relaxed);
  return around;
}

struct sa_scope *
sa_scope_create_for(const sa_scope_options *options, const void *creator)
{
  static const sa_scope_options defaults;
  if (options && options->section) {
    errno = ENOTSUP;
    return NULL;
  }
  if (SA_UNLIKELY(!sa_thread.watched) && !sa_thread_begin())
    return sa_no_memory();
  struct sa_chunk *chunk = sa_chunk_take();
  if (SA_UNLIKELY(!chunk))
    return sa_no_memory();
  struct sa_scope *scope = &chunk->first;
  sa_arena_set_up(chunk, scope, sa_thread.id);
  set_up(scope, options ? options : &defaults, creator);
  scope->limiter = limiter_here();
  atomic_store_explicit(&scope->state, SA_ALIVE, memory_order_release);
  return scope;
}

struct sa_scope *
sa_scope_create(const sa_scope_options *options)
{
  return sa_scope_create_for(options, __builtin_return_address(0));
}

/* --- the end --------------------------------------------------------------------------------------------------- */

/* Where a chunk's map may be set: fast where all was cut from one run. */
static size_t
end_of_blocks(const struct sa_chunk *chunk)
{
  const struct sa_arena *arena = &chunk->arena;
  return arena->base == (const char *)chunk && arena->end == chunk->carved ? arena->next
                                                                           : chunk->carved;
}

/* One keeper less: the last one gives back the first chunk, and then does not keep the limiter. */
static void
drop_keeper(struct sa_scope *scope)
{
  while (scope) {
    if (atomic_load_explicit(&scope->keepers, memory_order_acquire) != 1
        && atomic_fetch_sub_explicit(&scope->keepers, 1, memory_order_acq_rel) != 1)
      return;
    struct sa_scope *limiter = scope->limiter;
    struct sa_chunk *chunk = sa_chunk_of(scope);
    atomic_store_explicit(&scope->state, SA_NO_SCOPE, memory_order_relaxed);
    sa_chunk_keep_warm(chunk, end_of_blocks(chunk));
    scope = limiter;
  }
}

/* The bytes that all arenas have carved. */
static size_t
carved_bytes(struct sa_scope *scope)
{
  size_t           granules = sa_scope_home_arena(scope)->carved;
  struct sa_arena *arena = atomic_load_explicit(&scope->arenas, memory_order_acquire);
  for (; arena; arena = arena->others)
    granules += arena->carved;
  return granules * SA_GRANULE;
}

static void
free_chunks(struct sa_scope *scope)
{
  struct sa_chunk *chunk = atomic_load_explicit(&scope->chunks, memory_order_acquire);
  while (chunk) {
    struct sa_chunk *next = chunk->next;
    sa_chunk_give(chunk, chunk->carved);
    chunk = next;
  }
}

/* The last user is gone. */
static void
end(struct sa_scope *scope)
{
  if (SA_UNLIKELY(atomic_load_explicit(&scope->over_budget, memory_order_relaxed) != 0))
    sa_report_over_budget(scope);
  size_t bytes = 0;
  if (atomic_load_explicit(&scope->nodes, memory_order_relaxed))
    bytes = sa_lent_free_all(scope);
  if (scope->limiter)
    sa_budget_return(scope->limiter, bytes + carved_bytes(scope));
  free_chunks(scope);
  drop_keeper(scope);
}

void
sa_scope_drop_user(struct sa_scope *scope)
{
  if (atomic_fetch_sub_explicit(&scope->users, 1, memory_order_acq_rel) == 1)
    end(scope);
}

void
sa_scope_drop_handle(struct sa_scope *scope)
{
  unsigned over = SA_OVER;
  if (atomic_compare_exchange_strong_explicit(&scope->state, &over, SA_ENDED, memory_order_acq_rel,
                                              memory_order_relaxed))
    sa_scope_drop_user(scope);
}

static void
destroy_at_home(struct sa_scope *scope)
{
  atomic_store_explicit(&scope->state, SA_ENDED, memory_order_relaxed);
  if (SA_LIKELY(atomic_load_explicit(&scope->users, memory_order_acquire) == 1))
    end(scope);
  else
    sa_scope_drop_user(scope);
}

/* From any thread but the home thread, which may be inside. */
static void
destroy_from_elsewhere(struct sa_scope *scope)
{
  unsigned alive = SA_ALIVE;
  if (!atomic_compare_exchange_strong_explicit(&scope->state, &alive, SA_OVER,
                                               memory_order_seq_cst, memory_order_relaxed))
    sa_scope_misuse("sa_scope_destroy", scope, scope, "it was destroyed before");
  sa_os_fence_others();
  struct sa_arena *home = sa_scope_home_arena(scope);
  if (atomic_load_explicit(&home->entries, memory_order_seq_cst) == 0)
    sa_scope_drop_handle(scope);
}

void
sa_scope_destroy(struct sa_scope *scope)
{
  if (!scope)
    return;
  if (SA_UNLIKELY(sa_scope_check("sa_scope_destroy", scope) != SA_ALIVE))
    sa_scope_misuse("sa_scope_destroy", scope, scope, "it was destroyed before");
  struct sa_arena *mine = sa_arena_mine(scope);
  if (mine)
    sa_scope_leave_all(scope, mine);
  if (SA_LIKELY(scope->home == sa_thread.id))
    destroy_at_home(scope);
  else
    destroy_from_elsewhere(scope);
}

/* --- in the child of a fork --------------------------------------------------------------------------------------- */

static bool
is_gone(uint64_t thread)
{
  return thread != 0 && thread != sa_thread.id && thread != SA_NOBODY;
}

/* What the threads that are gone had: their chunks that wait, and their entries. What they were doing
 * in an arena may be half done, so nobody gets it. */
static void
forget_threads(struct sa_chunk *chunk)
{
  struct sa_scope *scope = &chunk->first;
  if (is_gone(chunk->warm)) {
    chunk->warm = 0;
    sa_chunk_give(chunk, SA_DATA);
    return;
  }
  if (atomic_load_explicit(&scope->state, memory_order_acquire) == SA_NO_SCOPE)
    return;
  atomic_fetch_add_explicit(&scope->users, 1, memory_order_relaxed); /* so that it stays till the end */
  struct sa_arena *arena = atomic_load_explicit(&scope->arenas, memory_order_acquire);
  for (; arena; arena = arena->others)
    if (is_gone(atomic_load_explicit(&arena->user, memory_order_relaxed))) {
      atomic_store_explicit(&arena->user, SA_NOBODY, memory_order_relaxed);
      sa_scope_drop_user(scope);
    }
  if (is_gone(scope->home)) {
    scope->home = SA_NOBODY;
    atomic_store_explicit(&sa_scope_home_arena(scope)->entries, 0, memory_order_relaxed);
    sa_scope_drop_handle(scope);
  }
  sa_scope_drop_user(scope);
}

void
sa_scopes_forked(void)
{
  sa_chunks_each(forget_threads);
}
