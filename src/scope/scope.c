/* Scopes: how one begins and ends. */
#include <errno.h>
#include <string.h>

#include "os/os.h"
#include "os/probe.h"
#include "scope/scope.h"

/* --- handles ---------------------------------------------------------------------------------- */

bool
sa_scope_is_there(const struct sa_scope *scope)
{
  if (((uintptr_t)scope & (SA_UNIT - 1)) != offsetof(struct sa_chunk, first))
    return false;
  const struct sa_slab *slab = sa_slab_of(scope);
  return slab && sa_slab_what(slab) == SA_LENT;
}

enum sa_scope_state
sa_scope_check_anywhere(const char *what, struct sa_scope *scope)
{
  enum sa_scope_state state = SA_NO_SCOPE;
  if (sa_scope_is_there(scope))
    state = atomic_load_explicit(&scope->state, memory_order_acquire);
  if (state == SA_NO_SCOPE)
    sa_scope_misuse(what, scope, scope, "this is no scope, or it was destroyed");
  return state;
}

/* --- the beginning ---------------------------------------------------------------------------- */

/* Makes a chunk a plain scope's that this thread is to create: all is set but what `begin` sets. */
static void
prepare(struct sa_chunk *chunk)
{
  struct sa_scope *scope = &chunk->first;
  chunk->keeper = sa_thread.id;
  sa_arena_set_up(chunk, scope, sa_thread.id);
  /* nobody else knows it yet, so it need not be atomic */
  memset(scope, 0, sizeof *scope);
  scope->home = sa_thread.id;
  atomic_init(&scope->plain, true);
  atomic_init(&scope->users, 1);
  atomic_init(&scope->keepers, 1);
  sa_arena_carve_first(&chunk->arena);
}

/* A chunk that is prepared; NULL: no memory. */
static struct sa_chunk *
take_prepared(void)
{
  struct sa_chunk *chunk = sa_thread.warm;
  if (SA_LIKELY(chunk)) {
    sa_thread.warm = NULL;
    return chunk;
  }
  if (!sa_thread.watched && !sa_thread_begin())
    return NULL;
  chunk = sa_chunk_take();
  if (chunk)
    prepare(chunk);
  return chunk;
}

/* A plain scope may have cut blocks, and freed some, and have had a name and flags. */
static inline struct sa_scope *
begin(struct sa_chunk *chunk, const void *creator)
{
  struct sa_arena *arena = &chunk->arena;
  struct sa_scope *scope = &chunk->first;
  if (arena->listed)
    memset(arena->lists, 0, sizeof arena->lists);
  arena->listed = false;
  arena->next = sa_granule_at(chunk, SA_DATA);
  arena->cut = SA_FIRST_STEP;
  arena->end = sa_granule_at(chunk, SA_DATA + SA_FIRST_STEP);
  scope->creator = creator;
  scope->flags = 0;
  scope->name[0] = '\0';
  atomic_store_explicit(&scope->state, SA_ALIVE, memory_order_release);
  SA_PROBE2(scope_create, scope, creator);
  return scope;
}

static void
set_options(struct sa_scope *scope, const sa_scope_options *options)
{
  scope->flags = options->flags;
  scope->budget = options->budget;
  if (!options->name)
    return;
  size_t length = strnlen(options->name, SA_NAME - 1);
  memcpy(scope->name, options->name, length);
  scope->name[length] = '\0';
}

/* What limits those that are created inside a scope; NULL: nothing. */
static struct sa_scope *
limiter_in(struct sa_scope *around)
{
  return !around || around->budget != 0 ? around : around->limiter;
}

/* The nearest scope around a new one that has a budget, whichever the thread entered in between; it
 * stays as long as the new one. */
static struct sa_scope *
limiter_here(void)
{
  struct sa_frame *frame = sa_thread.top;
  while (frame != &sa_no_frame && !limiter_in(frame->arena->scope))
    frame = frame->below;
  struct sa_scope *around = limiter_in(frame->arena->scope);
  if (around)
    atomic_fetch_add_explicit(&around->keepers, 1, memory_order_relaxed);
  return around;
}

/* A section begins with it. */
static struct sa_source *
source_of(const sa_scope_options *options)
{
  return (struct sa_source *)options->section;
}

static bool
is_held(struct sa_source *source)
{
  int failed = source->hold(source);
  if (failed)
    errno = failed;
  return !failed;
}

static struct sa_scope *
create(const sa_scope_options *options, const void *creator)
{
  struct sa_source *source = options ? source_of(options) : NULL;
  if (source && !is_held(source))
    return NULL;
  struct sa_chunk *chunk = take_prepared();
  if (!chunk) {
    if (source)
      source->drop(source);
    return sa_no_memory();
  }
  struct sa_scope *scope = begin(chunk, creator);
  if (options)
    set_options(scope, options);
  scope->limiter = limiter_here();
  scope->source = source;
  if (source)
    sa_arena_leave_own_chunk(&chunk->arena);
  else if (sa_is_limited(scope))
    sa_arena_uncarve(&chunk->arena);
  atomic_store_explicit(&scope->plain, !sa_is_limited(scope) && !source && !sa_hardened,
                        memory_order_relaxed);
  return scope;
}

static SA_ATTRIBUTE(noinline) void record_create(struct sa_trace *trace, struct sa_scope *scope,
                                                 bool warm)
{
  if (!warm)
    sa_trace_stamp(trace);
  sa_trace_create(trace, scope, scope->name);
}

struct sa_scope *
sa_scope_create_for(const sa_scope_options *options, const void *creator)
{
  SA_ALONE(SA_IN_SCOPE, "sa_scope_create");
  struct sa_trace *traced = sa_scope_pause();
  bool             warm = sa_thread.warm;
  struct sa_scope *scope = create(options, creator);
  if (traced && scope)
    record_create(traced, scope, warm);
  sa_scope_resume(traced);
  return scope;
}

struct sa_scope *
sa_scope_create(const sa_scope_options *options)
{
  struct sa_chunk *chunk = sa_thread.warm;
  if (SA_UNLIKELY(options || !chunk || sa_thread.top != &sa_no_frame))
    return sa_scope_create_for(options, __builtin_return_address(0));
  SA_ALONE(SA_IN_SCOPE, "sa_scope_create");
  sa_thread.warm = NULL;
  return begin(chunk, __builtin_return_address(0));
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Where a chunk's map may be set up to: known better where all was cut from one run. */
static inline size_t
end_of_blocks(struct sa_chunk *chunk)
{
  const struct sa_arena *arena = &chunk->arena;
  if (arena->base != (char *)chunk || arena->end != sa_granule_at(chunk, chunk->carved))
    return chunk->carved;
  return (size_t)(arena->next - arena->base) / SA_GRANULE;
}

/* For the next scope of this thread, if it has not one already. */
static void
keep_warm(struct sa_chunk *chunk)
{
  if (sa_hardened || !sa_chunk_may_keep()) {
    if (sa_thread.watched)
      sa_chunk_follow_trims();
    sa_chunk_give(chunk, end_of_blocks(chunk));
    return;
  }
  sa_chunk_clear_map(chunk, end_of_blocks(chunk));
  prepare(chunk);
  sa_thread.warm = chunk;
}

/* One keeper less: the last one gives up the first chunk, and then does not keep the limiter. */
static void
drop_keeper(struct sa_scope *scope)
{
  while (scope) {
    if (atomic_load_explicit(&scope->keepers, memory_order_acquire) != 1
        && atomic_fetch_sub_explicit(&scope->keepers, 1, memory_order_acq_rel) != 1)
      return;
    struct sa_scope *limiter = scope->limiter;
    atomic_store_explicit(&scope->state, SA_NO_SCOPE, memory_order_relaxed);
    keep_warm(sa_chunk_of(scope));
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
    if (scope->source)
      sa_chunk_withdraw(chunk, scope->source);
    sa_chunk_give(chunk, chunk->carved);
    chunk = next;
  }
}

static void
forget_blocks(struct sa_scope *scope)
{
  struct sa_chunk *chunk = atomic_load_explicit(&scope->chunks, memory_order_acquire);
  for (; chunk; chunk = chunk->next)
    sa_chunk_forget(chunk);
  sa_chunk_forget(sa_chunk_of(scope));
}

/* The last user is gone. */
static void
end(struct sa_scope *scope)
{
  if (SA_UNLIKELY(atomic_load_explicit(&scope->over_budget, memory_order_relaxed) != 0))
    sa_report_over_budget(scope);
  if (sa_watched())
    forget_blocks(scope);
  sa_watch_pause();
  size_t bytes = 0;
  if (atomic_load_explicit(&scope->nodes, memory_order_relaxed))
    bytes = sa_lent_free_all(scope);
  if (scope->limiter)
    sa_budget_return(scope->limiter, bytes + carved_bytes(scope));
  struct sa_source *source = scope->source;
  free_chunks(scope);
  drop_keeper(scope);
  sa_watch_resume();
  if (source)
    source->drop(source);
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

/* --- destroying ------------------------------------------------------------------------------- */

static void
destroy_at_home(struct sa_scope *scope)
{
  SA_ALONE(SA_IN_SCOPE, "sa_scope_destroy");
  atomic_store_explicit(&scope->state, SA_ENDING, memory_order_relaxed);
  if (SA_LIKELY(atomic_load_explicit(&scope->users, memory_order_acquire) == 1)) {
    end(scope);
    return;
  }
  atomic_store_explicit(&scope->state, SA_ENDED, memory_order_relaxed);
  sa_scope_drop_user(scope);
}

/* Whether the home thread is inside, and so will give up the handle when it leaves. */
static bool
is_left_to_home(struct sa_scope *scope)
{
  struct sa_arena *home = sa_scope_home_arena(scope);
  sa_os_fence_others();
  size_t entries;
  while ((entries = atomic_load_explicit(&home->entries, memory_order_seq_cst)) == SA_LEAVING) {
    if (atomic_load_explicit(&scope->state, memory_order_acquire) == SA_ENDED)
      return true;
    sa_os_yield();
  }
  return entries != 0;
}

/* From any thread but the home thread. */
static void
destroy_from_elsewhere(struct sa_scope *scope)
{
  unsigned alive = SA_ALIVE;
  if (!atomic_compare_exchange_strong_explicit(&scope->state, &alive, SA_OVER, memory_order_seq_cst,
                                               memory_order_relaxed))
    sa_scope_misuse("sa_scope_destroy", scope, scope, "it was destroyed before");
  else if (!is_left_to_home(scope))
    sa_scope_drop_handle(scope);
}

/* Of a scope that is alive: its home thread has left it, nobody else uses it, and there is nothing to
 * undo. */
static inline bool
is_plain(struct sa_scope *scope)
{
  return sa_is_home(scope)
         && atomic_load_explicit(&sa_scope_home_arena(scope)->entries, memory_order_relaxed) == 0
         && atomic_load_explicit(&scope->plain, memory_order_relaxed)
         && atomic_load_explicit(&scope->users, memory_order_acquire) == 1;
}

/* One that is plain, and whose chunk the thread may keep. */
static inline void
destroy_plain(struct sa_scope *scope)
{
  SA_ALONE(SA_IN_SCOPE, "sa_scope_destroy");
  struct sa_chunk *chunk = sa_chunk_of(scope);
  atomic_store_explicit(&scope->state, SA_NO_SCOPE, memory_order_relaxed);
  sa_chunk_clear_map(chunk, end_of_blocks(chunk));
  sa_thread.warm = chunk;
}

/* With a state that was just found. */
static void
destroy_anyhow(struct sa_scope *scope, enum sa_scope_state state)
{
  if (state != SA_ALIVE) {
    if (state != SA_NO_SCOPE)
      sa_scope_misuse("sa_scope_destroy", scope, scope, "it was destroyed before");
    return;
  }
  struct sa_arena *mine = sa_arena_mine(scope);
  while (mine && atomic_load_explicit(&mine->entries, memory_order_relaxed) > 0)
    sa_scope_leave(scope);
  if (sa_is_home(scope)) {
    destroy_at_home(scope);
    return;
  }
  /* so that it is there as long as we look at it */
  atomic_fetch_add_explicit(&scope->users, 1, memory_order_relaxed);
  destroy_from_elsewhere(scope);
  sa_scope_drop_user(scope);
}

static SA_ATTRIBUTE(noinline) void destroy_slowly(struct sa_scope *scope)
{
  if (!scope)
    return;
  struct sa_trace    *traced = sa_scope_pause();
  enum sa_scope_state state = sa_scope_check("sa_scope_destroy", scope);
  if (traced && state == SA_ALIVE) {
    if (!sa_scope_is_alone(scope))
      sa_trace_stamp(traced);
    sa_trace_destroy(traced, scope);
  }
  if (traced && state == SA_ALIVE && is_plain(scope) && sa_chunk_may_keep())
    destroy_plain(scope);
  else
    destroy_anyhow(scope, state);
  sa_scope_resume(traced);
}

void
sa_scope_destroy(struct sa_scope *scope)
{
  SA_PROBE1(scope_destroy, scope);
  if (SA_UNLIKELY(sa_scope_state_here(scope) != SA_ALIVE || !is_plain(scope)
                  || !sa_chunk_may_keep()))
    destroy_slowly(scope);
  else
    destroy_plain(scope);
}

/* --- in the child of a fork ------------------------------------------------------------------- */

static bool
is_gone(uint64_t thread)
{
  return thread != 0 && thread != sa_thread.id && thread != SA_NOBODY;
}

/* What the threads that are gone had: their chunks that wait, and their entries. What they were
 * doing in an arena, or to a block, may be half done, so nobody gets it. */
static void
forget_threads(struct sa_chunk *chunk)
{
  struct sa_scope *scope = &chunk->first;
  unsigned         state = atomic_load_explicit(&scope->state, memory_order_acquire);
  if (state == SA_NO_SCOPE) {
    if (is_gone(chunk->keeper))
      sa_chunk_give(chunk, SA_UNIT_GRANULES);
    return;
  }
  /* it has ended, but for its keepers, or one who is gone was ending it */
  if (state == SA_ENDING || atomic_load_explicit(&scope->users, memory_order_relaxed) == 0)
    return;
  sa_lent_forget(scope);
  atomic_fetch_add_explicit(&scope->users, 1,
                            memory_order_relaxed); /* so that it stays till the end */
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
