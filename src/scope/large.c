/* Large blocks of a scope: the engine's, lent to it. */
#include <errno.h>

#include "engine/hardened.h"
#include "scope/scope.h"

static size_t
whole_granules(size_t size)
{
  return (size + SA_GRANULE - 1) / SA_GRANULE * SA_GRANULE;
}

/* --- nodes ------------------------------------------------------------------------------------ */

static struct sa_node *
alloc_in_arena(struct sa_arena *arena)
{
  struct sa_node *node = sa_arena_alloc(arena, sa_code_for(sizeof *node));
  if (node) /* it is no block that anybody may free */
    sa_code_set(sa_chunk_of(node), sa_granule_of(node), 0);
  return node;
}

/* Not in a source, where others write. */
static struct sa_node *
alloc_node(struct sa_arena *arena)
{
  struct sa_node *node = arena->scope->source ? sa_malloc(sizeof *node) : alloc_in_arena(arena);
  if (node)
    sa_watch_open(node, sizeof *node);
  return node;
}

static void
free_node_of_source(struct sa_node *node)
{
  sa_watch_close(node, sizeof *node);
  sa_free(node);
}

static struct sa_node *
new_node(struct sa_arena *arena)
{
  struct sa_scope *scope = arena->scope;
  struct sa_node  *node = alloc_node(arena);
  if (!node)
    return NULL;
  node->scope = scope;
  atomic_init(&node->slab, NULL);
  node->others = atomic_load_explicit(&scope->nodes, memory_order_relaxed);
  while (!atomic_compare_exchange_weak_explicit(&scope->nodes, &node->others, node,
                                                memory_order_release, memory_order_relaxed))
    ;
  return node;
}

static struct sa_node *
take_node(struct sa_arena *arena)
{
  if (!arena->idle && atomic_load_explicit(&arena->scope->idle, memory_order_relaxed))
    arena->idle = atomic_exchange_explicit(&arena->scope->idle, NULL, memory_order_acquire);
  struct sa_node *node = arena->idle;
  if (!node)
    return new_node(arena);
  arena->idle = node->idle;
  return node;
}

static void
put_node(struct sa_node *node)
{
  struct sa_scope *scope = node->scope;
  atomic_store_explicit(&node->slab, NULL, memory_order_relaxed);
  node->idle = atomic_load_explicit(&scope->idle, memory_order_relaxed);
  while (!atomic_compare_exchange_weak_explicit(&scope->idle, &node->idle, node,
                                                memory_order_release, memory_order_relaxed))
    ;
}

/* --- lending ---------------------------------------------------------------------------------- */

static void
lend(struct sa_node *node, struct sa_slab *slab)
{
  slab->free = node;
  atomic_store_explicit(&node->slab, slab, memory_order_relaxed);
  atomic_store_explicit(&slab->anchor, (uint64_t)SA_LENT_LARGE << SA_WHAT_SHIFT,
                        memory_order_release);
}

/* A block of a source, and the large block that stands for it, which is returned. */
static void *
alloc_away(struct sa_node *node, size_t size)
{
  struct sa_source *source = node->scope->source;
  size_t            units = (size + SA_UNIT - 1) / SA_UNIT;
  node->away = source->take(source, units);
  void *stand_in = node->away ? sa_large_alloc(1, SA_UNIT, false) : sa_no_memory();
  if (stand_in) {
    sa_slab_of(stand_in)->length = units * SA_UNIT;
    sa_source_set(source, node->away, stand_in);
  } else if (node->away) {
    source->give(source, node->away, units);
  }
  return stand_in;
}

static void
free_away(const struct sa_node *node, const struct sa_slab *slab)
{
  struct sa_source *source = node->scope->source;
  if (!source)
    return;
  sa_source_set(source, node->away, NULL);
  source->give(source, node->away, slab->length / SA_UNIT);
}

/* What its user calls an address in a large block. */
static const void *
said(const struct sa_node *node, const struct sa_slab *slab, const void *block)
{
  size_t offset = (size_t)((const char *)block - sa_units_address(slab));
  return node->scope->source ? (const char *)node->away + offset : block;
}

void
sa_lent_misuse(const char *what, const struct sa_slab *slab, const void *block, const char *reason)
{
  const struct sa_node *node = sa_lent_node(slab);
  const void           *at = said(node, slab, block);
  if (!sa_hardened || node->scope->source) { /* of what stands for it nothing is known */
    sa_scope_misuse(what, at, node->scope, reason);
    return;
  }
  struct sa_said known = sa_block_describe(what, slab, block, reason);
  sa_scope_misuse(what, at, node->scope, known.text);
}

bool
sa_lent_check(const char *what, const struct sa_slab *slab, const void *block)
{
  if (block == sa_units_address(slab))
    return true;
  sa_lent_misuse(what, slab, block, "it points inside a block");
  errno = EINVAL;
  return false;
}

/* Makes it the engine's again; only one thread can. NULL, with errno EINVAL, after misuse. */
static struct sa_node *
take_back(const char *what, struct sa_slab *slab, const void *block)
{
  struct sa_node *node = sa_lent_node(slab);
  uint64_t        lent = (uint64_t)SA_LENT_LARGE << SA_WHAT_SHIFT;
  if (!sa_lent_check(what, slab, block))
    return NULL;
  if (!atomic_compare_exchange_strong_explicit(&slab->anchor, &lent,
                                               (uint64_t)SA_LARGE << SA_WHAT_SHIFT,
                                               memory_order_acq_rel, memory_order_relaxed))
    sa_misuse_fatal(what, block, "another thread is freeing it, too");
  return node;
}

static void
set_charge(struct sa_node *node, size_t charge)
{
  atomic_store_explicit(&node->charged, charge, memory_order_relaxed);
}

/* Gives up the block of a node, for another one that the scope may have. */
static void
give_up(struct sa_node *node)
{
  sa_budget_return(node->scope, sa_lent_charge(node));
  put_node(node);
}

static void *
alloc_bytes(struct sa_node *node, size_t size)
{
  return node->scope->source ? alloc_away(node, size) : sa_large_alloc(size, SA_UNIT, false);
}

void *
sa_lent_alloc(struct sa_arena *arena, size_t size)
{
  struct sa_scope *scope = arena->scope;
  if (size > PTRDIFF_MAX)
    return sa_no_memory();
  struct sa_node *node = take_node(arena);
  if (!node)
    return NULL;
  size_t charge = sa_budget_charge(scope, whole_granules(size), whole_granules(size));
  void  *block = charge ? alloc_bytes(node, size) : sa_no_memory();
  set_charge(node, charge);
  if (!block) {
    if (!charge)
      atomic_fetch_add_explicit(&scope->over_budget, 1, memory_order_relaxed);
    give_up(node);
    return NULL;
  }
  sa_budget_note_peak(scope);
  lend(node, sa_slab_of(block));
  return scope->source ? node->away : block;
}

/* Whether the bytes behind a block are as they were; else that was said, and it is not used again. */
static bool
is_intact(const char *what, const struct sa_slab *slab)
{
  if (!sa_hardened || sa_hardened_large_is_intact(slab))
    return true;
  sa_lent_misuse(what, slab, slab->start, "it was written to past its end");
  return false;
}

bool
sa_lent_keep(struct sa_slab *slab, void *block)
{
  struct sa_node *node = take_back("keep", slab, block);
  if (node)
    give_up(node);
  return node;
}

void
sa_lent_free(struct sa_slab *slab, void *block)
{
  struct sa_node *node = take_back("free", slab, block);
  if (!node)
    return;
  bool intact = is_intact("free", slab);
  free_away(node, slab);
  give_up(node);
  if (intact)
    sa_large_free(slab, block);
}

/* Changes what is charged to what a new size needs. */
static bool
charge_anew(struct sa_node *node, size_t charge)
{
  size_t old = sa_lent_charge(node);
  if (charge > old && sa_budget_charge(node->scope, charge - old, charge - old) == 0)
    return false;
  if (charge < old)
    sa_budget_return(node->scope, old - charge);
  set_charge(node, charge);
  return true;
}

void *
sa_lent_resize(struct sa_slab *slab, void *block, size_t size)
{
  if (sa_lent_node(slab)->scope->source)
    return NULL;
  struct sa_node *node = take_back("realloc", slab, block);
  size_t          old = sa_lent_charge(node);
  void           *resized = NULL;
  if (charge_anew(node, whole_granules(size))) {
    resized = sa_large_resize(slab, block, size);
    if (resized)
      sa_budget_note_peak(node->scope);
    else
      charge_anew(node, old);
  }
  lend(node, resized ? sa_slab_of(resized) : slab);
  return resized;
}

/* Returns what was charged for it. */
static size_t
free_block_of(struct sa_node *node)
{
  struct sa_slab *slab = atomic_load_explicit(&node->slab, memory_order_relaxed);
  if (!slab)
    return 0;
  take_back("destroy", slab, slab->start);
  sa_watch_back(slab->start);
  free_away(node, slab);
  if (is_intact("sa_scope_destroy", slab))
    sa_large_free(slab, slab->start);
  return sa_lent_charge(node);
}

size_t
sa_lent_free_all(struct sa_scope *scope)
{
  size_t          charged = 0;
  struct sa_node *next;
  struct sa_node *node = atomic_load_explicit(&scope->nodes, memory_order_acquire);
  for (; node; node = next) {
    next = node->others;
    charged += free_block_of(node);
    if (scope->source)
      free_node_of_source(node);
  }
  return charged;
}

/* Whether a block is its node's, not half way from or to it. */
static bool
is_lent_by(const struct sa_node *node, const struct sa_slab *slab)
{
  return sa_slab_what(slab) == SA_LENT_LARGE && sa_lent_node(slab) == node;
}

void
sa_lent_forget(struct sa_scope *scope)
{
  struct sa_node *node = atomic_load_explicit(&scope->nodes, memory_order_acquire);
  for (; node; node = node->others) {
    const struct sa_slab *slab = atomic_load_explicit(&node->slab, memory_order_relaxed);
    if (slab && !is_lent_by(node, slab))
      atomic_store_explicit(&node->slab, NULL, memory_order_relaxed);
  }
}
