/* Threads: each one's stack of scopes, from its first entry to its exit. */
#include <errno.h>
#include <limits.h>

#include "os/os.h"
#include "scope/scope.h"

struct sa_arena sa_no_arena;
struct sa_frame sa_no_frame = {.arena = &sa_no_arena};
/* Before it begins, a thread has seen no number of trims that there is, so it keeps no chunk. */
SA_EACH_THREADS struct sa_thread_data sa_own_thread = {
  .here = &sa_no_arena, .top = &sa_no_frame, .trims_seen = UINT_MAX};

/* --- beginning and end of a thread ------------------------------------------------------------ */

/* What the engine tells us: see engine.h. */
static const struct sa_hooks hooks = {
  .free = sa_block_free,
  .free_traced = sa_block_free_traced,
  .free_large = sa_lent_free,
  .resize = sa_block_resize,
  .alloc_beside = sa_block_beside,
  .size = sa_block_size,
  .thread_exits = sa_thread_exits,
  .forked = sa_scopes_forked,
  .trim = sa_chunks_trim,
  .stand_in = sa_source_stand_in,
  .count = sa_chunk_count,
};

/* The same in the hardened mode. */
static const struct sa_hooks hardened_hooks = {
  .free = sa_hardened_block_free,
  .free_large = sa_lent_free,
  .resize = sa_block_resize,
  .alloc_beside = sa_block_beside,
  .size = sa_block_size,
  .misuse = sa_block_wrong,
  .thread_exits = sa_thread_exits,
  .forked = sa_scopes_forked,
  .trim = sa_chunks_trim,
  .stand_in = sa_source_stand_in,
  .count = sa_chunk_count,
};

/* Whether sa_os_fence_others works, which is found out before there is a scope. Stored by each
 * thread that begins, always the same; relaxed. */
static _Atomic bool fences_others;

bool
sa_thread_begin(void)
{
  static _Atomic uint64_t threads; /* relaxed: all that matters is that each gets another one */
  struct sa_trace        *traced = sa_trace_pause();
  sa_watch_pause();
  struct sa_cache *cache = sa_cache_begin();
  if (cache)
    sa_cache_done(cache);
  sa_watch_resume();
  sa_trace_resume(traced);
  if (!cache)
    return false;
  if (sa_watched() || sa_hardened || sa_trace_is_wanted())
    atomic_store_explicit(&sa_quick_sizes, 0, memory_order_relaxed);
  if (sa_thread.id == 0) {
    atomic_store_explicit(&sa_hooks, sa_hardened ? &hardened_hooks : &hooks, memory_order_release);
    if (!atomic_load_explicit(&fences_others, memory_order_relaxed))
      atomic_store_explicit(&fences_others, sa_os_fence_others(), memory_order_relaxed);
    sa_thread.id = 1 + atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed);
  }
  sa_os_watch_thread();
  sa_thread.watched = true;
  sa_chunk_follow_trims();
  return true;
}

/* --- arenas ----------------------------------------------------------------------------------- */

static struct sa_arena *
arena_of_user(struct sa_scope *scope, uint64_t user)
{
  struct sa_arena *arena = atomic_load_explicit(&scope->arenas, memory_order_acquire);
  while (arena && atomic_load_explicit(&arena->user, memory_order_relaxed) != user)
    arena = arena->others;
  return arena;
}

struct sa_arena *
sa_arena_joined(struct sa_scope *scope)
{
  return sa_thread.id == 0 ? NULL : arena_of_user(scope, sa_thread.id);
}

/* One that a thread has left. */
static struct sa_arena *
claim_arena(struct sa_scope *scope)
{
  struct sa_arena *arena = atomic_load_explicit(&scope->arenas, memory_order_acquire);
  for (; arena; arena = arena->others) {
    uint64_t user = 0;
    if (atomic_compare_exchange_strong_explicit(&arena->user, &user, sa_thread.id,
                                                memory_order_acquire, memory_order_relaxed))
      break;
  }
  return arena;
}

static struct sa_arena *
new_arena(struct sa_scope *scope)
{
  struct sa_chunk *chunk = sa_chunk_take();
  if (!chunk)
    return NULL;
  struct sa_arena *arena = &chunk->arena;
  sa_arena_set_up(chunk, scope, sa_thread.id);
  if (scope->source)
    arena->fresh = NULL; /* as sa_arena_leave_own_chunk */
  sa_chunk_publish(chunk);
  arena->others = atomic_load_explicit(&scope->arenas, memory_order_relaxed);
  while (!atomic_compare_exchange_weak_explicit(&scope->arenas, &arena->others, arena,
                                                memory_order_release, memory_order_relaxed))
    ;
  return arena;
}

struct sa_arena *
sa_arena_join_scope(struct sa_scope *scope)
{
  if (!sa_thread.watched && !sa_thread_begin())
    return NULL;
  atomic_fetch_add_explicit(&scope->users, 1, memory_order_relaxed);
  atomic_store_explicit(&scope->plain, false, memory_order_relaxed);
  struct sa_arena *arena = claim_arena(scope);
  if (!arena)
    arena = new_arena(scope);
  if (!arena)
    sa_scope_drop_user(scope);
  return arena;
}

void
sa_arena_leave(struct sa_arena *arena)
{
  struct sa_scope *scope = arena->scope;
  struct sa_trace *traced = sa_scope_pause();
  atomic_store_explicit(&arena->user, 0, memory_order_release);
  sa_scope_drop_user(scope);
  sa_scope_resume(traced);
}

/* --- entering --------------------------------------------------------------------------------- */

static size_t
entries_of(const struct sa_arena *arena)
{
  return atomic_load_explicit(&arena->entries, memory_order_relaxed);
}

static void
set_entries(struct sa_arena *arena, size_t entries)
{
  atomic_store_explicit(&arena->entries, entries, memory_order_relaxed);
}

bool
sa_is_inside(struct sa_scope *scope)
{
  struct sa_arena *arena = sa_arena_mine(scope);
  return arena && entries_of(arena) > 0;
}

/* `frame` may be NULL: there was no memory for it. */
static inline int
push(struct sa_frame *frame, struct sa_arena *arena, enum sa_maker maker)
{
  if (!frame)
    return ENOMEM;
  *frame = (struct sa_frame){.arena = arena, .below = sa_thread.top, .maker = maker};
  sa_thread.top = frame;
  sa_thread.here = arena;
  return 0;
}

static int
push_nothing(enum sa_maker maker)
{
  if (!sa_thread.watched && !sa_thread_begin())
    return ENOMEM;
  return push(sa_malloc(sizeof(struct sa_frame)), &sa_no_arena, maker);
}

static int
push_again(struct sa_arena *arena, enum sa_maker maker)
{
  int failed = push(sa_malloc(sizeof(struct sa_frame)), arena, maker);
  if (!failed)
    set_entries(arena, entries_of(arena) + 1);
  return failed;
}

static int
push_anew(struct sa_scope *scope, enum sa_maker maker)
{
  if (!scope)
    return push_nothing(maker);
  enum sa_scope_state state = sa_scope_check("sa_scope_enter", scope);
  if (state == SA_NO_SCOPE)
    return EINVAL;
  struct sa_arena *arena = sa_arena_mine(scope);
  if (arena && entries_of(arena) > 0)
    return push_again(arena, maker);
  if (SA_UNLIKELY(state != SA_ALIVE)) {
    sa_scope_misuse("sa_scope_enter", scope, scope, "it was destroyed");
    return EINVAL;
  }
  if (!arena)
    arena = sa_arena_join_scope(scope);
  if (!arena)
    return ENOMEM;
  set_entries(arena, 1);
  return push(&arena->frame, arena, maker);
}

/* So that what other threads did before is, and it is told before they go on. */
static void
stamp_unless_alone(struct sa_trace *trace, struct sa_scope *scope)
{
  if (!sa_scope_is_alone(scope))
    sa_trace_stamp(trace);
}

static void
record_enter(struct sa_trace *trace, struct sa_scope *scope)
{
  if (!scope)
    return;
  stamp_unless_alone(trace, scope);
  sa_trace_enter(trace, scope);
}

int
sa_frame_push(struct sa_scope *scope, enum sa_maker maker)
{
  SA_ALONE(SA_IN_SCOPE, "sa_scope_enter");
  struct sa_trace *traced = sa_scope_pause();
  if (traced && maker == SA_MADE_BY_ENTER)
    maker = SA_MADE_BY_TRACED_ENTER;
  int failed = push_anew(scope, maker);
  if (traced && !failed)
    record_enter(traced, scope);
  sa_scope_resume(traced);
  return failed;
}

static SA_ATTRIBUTE(noinline) int enter_slowly(struct sa_scope *scope)
{
  int failed = scope ? sa_frame_push(scope, SA_MADE_BY_ENTER) : EINVAL;
  if (!failed)
    return 0;
  errno = failed;
  return -1;
}

int
sa_scope_enter(struct sa_scope *scope)
{
  if (SA_UNLIKELY(sa_scope_state_here(scope) != SA_ALIVE || !sa_is_home(scope)))
    return enter_slowly(scope);
  struct sa_arena *arena = sa_scope_home_arena(scope);
  if (SA_UNLIKELY(entries_of(arena) != 0))
    return enter_slowly(scope);
  SA_ALONE(SA_IN_SCOPE, "sa_scope_enter");
  set_entries(arena, 1);
  push(&arena->frame, arena, SA_MADE_BY_ENTER);
  return 0;
}

struct sa_scope *
sa_scope_current(void)
{
  return sa_thread.here->scope;
}

struct sa_frame *
sa_frame_top(void)
{
  return sa_thread.top == &sa_no_frame ? NULL : sa_thread.top;
}

/* --- leaving ---------------------------------------------------------------------------------- */

/* The home thread's last entry ends, and another thread may just be destroying the scope: see LIFE
 * in scope.h. */
static inline void
home_leaves(struct sa_scope *scope, struct sa_arena *arena)
{
  if (SA_LIKELY(atomic_load_explicit(&fences_others, memory_order_relaxed))) {
    set_entries(arena, SA_LEAVING);
    atomic_signal_fence(memory_order_seq_cst); /* keeps the compiler from moving what follows */
  } else {
    atomic_exchange_explicit(&arena->entries, SA_LEAVING, memory_order_seq_cst);
  }
  if (SA_LIKELY(atomic_load_explicit(&scope->state, memory_order_seq_cst) != SA_OVER))
    atomic_store_explicit(&arena->entries, 0, memory_order_release);
  else
    sa_scope_drop_handle(scope);
}

static void
last_entry_ends(struct sa_arena *arena)
{
  struct sa_scope *scope = arena->scope;
  if (SA_LIKELY(sa_is_home(scope))) {
    home_leaves(scope, arena);
    return;
  }
  set_entries(arena, 0);
  sa_arena_leave(arena);
}

/* What the frame stands for ends; so does the frame. */
static void
end_entry(struct sa_frame *frame)
{
  SA_ALONE(SA_IN_SCOPE, "sa_scope_leave");
  struct sa_arena *arena = frame->arena;
  size_t           entries = entries_of(arena);
  if (SA_LIKELY(entries == 1)) {
    last_entry_ends(arena);
    return;
  }
  if (entries > 0)
    set_entries(arena, entries - 1);
  sa_free(frame);
}

/* Whether a scope must go with its frame. `unwound`: the frame has no leave of its own. */
static bool
owns(const struct sa_frame *frame, bool unwound)
{
  struct sa_scope *scope = frame->arena->scope;
  if (frame->maker != SA_MADE_BY_ENABLE && !(unwound && scope && (scope->flags & SA_SCOPE_UNWIND)))
    return false;
  return sa_is_home(scope) && entries_of(frame->arena) == 1
         && atomic_load_explicit(&scope->state, memory_order_relaxed) == SA_ALIVE;
}

static void
record_leave(struct sa_trace *trace, struct sa_scope *scope, bool and_destroy)
{
  if (!scope)
    return;
  stamp_unless_alone(trace, scope);
  sa_trace_leave(trace, scope);
  if (and_destroy)
    sa_trace_destroy(trace, scope);
}

static void
pop(bool unwound)
{
  struct sa_trace *traced = sa_scope_pause();
  struct sa_frame *frame = sa_thread.top;
  struct sa_scope *owned = owns(frame, unwound) ? frame->arena->scope : NULL;
  if (traced)
    record_leave(traced, frame->arena->scope, owned);
  sa_thread.top = frame->below;
  sa_thread.here = frame->below->arena;
  end_entry(frame);
  if (owned)
    sa_scope_destroy(owned);
  sa_scope_resume(traced);
}

static void
count_unwound(struct sa_scope *scope)
{
  atomic_fetch_add_explicit(&scope->unwound, 1, memory_order_relaxed);
  atomic_store_explicit(&scope->plain, false, memory_order_relaxed);
}

void
sa_frame_pop(struct sa_frame *frame)
{
  struct sa_scope *scope = frame->arena->scope;
  for (; sa_thread.top != frame; pop(true))
    if (scope)
      count_unwound(scope);
  pop(false);
}

/* Puts the second frame on top of the first. */
static void
swap_frames(void)
{
  struct sa_frame *first = sa_thread.top;
  struct sa_frame *second = first->below;
  first->below = second->below;
  second->below = first;
  sa_thread.top = second;
  sa_thread.here = second->arena;
}

int
sa_frame_replace(struct sa_scope *scope, enum sa_maker maker)
{
  struct sa_trace *traced = sa_scope_pause();
  int              failed = push_anew(scope, maker);
  if (!failed)
    swap_frames();
  sa_scope_resume(traced);
  if (failed)
    return failed;
  pop(false);
  traced = sa_scope_pause();
  if (traced)
    record_enter(traced, scope);
  sa_scope_resume(traced);
  return 0;
}

/* The frame of the last entry into a scope, NULL when this thread is not inside. */
static struct sa_frame *
frame_of(const struct sa_scope *scope)
{
  struct sa_frame *frame = sa_thread.top;
  while (frame && frame->arena->scope != scope)
    frame = frame->below;
  return frame;
}

static SA_ATTRIBUTE(noinline) void leave_slowly(struct sa_scope *scope)
{
  struct sa_frame *frame = scope ? frame_of(scope) : NULL;
  if (frame)
    sa_frame_pop(frame);
  else
    sa_scope_misuse("sa_scope_leave", scope, scope, "this thread is not inside it");
}

void
sa_scope_leave(struct sa_scope *scope)
{
  struct sa_frame *frame = sa_thread.top;
  struct sa_arena *arena = frame->arena;
  /* the arena's own frame is of the first entry, and on top, so it is the only one */
  if (SA_UNLIKELY(arena->scope != scope || frame != &arena->frame
                  || frame->maker != SA_MADE_BY_ENTER || !sa_is_home(scope))) {
    leave_slowly(scope);
    return;
  }
  SA_ALONE(SA_IN_SCOPE, "sa_scope_leave");
  sa_thread.top = frame->below;
  sa_thread.here = frame->below->arena;
  home_leaves(scope, arena);
}

void
sa_thread_exits(void)
{
  while (sa_thread.top != &sa_no_frame)
    pop(true);
  sa_chunk_cool();
  sa_thread.watched = false;
  sa_thread.trims_seen--; /* so that it keeps no chunk any more */
}
