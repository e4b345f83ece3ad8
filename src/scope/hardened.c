/*
 * What is different about scopes in the hardened mode (engine/hardened.h).
 *
 * A block's entry says in its upper half how many bytes were asked for, and 1; behind them stands the
 * canary. The scope's end looks at those of all blocks that are still out. It then fills what the scope
 * used with the secret, and the chunks wait in their thread's `waiting`, until as many others have come;
 * then what was filled must be as it was. Nothing is quick, so all blocks come through here, and no
 * scope is `plain`. What lies in a section has none of this, for others write there, too.
 */
#include <stdio.h>

#include "engine/hardened.h"
#include "os/os.h"
#include "scope/scope.h"

/* --- blocks ----------------------------------------------------------------------------------- */

void *
sa_hardened_block(struct sa_arena *arena, size_t size)
{
  bool  is_large = size > SA_BLOCK_MAX - SA_CANARY;
  void *block =
    is_large ? sa_lent_alloc(arena, size) : sa_arena_alloc(arena, sa_code_for(size + SA_CANARY));
  arena->quick = NULL;
  if (block && !is_large && !arena->scope->source)
    sa_hardened_lend(block, size);
  return block;
}

/* Whether the bytes behind a block are as they were; else that is said. */
static bool
is_intact(const char *what, const void *block, size_t size)
{
  char text[96];
  if (sa_hardened_is_intact(block, size))
    return true;
  snprintf(text, sizeof text, "it was written to past its end, %zu bytes", size);
  sa_scope_misuse(what, block, sa_chunk_of(block)->scope, text);
  return false;
}

void
sa_hardened_block_free(void *block)
{
  size_t size;
  if (sa_hardened_lent(block, &size)) {
    if (!is_intact("free", block, size))
      return;
    sa_hardened_take_back(block, size);
  }
  sa_block_free(block);
}

size_t
sa_hardened_block_size(const struct sa_slab *slab, const void *block)
{
  size_t room = sa_block_size(slab, block);
  size_t size;
  return room > 0 && sa_hardened_lent(block, &size) ? size : room;
}

/* --- chunks ----------------------------------------------------------------------------------- */

static void
check_blocks(struct sa_chunk *chunk, size_t end)
{
  size_t at = SA_DATA;
  while (at < end) {
    void    *block = sa_granule_at(chunk, at);
    unsigned code = sa_code_get(chunk, at) & (SA_FREE - 1);
    size_t   size;
    if (sa_hardened_lent(block, &size))
      (void)is_intact("sa_scope_destroy", block, size);
    at += code >= 1 && code <= SA_CODES ? sa_code_granules(code) : 1;
  }
}

static struct sa_chunk *
done_waiting(struct sa_chunk *chunk)
{
  if (!chunk)
    return NULL;
  const void *changed =
    sa_hardened_changed(sa_granule_at(chunk, SA_DATA), sa_granule_at(chunk, chunk->carved));
  if (changed)
    sa_misuse("sa_scope_create", changed, "it was written to after its scope was destroyed");
  chunk->keeper = 0;
  return chunk;
}

struct sa_chunk *
sa_chunk_wait(struct sa_chunk *chunk, size_t end)
{
  check_blocks(chunk, end);
  sa_chunk_clear_map(chunk, end);
  sa_hardened_fill(sa_granule_at(chunk, SA_DATA), sa_granule_at(chunk, end));
  chunk->carved = end;
  if (!sa_thread.watched)
    return chunk; /* nobody would see to it that it does not wait for ever */
  struct sa_chunk **place = &sa_thread.waiting[sa_thread.waited++ % SA_WAITING];
  struct sa_chunk  *other = *place;
  *place = chunk;
  chunk->keeper = sa_thread.id;
  return done_waiting(other);
}

struct sa_chunk *
sa_chunk_waiting(unsigned place)
{
  struct sa_chunk *chunk = sa_thread.waiting[place];
  sa_thread.waiting[place] = NULL;
  return done_waiting(chunk);
}

void
sa_chunk_guard(struct sa_chunk *chunk)
{
  if (sa_guard() > 0)
    (void)sa_os_protect((char *)chunk + SA_UNIT - sa_guard(), sa_guard(), SA_OS_NONE);
}
