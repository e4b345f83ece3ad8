/* Blocks of scopes: the fast path, and what the engine hands on about them. */
#include <errno.h>
#include <string.h>

#include "scope/scope.h"

_Atomic size_t sa_quick_sizes = SA_BLOCK_MAX + 1;

/* --- allocating ------------------------------------------------------------------------------- */

/* What a budget allows, and what is a large block, is not to depend on being watched. */
static void *
watched_block(struct sa_arena *arena, size_t size)
{
  bool   has_zone = !sa_is_limited(arena->scope) && size <= SA_BLOCK_MAX - SA_WATCH_ZONE;
  size_t zone = has_zone ? SA_WATCH_ZONE : 0;
  sa_watch_pause();
  void *block = sa_arena_block(arena, size + zone);
  sa_watch_resume();
  if (block)
    sa_watch_out(block, size);
  return block;
}

static void *
block_of(struct sa_arena *arena, size_t size)
{
  return size > SA_BLOCK_MAX ? sa_lent_alloc(arena, size)
                             : sa_arena_alloc(arena, sa_code_for(size));
}

static SA_ATTRIBUTE(noinline) void *block_slowly(struct sa_arena *arena, size_t size)
{
  struct sa_trace *traced = sa_scope_pause();
  struct sa_chunk *fresh = arena->fresh;
  void            *block = block_of(arena, size);
  if (traced && block) {
    if (arena->fresh != fresh || size > SA_BLOCK_MAX)
      sa_trace_stamp(traced);
    if (arena == sa_thread.here)
      sa_trace_in_scope(traced, block, size);
    else
      sa_trace_into(traced, arena->scope, block, size);
  }
  sa_scope_resume(traced);
  return block;
}

/* A large one, or any while memory is watched, hardened, or traced. */
static SA_ATTRIBUTE(noinline) void *special_block(struct sa_arena *arena, size_t size)
{
  if (sa_hardened)
    return sa_hardened_block(arena, size);
  return sa_watched() ? watched_block(arena, size) : block_slowly(arena, size);
}

/* While a trace is recorded: a freed block, if there is one. To get what is neither that nor to be cut may
 * take the engine's help, for which the trace must be paused. */
static SA_ATTRIBUTE(noinline) void *traced_block_again(struct sa_trace *trace,
                                                       struct sa_arena *arena, size_t size)
{
  unsigned code = sa_code_for(size);
  if (!sa_arena_has(arena, code))
    return block_slowly(arena, size);
  return sa_trace_in_scope(trace, sa_arena_give_out(sa_arena_pop(arena, code), code), size);
}

/* While a trace is recorded. Saves no register where it can cut. */
static SA_ATTRIBUTE(noinline) void *traced_block(struct sa_trace *trace, struct sa_arena *arena,
                                                 size_t size)
{
  void *block;
  if (SA_LIKELY(sa_arena_cut(arena, sa_code_for(size), &block)))
    return sa_trace_in_scope(trace, block, size);
  return traced_block_again(trace, arena, size);
}

static inline void *
other_block(struct sa_arena *arena, size_t size)
{
  struct sa_trace *trace = sa_my_trace;
  if (SA_LIKELY(trace && arena == sa_thread.here && size <= SA_BLOCK_MAX))
    return traced_block(trace, arena, size);
  return special_block(arena, size);
}

void *
sa_arena_block(struct sa_arena *arena, size_t size)
{
  return sa_is_quick(size) ? sa_arena_alloc_quick(arena, sa_code_for(size))
                           : other_block(arena, size);
}

/* A thread that is not inside goes in for the one block. */
static void *
alloc_from_outside(struct sa_scope *scope, size_t size)
{
  struct sa_arena *arena = sa_arena_join_scope(scope);
  if (!arena)
    return sa_no_memory();
  void *block = sa_arena_block(arena, size);
  sa_arena_leave(arena);
  return block;
}

/* In a scope that is not the thread's top one. */
static void *
alloc_below(struct sa_scope *scope, size_t size)
{
  struct sa_arena *arena = sa_arena_mine(scope);
  return arena ? sa_arena_block(arena, size) : alloc_from_outside(scope, size);
}

static SA_ATTRIBUTE(noinline) void *alloc_elsewhere(struct sa_scope *scope, size_t size)
{
  enum sa_scope_state state = scope ? sa_scope_check("sa_scope_alloc", scope) : SA_NO_SCOPE;
  if (state == SA_ALIVE || (state != SA_NO_SCOPE && sa_is_inside(scope)))
    return alloc_below(scope, size);
  if (state != SA_NO_SCOPE)
    sa_scope_misuse("sa_scope_alloc", scope, scope, "it was destroyed");
  errno = EINVAL;
  return NULL;
}

/* What is not quick, or not here. */
static SA_ATTRIBUTE(noinline) void *alloc_slowly(struct sa_scope *scope, size_t size)
{
  struct sa_arena *here = sa_thread.here;
  return scope && here->scope == scope ? other_block(here, size) : alloc_elsewhere(scope, size);
}

SA_FAST_PATH void *
sa_scope_alloc(struct sa_scope *scope, size_t size)
{
  SA_ALONE(SA_IN_SCOPE, "sa_scope_alloc");
  struct sa_arena *arena = sa_thread.here;
  if (SA_UNLIKELY(arena->scope != scope || !sa_is_quick(size)))
    return alloc_slowly(scope, size);
  unsigned code = sa_code_for(size);
  void    *block;
  return SA_LIKELY(sa_arena_cut(arena, code, &block)) ? block : sa_arena_alloc_quick(arena, code);
}

/* --- what is a block -------------------------------------------------------------------------- */

static bool
is_large(const struct sa_slab *slab)
{
  return sa_slab_what(slab) == SA_LENT_LARGE;
}

static struct sa_scope *
scope_in(const struct sa_slab *slab, const void *block)
{
  return is_large(slab) ? sa_lent_node(slab)->scope : sa_chunk_of(block)->scope;
}

struct sa_scope *
sa_scope_of(const void *block)
{
  const void           *inside = sa_stand_in(block);
  const struct sa_slab *slab = inside ? sa_slab_of(inside) : NULL;
  return slab && sa_is_lent(slab) ? scope_in(slab, inside) : NULL;
}

bool
sa_scope_is_alone(struct sa_scope *scope)
{
  return sa_is_home(scope) && !atomic_load_explicit(&scope->arenas, memory_order_relaxed);
}

/* Returns 0, which is no code, with errno EINVAL. */
static SA_ATTRIBUTE(cold, noinline) unsigned no_block(const char *what, const void *inside)
{
  struct sa_chunk *chunk = sa_chunk_of(inside);
  size_t           at = sa_granule_of(inside);
  struct sa_scope *scope = chunk->scope;
  /* a chunk that waits for the next scope has an empty map; the scope's own chunk may be gone */
  if (!sa_scope_is_there(scope)
      || atomic_load_explicit(&scope->state, memory_order_relaxed) == SA_NO_SCOPE)
    sa_scope_misuse(what, (const char *)inside + chunk->away, scope, "its scope was destroyed");
  else if (at < SA_DATA)
    sa_scope_block_misuse(what, inside, "no block starts there");
  else if ((uintptr_t)inside % SA_GRANULE == 0 && sa_code_get(chunk, at) >= SA_FREE)
    sa_scope_block_misuse(what, inside, "this block is free already");
  else
    sa_scope_block_misuse(what, inside, "it points inside a block, or to none");
  errno = EINVAL;
  return 0;
}

/* The code of a block that is not large; 0 when it is none. */
static inline unsigned
code_at(const void *block)
{
  size_t at = sa_granule_of(block);
  if (SA_UNLIKELY(at < SA_DATA || (uintptr_t)block % SA_GRANULE != 0))
    return 0;
  unsigned code = sa_code_get(sa_chunk_of(block), at);
  return SA_LIKELY(code - 1 < SA_CODES) ? code : 0; /* else there is no block, or a free one */
}

/* The same; what is none is misuse. */
static unsigned
code_of(const char *what, const void *block)
{
  unsigned code = code_at(block);
  return code ? code : no_block(what, block);
}

static size_t
size_of(const char *what, const struct sa_slab *slab, const void *block)
{
  if (is_large(slab) && !sa_lent_check(what, slab, block))
    return 0;
  if (is_large(slab)) /* what stands for another one has its length */
    return sa_lent_node(slab)->scope->source ? slab->length : sa_large_size(slab);
  size_t room = sa_code_size(code_of(what, block));
  return sa_hardened && room > 0 ? sa_hardened_block_size(block, room) : room;
}

size_t
sa_block_size(const struct sa_slab *slab, const void *block)
{
  return size_of("usable_size", slab, block);
}

void
sa_block_wrong(const char *what, const struct sa_slab *slab, const void *block, const char *reason)
{
  if (is_large(slab))
    sa_lent_misuse(what, slab, block, reason);
  else
    sa_scope_block_misuse(what, block, reason);
}

/* --- freeing ---------------------------------------------------------------------------------- */

static SA_IN_FREE_MEMORY void
return_to_scope(struct sa_scope *scope, void *block, bool encoded)
{
  void *first = atomic_load_explicit(&scope->returned, memory_order_relaxed);
  atomic_store_explicit(&scope->plain, false, memory_order_relaxed);
  do
    *(void **)block = encoded ? sa_link_encode(block, first) : first;
  while (!atomic_compare_exchange_weak_explicit(&scope->returned, &first, block,
                                                memory_order_release, memory_order_relaxed));
}

/* A block of another arena than that of the thread's top frame. */
static SA_ATTRIBUTE(noinline) void free_elsewhere(struct sa_arena *owner, void *block,
                                                  unsigned code, bool encoded)
{
  if (sa_arena_is_mine(owner))
    sa_arena_push_link(owner, code, block, encoded);
  else
    return_to_scope(owner->scope, block, encoded);
}

static inline void
free_in_chunk(void *block, bool encoded)
{
  unsigned code = code_at(block);
  if (SA_UNLIKELY(code == 0)) {
    no_block("free", block);
    return;
  }
  struct sa_chunk *chunk = sa_chunk_of(block);
  struct sa_arena *owner = chunk->owner;
  sa_code_set(chunk, sa_granule_of(block), code | SA_FREE);
  sa_poison(block, sa_code_size(code));
  if (SA_LIKELY(owner == sa_thread.here))
    sa_arena_push_link(owner, code, block, encoded);
  else
    free_elsewhere(owner, block, code, encoded);
}

void
sa_block_free(void *block)
{
  free_in_chunk(block, false);
}

void
sa_block_free_traced(struct sa_trace *trace, void *block)
{
  /* of a chunk that is not there any more, the map has no block */
  bool alone = code_at(block) != 0 && sa_scope_is_alone(sa_chunk_of(block)->scope);
  sa_trace_free_in_scope(trace, block, alone);
  free_in_chunk(block, false);
}

void
sa_block_free_encoded(void *block)
{
  free_in_chunk(block, true);
}

/* --- resizing and keeping --------------------------------------------------------------------- */

void *
sa_block_resize(struct sa_slab *slab, void *block, size_t size)
{
  return is_large(slab) && size > SA_BLOCK_MAX ? sa_lent_resize(slab, block, size) : NULL;
}

/* The scope may have been destroyed: as long as others are inside, it is there, and so are its blocks. */
void *
sa_block_beside(const struct sa_slab *slab, const void *block, size_t size)
{
  struct sa_scope *scope = scope_in(slab, block);
  return sa_thread.here->scope == scope ? sa_scope_alloc(scope, size) : alloc_below(scope, size);
}

static void *
keep(void *block)
{
  void           *inside = block ? sa_stand_in(block) : NULL;
  struct sa_slab *slab = inside ? sa_slab_of(inside) : NULL;
  if (block && !slab) {
    sa_misuse("keep", block, "stuballoc did not give it out, or it was freed before");
    errno = EINVAL;
    return NULL;
  }
  if (!slab || !sa_is_lent(slab))
    return block;
  if (is_large(slab) && inside == block) {
    sa_watch_pause();
    bool kept = sa_lent_keep(slab, block);
    sa_watch_resume();
    return kept ? block : NULL;
  }
  size_t size = size_of("keep", slab, inside);
  void  *to = size > 0 ? sa_malloc(size) : NULL; /* else it is no block */
  if (!to)
    return NULL;
  memcpy(to, block, sa_watch_size(block, size));
  sa_free(block);
  return to;
}

void *
sa_scope_keep(void *block)
{
  struct sa_trace *traced = sa_scope_pause();
  void            *kept = keep(block);
  if (traced && kept) {
    sa_trace_stamp(traced);
    sa_trace_kept(traced, block, kept);
  }
  sa_scope_resume(traced);
  return kept;
}
