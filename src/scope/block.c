/* Blocks of scopes: the fast path, and what the engine hands on about them. */
#include <errno.h>
#include <string.h>

#include "scope/scope.h"

_Atomic size_t sa_quick_sizes = SA_BLOCK_MAX + 1;

/* --- allocating ------------------------------------------------------------------------------- */

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

/* A freed block, where there is one. */
static inline void *
alloc_again(struct sa_arena *arena, unsigned code)
{
  if (SA_UNLIKELY(!sa_arena_has(arena, code)))
    return sa_arena_alloc(arena, code);
  char            *block = sa_arena_pop(arena, code);
  struct sa_chunk *chunk = sa_chunk_of(block);
  sa_code_set(chunk, sa_granule_of(block), code);
  return block + chunk->away;
}

/* While a trace is recorded: as the fast path, or a freed block; false: neither is at hand, and to get one
 * may take the engine's help, for which the trace must be paused. */
static inline bool
take_at_hand(struct sa_arena *arena, size_t size, void **block)
{
  if ((arena->small | arena->medium) == SA_ARENA_TRACED) {
    arena->quick = arena->end;
    bool cut = sa_arena_cut(arena, size, block);
    arena->quick = NULL;
    return cut;
  }
  bool freed = sa_arena_has(arena, sa_code_for(size));
  if (freed)
    *block = alloc_again(arena, sa_code_for(size));
  return freed;
}

/* A large one, or any while a trace is recorded. */
static SA_ATTRIBUTE(noinline) void *other_block(struct sa_arena *arena, size_t size)
{
  struct sa_trace *trace = sa_my_trace;
  void            *block;
  if (SA_LIKELY(trace && arena == sa_thread.here && size <= SA_BLOCK_MAX)
      && take_at_hand(arena, size, &block))
    return sa_trace_in_scope(trace, block, size);
  return block_slowly(arena, size);
}

static inline bool
is_quick(size_t size)
{
  return size < atomic_load_explicit(&sa_quick_sizes, memory_order_relaxed);
}

void *
sa_arena_block(struct sa_arena *arena, size_t size)
{
  return is_quick(size) ? sa_arena_alloc(arena, sa_code_for(size)) : other_block(arena, size);
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

static SA_ATTRIBUTE(noinline) void *alloc_slowly(struct sa_scope *scope, size_t size)
{
  if (SA_LIKELY(sa_thread.here->scope == scope && scope && is_quick(size)))
    return alloc_again(sa_thread.here, sa_code_for(size));
  if (!scope) {
    errno = EINVAL;
    return NULL;
  }
  if (sa_thread.here->scope == scope)
    return other_block(sa_thread.here, size);
  enum sa_scope_state state = sa_scope_check("sa_scope_alloc", scope);
  if (state == SA_ALIVE || (state != SA_NO_SCOPE && sa_is_inside(scope)))
    return alloc_below(scope, size);
  if (state != SA_NO_SCOPE)
    sa_scope_misuse("sa_scope_alloc", scope, scope, "it was destroyed");
  errno = EINVAL;
  return NULL;
}

void *
sa_scope_alloc(struct sa_scope *scope, size_t size)
{
  SA_ALONE(SA_IN_SCOPE, "sa_scope_alloc");
  struct sa_arena *arena = sa_thread.here;
  void            *block;
  if (SA_LIKELY(arena->scope == scope && sa_arena_cut(arena, size, &block)))
    return block;
  return alloc_slowly(scope, size);
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

bool
sa_block_is_alone(const void *block)
{
  return sa_scope_is_alone(sa_chunk_of(block)->scope);
}

/* Returns 0, which is no code, with errno EINVAL. */
static SA_ATTRIBUTE(cold, noinline) unsigned no_block(const char *what, const void *inside)
{
  struct sa_chunk *chunk = sa_chunk_of(inside);
  size_t           at = sa_granule_of(inside);
  const void      *block = (const char *)inside + chunk->away;
  struct sa_scope *scope = chunk->scope;
  /* a chunk that waits for the next scope has an empty map */
  if (atomic_load_explicit(&scope->state, memory_order_relaxed) == SA_NO_SCOPE)
    sa_misuse(what, block, "its scope was destroyed");
  else if (at < SA_DATA)
    sa_scope_misuse(what, block, scope, "no block starts there");
  else if ((uintptr_t)block % SA_GRANULE == 0 && sa_code_get(chunk, at) >= SA_FREE)
    sa_scope_misuse(what, block, scope, "this block is free already");
  else
    sa_scope_misuse(what, block, scope, "it points inside a block, or to none");
  errno = EINVAL;
  return 0;
}

/* The code of a block that is not large; what is none is misuse, and then 0. */
static inline unsigned
code_of(const char *what, const void *block)
{
  size_t at = sa_granule_of(block);
  if (SA_UNLIKELY(at < SA_DATA || (uintptr_t)block % SA_GRANULE != 0))
    return no_block(what, block);
  unsigned code = sa_code_get(sa_chunk_of(block), at);
  if (SA_UNLIKELY(code - 1 >= SA_CODES)) /* 0, or free */
    return no_block(what, block);
  return code;
}

static size_t
size_of(const char *what, const struct sa_slab *slab, const void *block)
{
  return is_large(slab) ? slab->length : sa_code_size(code_of(what, block));
}

size_t
sa_block_size(const struct sa_slab *slab, const void *block)
{
  return size_of("usable_size", slab, block);
}

/* --- freeing ---------------------------------------------------------------------------------- */

static void
return_from_outside(struct sa_scope *scope, void *block)
{
  void *first = atomic_load_explicit(&scope->returned, memory_order_relaxed);
  atomic_store_explicit(&scope->plain, false, memory_order_relaxed);
  do
    *(void **)block = first;
  while (!atomic_compare_exchange_weak_explicit(&scope->returned, &first, block,
                                                memory_order_release, memory_order_relaxed));
}

/* A thread that frees a block of a scope that is not its top one. */
static SA_ATTRIBUTE(noinline) void free_below(void *block, unsigned code)
{
  struct sa_scope *scope = sa_chunk_of(block)->scope;
  struct sa_arena *arena = sa_arena_mine(scope);
  if (arena)
    sa_arena_push(arena, code, block);
  else
    return_from_outside(scope, block);
}

static inline void
free_in_chunk(const char *what, void *block)
{
  unsigned code = code_of(what, block);
  if (SA_UNLIKELY(code == 0))
    return;
  struct sa_chunk *chunk = sa_chunk_of(block);
  struct sa_arena *arena = sa_thread.here;
  sa_code_set(chunk, sa_granule_of(block), code | SA_FREE);
  if (SA_LIKELY(arena->scope == chunk->scope))
    sa_arena_push(arena, code, block);
  else
    free_below(block, code);
}

void
sa_block_free(void *block)
{
  free_in_chunk("free", block);
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
  if (is_large(slab) && inside == block)
    return sa_lent_keep(slab, block) ? block : NULL;
  size_t size = size_of("keep", slab, inside);
  void  *to = size > 0 ? sa_malloc(size) : NULL; /* else it is no block */
  if (!to)
    return NULL;
  memcpy(to, block, size);
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
