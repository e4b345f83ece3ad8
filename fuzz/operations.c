/*
 * The engine and scopes as sequences of operations, beside a simple model of what they must be: which
 * blocks there are and what stands in them, which thread is inside which scope. Several threads carry
 * the operations out, each when the input calls it, one after the other; so what went wrong once goes
 * wrong again. (What threads do at the same time, model/ and tests/stress look at.)
 *
 * When an input is over, the threads exit as they are, the main thread destroys and frees the rest, and
 * no unit may be left in use.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>

#include "fuzz.h"

enum { THREADS = 3, BLOCKS = 32, SCOPES = 5, DEPTH = 6 };

struct scope {
  sa_scope *handle;    /* NULL: none here now */
  bool      destroyed; /* it lasts until the last thread is out */
  bool      limited;   /* it, or any that its creator was inside of, has a budget */
};

struct block {
  unsigned char *at; /* NULL: none here now */
  size_t         size;
  unsigned char  mark;  /* what each of its bytes holds */
  struct scope  *scope; /* NULL: the engine's */
};

/* A thread's stack of scopes, as it must be. */
struct thread {
  struct scope *stack[DEPTH];
  unsigned      depth;
  bool          runs;
  pthread_t     pthread;
  sem_t         called;
};

static struct scope  scopes[SCOPES];
static struct block  blocks[BLOCKS];
static struct thread threads[THREADS];
static sem_t         answered;

/* The operation that the thread called is to do, and with what. */
static struct {
  unsigned       what;
  struct block  *block;
  struct scope  *scope;
  size_t         size;
  unsigned char  mark;
  struct thread *thread;
} now;

/* --- blocks ----------------------------------------------------------------------------------- */

static void
check(const struct block *block, size_t size)
{
  if (size > 0)
    must(block->at[0] == block->mark && memcmp(block->at, block->at + 1, size - 1) == 0,
         "a block keeps what was written to it");
}

/* Puts what was allocated into the model, all of it filled. */
static void
put(void *at, struct scope *scope)
{
  struct block *block = now.block;
  size_t        usable = sa_usable_size(at);
  must(usable >= now.size, "a block has the size that was asked for");
  must((uintptr_t)at % (now.size < 16 && !scope ? 8 : 16) == 0, "a block is aligned");
  memset(at, now.mark, usable);
  *block = (struct block){at, usable, now.mark, scope};
}

static void
put_or_fail(void *at, struct scope *scope)
{
  if (at)
    put(at, scope);
  else
    must(errno == ENOMEM && (now.size > PTRDIFF_MAX || (scope && scope->limited)),
         "there is memory");
}

static void
drop(struct block *block)
{
  check(block, block->size);
  sa_free(block->at);
  block->at = NULL;
}

static void
allocate_zeroed(void)
{
  unsigned char *at = sa_calloc(now.size, 1);
  for (size_t i = 0; at && i < now.size; i++)
    must(at[i] == 0, "sa_calloc gives zeros");
  put_or_fail(at, NULL);
}

static void
allocate_aligned(void)
{
  size_t alignment = (size_t)1 << now.mark % 20;
  void  *at = sa_aligned_alloc(alignment, now.size);
  must((uintptr_t)at % alignment == 0, "an aligned block is aligned");
  put_or_fail(at, NULL);
}

static void
resize(void)
{
  struct block *block = now.block;
  size_t        kept = now.size < block->size ? now.size : block->size;
  struct scope *scope = block->scope;
  void         *at = sa_realloc(block->at, now.size);
  if (at)
    block->at = at;
  check(block, at ? kept : block->size);
  put_or_fail(at, scope);
}

static void
keep(void)
{
  struct block *block = now.block;
  block->at = sa_scope_keep(block->at);
  must(block->at, "there is memory to keep a block");
  check(block, block->size);
  block->scope = NULL;
}

/* --- scopes ----------------------------------------------------------------------------------- */

static bool
is_inside(const struct thread *thread, const struct scope *scope)
{
  for (unsigned i = 0; i < thread->depth; i++)
    if (thread->stack[i] == scope)
      return true;
  return false;
}

/* Nobody knows a block any more whose scope is about to end. */
static void
forget_blocks(const struct scope *scope)
{
  for (struct block *block = blocks; block < blocks + BLOCKS; block++)
    if (block->at && block->scope == scope) {
      check(block, block->size);
      block->at = NULL;
    }
}

static void
end_if_over(struct scope *scope)
{
  if (!scope->handle || !scope->destroyed)
    return;
  for (struct thread *thread = threads; thread < threads + THREADS; thread++)
    if (is_inside(thread, scope))
      return;
  forget_blocks(scope);
  scope->handle = NULL;
}

/* The thread's stack will be cut down to `depth`. */
static void
cut_down(struct thread *thread, unsigned depth)
{
  thread->depth = depth;
  for (struct scope *scope = scopes; scope < scopes + SCOPES; scope++)
    end_if_over(scope);
}

static struct scope *
top(const struct thread *thread)
{
  return thread->depth > 0 ? thread->stack[thread->depth - 1] : NULL;
}

static bool
is_limited_inside(const struct thread *thread)
{
  for (size_t i = 0; i < thread->depth; i++)
    if (thread->stack[i]->limited)
      return true;
  return false;
}

static void
create(void)
{
  size_t           budget = now.mark % 2 ? 1 + now.size % 400000 : 0;
  sa_scope_options options = {.name = "fuzz", .budget = budget};
  bool             limited = budget > 0 || is_limited_inside(now.thread);
  *now.scope = (struct scope){sa_scope_create(now.mark == 0 ? NULL : &options), false, limited};
  must(now.scope->handle, "there is memory for a scope");
}

static void
enter(void)
{
  struct thread *thread = now.thread;
  if (thread->depth == DEPTH || (now.scope->destroyed && !is_inside(thread, now.scope)))
    return;
  must(sa_scope_enter(now.scope->handle) == 0, "there is memory to enter a scope");
  thread->stack[thread->depth++] = now.scope;
}

static void
leave(void)
{
  struct thread *thread = now.thread;
  unsigned       depth = thread->depth;
  while (thread->stack[depth - 1] != now.scope)
    depth--;
  sa_scope *handle = now.scope->handle;
  cut_down(thread, depth - 1);
  sa_scope_leave(handle);
}

static void
destroy(void)
{
  struct thread *thread = now.thread;
  sa_scope      *handle = now.scope->handle;
  unsigned       depth = 0;
  while (depth < thread->depth && thread->stack[depth] != now.scope)
    depth++;
  now.scope->destroyed = true;
  cut_down(thread, depth);
  sa_scope_destroy(handle);
}

static void
count(void)
{
  struct sa_scope_stats stats;
  size_t                live = 0;
  for (const struct block *block = blocks; block < blocks + BLOCKS; block++)
    live += block->at && block->scope == now.scope;
  sa_scope_get_stats(now.scope->handle, &stats);
  must(stats.blocks == live && stats.held <= stats.peak, "a scope counts its blocks");
}

/* Whether the thread may use the scope: it was not destroyed, or the thread is inside. */
static bool
may_use(const struct thread *thread, const struct scope *scope)
{
  return scope->handle && (!scope->destroyed || is_inside(thread, scope));
}

/* --- operations ------------------------------------------------------------------------------- */

enum {
  ALLOCATE,
  ALLOCATE_ZEROED,
  ALLOCATE_ALIGNED,
  ALLOCATE_IN_SCOPE,
  FREE,
  RESIZE,
  KEEP,
  ENTER,
  LEAVE,
  DESTROY,
  COUNT,
  TRIM,
  EXIT,
  OPERATIONS
};

static void
use_block(void)
{
  switch (now.what) {
  case FREE:
    drop(now.block);
    break;
  case RESIZE:
    resize();
    break;
  case KEEP:
    keep();
    break;
  default:
    check(now.block, now.block->size);
  }
}

static void
use_no_block(void)
{
  switch (now.what) {
  case ALLOCATE:
    put_or_fail(sa_malloc(now.size), NULL);
    break;
  case ALLOCATE_ZEROED:
    allocate_zeroed();
    break;
  case ALLOCATE_ALIGNED:
    allocate_aligned();
    break;
  case ALLOCATE_IN_SCOPE:
    if (may_use(now.thread, now.scope))
      put_or_fail(sa_scope_alloc(now.scope->handle, now.size), now.scope);
  }
}

static void
use_scope(void)
{
  if (!now.scope->handle) {
    create();
    return;
  }
  switch (now.what) {
  case ENTER:
    enter();
    break;
  case LEAVE:
    if (is_inside(now.thread, now.scope))
      leave();
    break;
  case DESTROY:
    if (!now.scope->destroyed)
      destroy();
    break;
  case COUNT:
    if (may_use(now.thread, now.scope))
      count();
  }
}

static void
operate(void)
{
  if (now.what >= ENTER && now.what <= COUNT)
    use_scope();
  else if (now.what == TRIM)
    sa_trim();
  else if (now.block->at)
    use_block();
  else
    use_no_block();
  struct scope *scope = top(now.thread);
  must(sa_scope_current() == (scope ? scope->handle : NULL), "the current scope is the top one");
}

/* --- threads ---------------------------------------------------------------------------------- */

/* libFuzzer's alarm interrupts it every ten minutes. */
static void
wait_for(sem_t *semaphore)
{
  while (sem_wait(semaphore) != 0)
    ;
}

static void *
serve(void *argument)
{
  struct thread *self = argument;
  for (;;) {
    wait_for(&self->called);
    if (now.what == EXIT)
      return NULL;
    operate();
    sem_post(&answered);
  }
}

/* A thread begins when it is called for the first time. */
static void
call(struct thread *thread)
{
  now.thread = thread;
  if (!thread->runs)
    must(pthread_create(&thread->pthread, NULL, serve, thread) == 0, "there is a thread");
  thread->runs = true;
  if (now.what == EXIT)
    cut_down(thread, 0);
  sem_post(&thread->called);
  if (now.what != EXIT) {
    wait_for(&answered);
    return;
  }
  pthread_join(thread->pthread, NULL);
  thread->runs = false;
}

static void
finish(void)
{
  for (struct thread *thread = threads; thread < threads + THREADS; thread++)
    if (thread->runs) {
      now.what = EXIT;
      call(thread);
    }
  for (struct block *block = blocks; block < blocks + BLOCKS; block++)
    if (block->at && !block->scope)
      drop(block);
  for (struct scope *scope = scopes; scope < scopes + SCOPES; scope++)
    if (scope->handle) {
      forget_blocks(scope);
      sa_scope_destroy(scope->handle);
      scope->handle = NULL;
    }
}

/* --- inputs ----------------------------------------------------------------------------------- */

/* Sizes of all kinds: small ones, some within classes and codes, large ones, impossible ones. */
static size_t
size_of(unsigned kind, unsigned value)
{
  switch (kind % 8) {
  case 0:
    return value % 64;
  case 1:
  case 2:
    return value % 1024;
  case 3:
    return value % 20000;
  case 4:
    return value;
  case 5:
    return (size_t)value * 16;
  case 6:
    return (size_t)value % 64 * 65536 + value / 64;
  default:
    return value % 16 == 0 ? SIZE_MAX - value : value % 256;
  }
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
  (void)argc, (void)argv;
  sem_init(&answered, 0, 0);
  for (struct thread *thread = threads; thread < threads + THREADS; thread++)
    sem_init(&thread->called, 0, 0);
  return 0;
}

/* Five bytes an operation: what, by which thread and of which kind of size; block; scope and mark;
 * the size. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  enum { STEP = 5 };
  for (; size >= STEP; data += STEP, size -= STEP) {
    now.what = data[0] % 16 % OPERATIONS;
    now.block = &blocks[data[1] % BLOCKS];
    now.scope = &scopes[data[2] % SCOPES];
    now.mark = data[2];
    now.size = size_of(data[1] / BLOCKS, data[3] + 256u * data[4]);
    call(&threads[data[0] / 16 % THREADS]);
  }
  finish();
  sa_trim();
  must(units_in_use() == 0, "nothing is left");
  return 0;
}
