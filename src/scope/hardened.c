/*
 * What is different about scopes in the hardened mode (engine/hardened.h).
 *
 * A block's entry says how many bytes were asked for; behind them stands the canary. A free block's
 * entry is SA_LENT_FREE as long as it is in a list: then it is filled with the poison, but for its first
 * two words, which are the list's, and its link is encoded. The scope's end looks at the canaries of all
 * blocks that are still out. It then fills what the scope used with the poison, and its chunks wait in
 * their thread's queue until as many others have come; then what was filled must be as it was. No size is
 * quick, so that all blocks come through here; no scope is `plain`, and no chunk is kept warm. What lies
 * in a section has none of this but the links, for others write there, too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/hardened.h"
#include "os/os.h"
#include "scope/scope.h"

/* --- what is said ------------------------------------------------------------------------------ */

static bool
is_marked(const void *block)
{
  uint32_t said = (uintptr_t)block % SA_GRANULE == 0 ? sa_lent_get(block) : 0;
  return said != 0 && said != SA_LENT_FREE;
}

/* The granule of the block that another one lies in; 0: none. */
static size_t
granule_around(const struct sa_chunk *chunk, size_t at)
{
  for (size_t from = at; from >= SA_DATA; from--) {
    unsigned code = sa_code_get(chunk, from) & (SA_FREE - 1);
    if (code - 1 < SA_CODES)
      return from + sa_code_granules(code) > at ? from : 0;
  }
  return 0;
}

void
sa_scope_block_misuse(const char *what, const void *inside, const char *reason)
{
  struct sa_chunk *chunk = sa_chunk_of(inside);
  size_t           from = sa_hardened ? granule_around(chunk, sa_granule_of(inside)) : 0;
  const void      *block = sa_granule_at(chunk, from);
  char             text[160], freed[32] = "";
  if (from != 0 && is_marked(block) && strcmp(what, "free") == 0)
    snprintf(freed, sizeof freed, ", freed by thread %u", sa_hardened_thread());
  if (from != 0 && is_marked(block))
    snprintf(text, sizeof text, "%s: %zu bytes%s", reason, sa_lent_size(block), freed);
  else if (from != 0)
    snprintf(text, sizeof text, "%s: in a place of %zu bytes", reason,
             sa_code_size(sa_code_get(chunk, from) & (SA_FREE - 1)));
  sa_scope_misuse(what, (const char *)inside + chunk->away, chunk->scope,
                  from != 0 ? text : reason);
}

/* --- links ------------------------------------------------------------------------------------- */

enum {
  LINKS = 16,
  MOST_POISON = 256
}; /* bytes of a free block that lists use, and that are filled */

static size_t
poisoned(unsigned code)
{
  size_t size = sa_code_size(code);
  return (size < MOST_POISON ? size : MOST_POISON) - LINKS;
}

void *
sa_link_encode(const void *block, const void *next)
{
  return (void *)((uintptr_t)next ^ (uintptr_t)sa_secret_for(block));
}

static bool
is_free_block(const void *block)
{
  const struct sa_slab *slab = sa_slab_of(block);
  return slab && sa_slab_what(slab) == SA_LENT && (uintptr_t)block % SA_GRANULE == 0
         && sa_granule_of(block) >= SA_DATA
         && sa_code_get(sa_chunk_of(block), sa_granule_of(block)) >= SA_FREE;
}

void *
sa_link_follow(const void *block)
{
  void *next = sa_link_encode(block, *(void *const *)block);
  if (!next || is_free_block(next))
    return next;
  sa_scope_block_misuse("sa_scope_alloc", block,
                        "it was written to after it was freed, and its link is gone");
  abort(); /* with the rest of the list */
}

void *
sa_link_decode(const void *block, unsigned code)
{
  void       *next = sa_link_follow(block);
  const void *changed = NULL;
  if (sa_lent_get(block) == SA_LENT_FREE)
    changed = sa_poison_changed((const char *)block + LINKS, poisoned(code));
  if (changed)
    sa_scope_block_misuse("sa_scope_alloc", block, "it was written to after it was freed");
  sa_lent_set(block, 0);
  return next;
}

/* --- blocks ------------------------------------------------------------------------------------ */

void *
sa_hardened_block(struct sa_arena *arena, size_t size)
{
  if (size > SA_BLOCK_MAX - SA_CANARY)
    return sa_lent_alloc(arena, size);
  unsigned code = sa_code_for(size + SA_CANARY);
  void    *block;
  if (!sa_arena_cut(arena, code, &block))
    block = sa_arena_alloc(arena, code);
  if (block && !arena->scope->source)
    sa_lent_mark(block, size == 0 ? 1 : size);
  return block;
}

static void
say_damaged(const char *what, const void *block)
{
  sa_scope_block_misuse(what, block, "it was written to past its end");
}

void
sa_hardened_block_free(void *block)
{
  enum sa_lent_state state = SA_LENT_UNMARKED;
  if (is_marked(block))
    state = sa_lent_unmark(block, SA_LENT_FREE);
  if (state == SA_LENT_DAMAGED) {
    say_damaged("free", block);
    return;
  }
  if (state == SA_LENT_INTACT)
    sa_poison_fill(block, LINKS + poisoned(sa_code_get(sa_chunk_of(block), sa_granule_of(block))));
  sa_block_free_encoded(block);
}

size_t
sa_hardened_block_size(const void *block, size_t room)
{
  return is_marked(block) ? sa_lent_size(block) : room;
}

/* --- chunks ------------------------------------------------------------------------------------ */

/* Of all blocks that were ever there. */
static void
check_blocks(struct sa_chunk *chunk, size_t end)
{
  size_t at = SA_DATA;
  while (at < end) {
    void    *block = sa_granule_at(chunk, at);
    unsigned code = sa_code_get(chunk, at) & (SA_FREE - 1);
    if (code < 1 || code > SA_CODES) {
      at++;
      continue;
    }
    if (sa_lent_unmark(block, 0) == SA_LENT_DAMAGED) {
      say_damaged("sa_scope_destroy", block);
      sa_lent_set(block, 0);
    }
    at += sa_code_granules(code);
  }
}

static struct sa_chunk *
done_waiting(struct sa_chunk *chunk)
{
  size_t      length = (chunk->carved - SA_DATA) * SA_GRANULE;
  const void *changed = sa_poison_changed(sa_granule_at(chunk, SA_DATA), length);
  if (changed)
    sa_scope_misuse("sa_scope_create", changed, chunk->scope,
                    "it was written to after its scope was destroyed");
  chunk->keeper = 0;
  return chunk;
}

static struct sa_chunk *
next_waiting(void)
{
  return done_waiting(sa_thread.waiting[sa_thread.waiting_first++ % SA_WAITING_MOST]);
}

static unsigned
waiting_count(void)
{
  return sa_thread.waiting_end - sa_thread.waiting_first;
}

struct sa_chunk *
sa_chunk_wait(struct sa_chunk *chunk, size_t end)
{
  struct sa_chunk *other = NULL;
  if (end > sa_chunk_end())
    end = sa_chunk_end();
  check_blocks(chunk, end);
  sa_chunk_clear_map(chunk, end);
  sa_poison_fill(sa_granule_at(chunk, SA_DATA), (end - SA_DATA) * SA_GRANULE);
  if (!sa_thread.watched)
    return chunk; /* nobody would see to it that it does not wait for ever */
  if (waiting_count() == SA_WAITING_MOST)
    other = next_waiting();
  chunk->carved = end;
  chunk->keeper = sa_thread.id;
  sa_thread.waiting[sa_thread.waiting_end++ % SA_WAITING_MOST] = chunk;
  return other;
}

struct sa_chunk *
sa_chunk_waited(unsigned least)
{
  return waiting_count() > least ? next_waiting() : NULL;
}

size_t
sa_chunk_end(void)
{
  return SA_UNIT_GRANULES - sa_guard_length() / SA_GRANULE;
}

void
sa_chunk_guard(struct sa_slab *slab, struct sa_chunk *chunk)
{
  sa_guard_set(slab, (char *)sa_granule_at(chunk, sa_chunk_end()), 1);
}
