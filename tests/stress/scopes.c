/*
 * Threads create, enter, share, leave and destroy scopes at random, nested as it comes, and
 * allocate, resize, keep and free in them; some exit inside. Each keeps a simple model of its own
 * stack beside the library's. Each block is filled with what only it may hold, and checked before
 * it is given up.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <stdbool.h>

#include "marked.h"
#include "scopes.h"

enum { SHARED = 6, POOL = 16, DEPTH = 6, OWN = 64 };

/* A scope that any thread may enter and destroy, and some of its blocks that any may take. */
struct shared {
  pthread_mutex_t lock; /* whoever holds it may rely on the scope */
  sa_scope       *scope;
  bool            limited; /* it or one around it has a budget, or is in a section */
  struct head    *pool[POOL];
};

struct entry {
  sa_scope *scope;
  bool      limited;
};

/* A block of a scope that the thread is inside. */
struct own {
  struct head *block;
  sa_scope    *scope;
};

struct thread {
  uint64_t    *random;
  unsigned     depth;
  struct entry stack[DEPTH];
  struct own   own[OWN];
};

static struct shared all[SHARED] = {[0 ... SHARED - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER}};
static sa_section   *section; /* where some of the scopes are; NULL: none */

/* --- blocks ----------------------------------------------------------------------------------- */

static size_t
random_size(struct thread *thread)
{
  unsigned most = below(thread->random, 200) == 0  ? 200000
                  : below(thread->random, 20) == 0 ? 20000
                                                   : 600;
  return sizeof(struct head) + below(thread->random, most);
}

static void
drop(struct head *block)
{
  check(block, block->size);
  sa_free(block);
}

static struct entry *
top(struct thread *thread)
{
  return thread->depth > 0 ? &thread->stack[thread->depth - 1] : NULL;
}

static void
allocate(struct thread *thread, struct own *own)
{
  struct entry *entry = &thread->stack[below(thread->random, thread->depth)];
  size_t        size = random_size(thread);
  struct head  *block = sa_scope_alloc(entry->scope, size);
  if (!block && !entry->limited)
    fail("no memory");
  if (!block)
    return;
  fill(block, size, next_random(thread->random));
  *own = (struct own){block, entry->scope};
}

static void
resize(struct thread *thread, struct own *own)
{
  size_t       size = random_size(thread);
  size_t       kept = size < own->block->size ? size : own->block->size;
  struct head *block = sa_realloc(own->block, size);
  if (!block) {
    check(own->block, own->block->size);
    return;
  }
  check(block, kept);
  fill(block, size, next_random(thread->random));
  own->block = block;
}

static void
keep(struct own *own)
{
  struct head *block = sa_scope_keep(own->block);
  own->block = NULL;
  if (!block)
    fail("no memory");
  drop(block);
}

/* Swaps a block with one of the pool of its scope, if that is still shared. */
static void
swap(struct thread *thread, struct own *own)
{
  struct shared *shared = &all[below(thread->random, SHARED)];
  struct head  **place = &shared->pool[below(thread->random, POOL)];
  pthread_mutex_lock(&shared->lock);
  if (shared->scope == own->scope) {
    struct head *block = *place;
    *place = own->block;
    own->block = block;
  }
  pthread_mutex_unlock(&shared->lock);
}

/* From outside of the scope, as often as not. */
static void
drop_from_pool(struct thread *thread)
{
  struct shared *shared = &all[below(thread->random, SHARED)];
  struct head  **place = &shared->pool[below(thread->random, POOL)];
  pthread_mutex_lock(&shared->lock);
  if (*place)
    drop(*place);
  *place = NULL;
  pthread_mutex_unlock(&shared->lock);
}

static void
use_block(struct thread *thread)
{
  struct own *own = &thread->own[below(thread->random, OWN)];
  if (!own->block) {
    if (thread->depth > 0)
      allocate(thread, own);
    return;
  }
  switch (below(thread->random, 8)) {
  case 0:
    resize(thread, own);
    break;
  case 1:
    keep(own);
    break;
  case 2:
  case 3:
    swap(thread, own);
    break;
  case 4:
    check(own->block, own->block->size);
    break;
  default:
    drop(own->block);
    own->block = NULL;
  }
}

/* --- scopes ----------------------------------------------------------------------------------- */

static bool
is_inside(const struct thread *thread, const sa_scope *scope)
{
  for (unsigned i = 0; i < thread->depth; i++)
    if (thread->stack[i].scope == scope)
      return true;
  return false;
}

/* The thread is about to have only `depth` entries: some blocks of the scopes that it will not be
 * inside any more are freed, the others left to the scope's end. */
static void
cut_down(struct thread *thread, unsigned depth)
{
  thread->depth = depth;
  for (unsigned i = 0; i < OWN; i++) {
    struct own *own = &thread->own[i];
    if (!own->block || is_inside(thread, own->scope))
      continue;
    check(own->block, own->block->size);
    if (below(thread->random, 2))
      sa_free(own->block);
    own->block = NULL;
  }
}

static bool
is_limited_inside(const struct thread *thread)
{
  for (unsigned i = 0; i < thread->depth; i++)
    if (thread->stack[i].limited)
      return true;
  return false;
}

static void
create(struct thread *thread, struct shared *shared)
{
  sa_scope_options options = {.name = "random"};
  if (below(thread->random, 4) == 0)
    options.budget = 1000 + below(thread->random, 300000);
  if (below(thread->random, 4) == 0)
    options.section = section;
  sa_scope *scope = sa_scope_create(&options);
  if (!scope)
    fail("no memory");
  shared->scope = scope;
  shared->limited = options.budget || options.section || is_limited_inside(thread);
  memset(shared->pool, 0, sizeof shared->pool);
}

static void
enter(struct thread *thread)
{
  struct shared *shared = &all[below(thread->random, SHARED)];
  if (thread->depth == DEPTH)
    return;
  pthread_mutex_lock(&shared->lock);
  if (!shared->scope)
    create(thread, shared);
  if (sa_scope_enter(shared->scope) != 0)
    fail("no memory");
  thread->stack[thread->depth++] = (struct entry){shared->scope, shared->limited};
  pthread_mutex_unlock(&shared->lock);
}

static void
leave(struct thread *thread)
{
  if (thread->depth == 0)
    return;
  unsigned at = below(thread->random, 4) ? thread->depth - 1 : below(thread->random, thread->depth);
  sa_scope *scope = thread->stack[at].scope;
  for (unsigned i = at; i < thread->depth; i++)
    if (thread->stack[i].scope == scope)
      at = i; /* the last entry is what a leave ends */
  cut_down(thread, at);
  sa_scope_leave(scope);
}

static void
destroy(struct thread *thread)
{
  struct shared *shared = &all[below(thread->random, SHARED)];
  pthread_mutex_lock(&shared->lock);
  sa_scope *scope = shared->scope;
  shared->scope = NULL;
  memset(shared->pool, 0, sizeof shared->pool);
  pthread_mutex_unlock(&shared->lock);
  if (!scope)
    return;
  unsigned depth = 0;
  while (depth < thread->depth && thread->stack[depth].scope != scope)
    depth++;
  cut_down(thread, depth);
  sa_scope_destroy(scope);
}

static void
count(struct thread *thread)
{
  struct shared        *shared = &all[below(thread->random, SHARED)];
  struct sa_scope_stats stats;
  pthread_mutex_lock(&shared->lock);
  if (shared->scope) {
    sa_scope_get_stats(shared->scope, &stats);
    if (stats.held > stats.peak || stats.chunks == 0)
      fail("the statistics are wrong");
  }
  pthread_mutex_unlock(&shared->lock);
}

static void
step(void *own, uint64_t *random)
{
  struct thread      *thread = own;
  const struct entry *entry = top(thread);
  thread->random = random;
  if (sa_scope_current() != (entry ? entry->scope : NULL))
    fail("the current scope is another one");
  switch (below(thread->random, 100)) {
  case 0:
    destroy(thread);
    break;
  case 1:
    count(thread);
    break;
  case 2:
  case 3:
  case 4:
  case 5:
  case 6:
    enter(thread);
    break;
  case 7:
  case 8:
  case 9:
  case 10:
    leave(thread);
    break;
  case 11:
  case 12:
    drop_from_pool(thread);
    break;
  default:
    use_block(thread);
  }
}

/* Half of the threads exit inside. */
static void
end(void *own, uint64_t *random)
{
  struct thread *thread = own;
  if (below(random, 2))
    while (thread->depth > 0)
      leave(thread);
}

static void
clear(void)
{
  for (unsigned i = 0; i < SHARED; i++) {
    sa_scope_destroy(all[i].scope);
    all[i].scope = NULL;
    memset(all[i].pool, 0, sizeof all[i].pool);
  }
}

void
scopes_use_section(sa_section *place)
{
  section = place;
}

const struct part scopes_part = {"scopes that threads share keep what they hold, and no longer",
                                 sizeof(struct thread), step, end, clear};
