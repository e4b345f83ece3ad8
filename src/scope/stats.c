/* What a scope holds, counted when it is asked, so that the fast path counts nothing. */
#include <string.h>

#include "scope/scope.h"

/* Codes at a time, since most bytes of a map are 0. */
typedef uint64_t SA_ATTRIBUTE(may_alias) codes;

_Static_assert(SA_MAP % sizeof(codes) == 0, "a map is so many whole ones");

static void
count_codes(struct sa_scope_stats *stats, codes rest)
{
  for (; rest != 0; rest >>= 8) {
    unsigned code = rest & 0xff;
    if (code == 0 || code > SA_CODES) /* or free */
      continue;
    stats->blocks++;
    stats->bytes += sa_code_size(code);
  }
}

/* In a chunk of which no more than `bytes` were carved. */
static void
count_blocks(struct sa_scope_stats *stats, const struct sa_chunk *chunk, size_t bytes)
{
  const codes *map = (const codes *)(const void *)chunk->map;
  const size_t granules = bytes / SA_GRANULE < SA_MAP ? bytes / SA_GRANULE : SA_MAP;
  stats->chunks++;
  for (size_t i = 0; i * sizeof *map < granules; i++)
    count_codes(stats, __atomic_load_n(&map[i], __ATOMIC_RELAXED));
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
  count_blocks(stats, sa_chunk_of(scope), stats->held);
  struct sa_chunk *chunk = atomic_load_explicit(&scope->chunks, memory_order_acquire);
  for (; chunk; chunk = chunk->next)
    count_blocks(stats, chunk, stats->held);
  count_large(stats, scope);
  stats->peak = atomic_load_explicit(&scope->peak, memory_order_relaxed);
  if (stats->peak < stats->held) /* it is being noted just now */
    stats->peak = stats->held;
  stats->over_budget = atomic_load_explicit(&scope->over_budget, memory_order_relaxed);
  stats->unwound = atomic_load_explicit(&scope->unwound, memory_order_relaxed);
}

struct sa_lent_count
sa_chunk_count(const void *copy)
{
  struct sa_scope_stats stats = {0};
  count_blocks(&stats, copy, SA_UNIT);
  return (struct sa_lent_count){stats.blocks, stats.bytes, SA_DATA * SA_GRANULE};
}
