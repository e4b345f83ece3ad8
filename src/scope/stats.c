/* What a scope holds, counted when it is asked, so that the fast path counts nothing. */
#include <string.h>

#include "scope/scope.h"

/* Codes at a time, and some of those, since most bytes of a map are 0. */
typedef uint64_t SA_ATTRIBUTE(may_alias) codes;
enum { SOME = 4, SOME_CODES = SOME * sizeof(codes) };

_Static_assert(SA_MAP % SOME_CODES == 0, "a map is so many whole ones");
_Static_assert(SA_FREE == 0x80, "out_of knows those that are free by their highest bit");

static inline codes
codes_at(const codes *at)
{
  return __atomic_load_n(at, __ATOMIC_RELAXED);
}

/* Those of blocks that are out, the first granule's in the lowest byte. */
static inline codes
out_of(codes all)
{
  codes is_free = all >> 7 & 0x0101010101010101;
  all &= ~(is_free * 0xff);
  return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(all) : all;
}

/* Of the granules from `block` on. */
static inline void
count_codes(struct sa_scope_stats *stats, codes out, const char *block)
{
  for (unsigned shift; out != 0; out &= ~((codes)0xff << shift)) {
    shift = (unsigned)__builtin_ctzll(out) & ~7u;
    size_t size = sa_code_size((unsigned)(out >> shift) & 0xff);
    stats->blocks += size > 0;
    stats->bytes +=
      sa_hardened ? sa_hardened_block_size(block + shift / 8 * SA_GRANULE, size) : size;
  }
}

/* Of the granules from `block` on, as many as SOME_CODES. */
static inline void
count_some(struct sa_scope_stats *stats, const codes *at, const char *block)
{
  codes any = codes_at(&at[0]) | codes_at(&at[1]) | codes_at(&at[2]) | codes_at(&at[3]);
  for (size_t i = 0; any != 0 && i < SOME; i++)
    count_codes(stats, out_of(codes_at(&at[i])), block + i * sizeof *at * SA_GRANULE);
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
  for (size_t at = 0; at < granules; at += SOME_CODES)
    count_some(stats, &map[at / sizeof *map], data + at * SA_GRANULE);
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

/* It may be a copy of what is no chunk any more, in which anything may be taken for codes. */
struct sa_lent_count
sa_chunk_count(const void *copy, const void *start)
{
  struct sa_scope_stats stats = {0};
  struct sa_lent_count  count = {.own = SA_DATA * SA_GRANULE};
  count_blocks(&stats, copy, start, SA_UNIT);
  if (stats.bytes <= SA_UNIT - count.own) {
    count.blocks = stats.blocks;
    count.bytes = stats.bytes;
  }
  return count;
}
