/* What a scope holds, counted when it is asked, so that the fast path counts nothing. */
#include <string.h>

#include "scope/scope.h"

/* Codes at a time, since most bytes of a map are 0. */
typedef uint64_t SA_ATTRIBUTE(may_alias) codes;

_Static_assert(SA_MAP % sizeof(codes) == 0, "a map is so many whole ones");

/* Of the granules from `block` on. */
static void
count_codes(struct sa_scope_stats *stats, codes all, const char *block)
{
  uint8_t each[sizeof all];
  memcpy(each, &all, sizeof all);
  for (size_t i = 0; i < sizeof all; i++) {
    unsigned code = each[i];
    if (code == 0 || code > SA_CODES) /* or free */
      continue;
    size_t size = sa_code_size(code);
    stats->blocks++;
    stats->bytes += sa_hardened ? sa_hardened_block_size(block + i * SA_GRANULE, size) : size;
  }
}

/* In a chunk of which no more than `bytes` were carved; it is a copy of what is at `start`. */
static void
count_blocks(struct sa_scope_stats *stats, const struct sa_chunk *chunk, const char *start,
             size_t bytes)
{
  const char  *data = start + SA_DATA * SA_GRANULE;
  const codes *map = (const codes *)(const void *)chunk->map;
  const size_t granules = bytes / SA_GRANULE < SA_MAP ? bytes / SA_GRANULE : SA_MAP;
  stats->chunks++;
  for (size_t i = 0; i * sizeof *map < granules; i++) {
    codes all = __atomic_load_n(&map[i], __ATOMIC_RELAXED);
    if (all != 0)
      count_codes(stats, all, data + i * sizeof *map * SA_GRANULE);
  }
}

static void
count_large(struct sa_scope_stats *stats, struct sa_scope *scope)
{
  struct sa_node *node = atomic_load_explicit(&scope->nodes, memory_order_acquire);
  for (; node; node = node->others)
    if (atomic_load_explicit(&node->slab, memory_order_relaxed)) {
      stats->blocks++;
      stats->bytes += sa_lent_charge(node);
    }
}

void
sa_scope_get_stats(struct sa_scope *scope, struct sa_scope_stats *stats)
{
  memset(stats, 0, sizeof *stats);
  if (sa_scope_check("sa_scope_get_stats", scope) == SA_NO_SCOPE)
    return;
  stats->held = atomic_load_explicit(&scope->held, memory_order_relaxed);
  const struct sa_chunk *first = sa_chunk_of(scope);
  count_blocks(stats, first, (const char *)first, stats->held);
  struct sa_chunk *chunk = atomic_load_explicit(&scope->chunks, memory_order_acquire);
  for (; chunk; chunk = chunk->next)
    count_blocks(stats, chunk, (const char *)chunk, stats->held);
  count_large(stats, scope);
  stats->peak = atomic_load_explicit(&scope->peak, memory_order_relaxed);
  if (stats->peak < stats->held) /* it is being noted just now */
    stats->peak = stats->held;
  stats->over_budget = atomic_load_explicit(&scope->over_budget, memory_order_relaxed);
  stats->unwound = atomic_load_explicit(&scope->unwound, memory_order_relaxed);
}

struct sa_lent_count
sa_chunk_count(const void *copy, const void *start)
{
  struct sa_scope_stats stats = {0};
  count_blocks(&stats, copy, start, SA_UNIT);
  return (struct sa_lent_count){stats.blocks, stats.bytes, SA_DATA * SA_GRANULE};
}
