/*
 * traced threads|scopes|fork|exit|long: allocates and frees what a trace is to tell, and prints what it
 * did in words of stuballoc-replay --json.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stuballoc.h>

enum { THREADS = 4, BLOCKS = 500, ROUNDS = 20 };

static void             *blocks[THREADS][BLOCKS];
static pthread_barrier_t barrier;

/* What may be counted as one of the program's. */
static void
check(const void *block)
{
  if (!block)
    abort();
}

/* Each round, each thread allocates, and frees what its neighbour has allocated, and their addresses
 * are used again by others. */
static void *
exchange(void *argument)
{
  size_t own = (size_t)(uintptr_t)argument, other = (own + 1) % THREADS;
  for (int round = 0; round < ROUNDS; round++) {
    for (size_t i = 0; i < BLOCKS; i++)
      check(blocks[own][i] = sa_malloc((i * 37 + own) % 3000));
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < BLOCKS; i++)
      sa_free(blocks[other][i]);
    pthread_barrier_wait(&barrier);
  }
  return NULL;
}

static void
threads(void)
{
  pthread_t others[THREADS];
  pthread_barrier_init(&barrier, NULL, THREADS);
  for (size_t i = 0; i < THREADS; i++)
    if (pthread_create(&others[i], NULL, exchange, (void *)i) != 0)
      abort();
  for (size_t i = 0; i < THREADS; i++)
    pthread_join(others[i], NULL);
  printf("allocs %d frees %d cross %d threads %d left 0 peak_blocks %d\n",
         THREADS * BLOCKS * ROUNDS, THREADS * BLOCKS * ROUNDS, THREADS * BLOCKS * ROUNDS, THREADS,
         THREADS * BLOCKS);
}

static void
in_scope(int round)
{
  const sa_scope_options options = {.name = "named", .budget = 1 << 20};
  sa_scope              *scope = sa_scope_create(round % 2 ? &options : NULL);
  if (!scope || sa_scope_enter(scope) != 0)
    abort();
  void *last = NULL;
  for (size_t i = 0; i < 100; i++)
    check(last = sa_scope_alloc(scope, i * 20));
  check(last = sa_realloc(last, 4000));
  sa_free(last);
  check(sa_scope_alloc(scope, 100000));
  void *kept = sa_scope_keep(sa_scope_alloc(scope, 300));
  check(kept);
  sa_free(kept);
  sa_scope_leave(scope);
  sa_scope_destroy(scope);
}

static void
scopes(void)
{
  for (int round = 0; round < ROUNDS; round++)
    in_scope(round);
  check(sa_calloc(10, 10));
  check(sa_aligned_alloc(4096, 10));
  printf("allocs %d frees %d reallocs %d kept %d scopes %d zeroed 1 aligned 1 left 2\n",
         ROUNDS * 102 + 2, ROUNDS * 2, ROUNDS, ROUNDS, ROUNDS);
}

/* The child has blocks of its parent's, and its own. */
static void
fork_child(void)
{
  for (size_t i = 0; i < BLOCKS; i++)
    check(blocks[0][i] = sa_malloc(100));
  fflush(stdout);
  pid_t child = fork();
  if (child != 0) {
    waitpid(child, NULL, 0);
    printf("allocs %d frees 0 left %d process %ld\n", BLOCKS, BLOCKS, (long)getpid());
    return;
  }
  for (size_t i = 0; i < BLOCKS; i++)
    sa_free(blocks[0][i]);
  for (size_t i = 0; i < BLOCKS / 2; i++)
    check(sa_malloc(200));
}

static void *
one_block(void *unused)
{
  (void)unused;
  return sa_malloc(50);
}

static void
exits(void)
{
  for (int i = 0; i < 100; i++) {
    pthread_t thread;
    void     *block;
    if (pthread_create(&thread, NULL, one_block, NULL) != 0)
      abort();
    pthread_join(thread, &block);
    sa_free(block);
  }
  puts("allocs 100 frees 100 cross 100 threads 101 left 0 peak_blocks 1 peak_live 50");
}

/* More than a buffer holds. */
static void
run_long(void)
{
  for (int i = 0; i < 200000; i++)
    sa_free(sa_malloc((size_t)i % 300));
  puts("allocs 200000 frees 200000 left 0 peak_live 299 peak_blocks 1");
}

int
main(int argc, char **argv)
{
  const struct {
    const char *name;
    void (*run)(void);
  } ways[] = {{"threads", threads},
              {"scopes", scopes},
              {"fork", fork_child},
              {"exit", exits},
              {"long", run_long}};
  for (size_t i = 0; argc == 2 && i < sizeof ways / sizeof *ways; i++)
    if (strcmp(argv[1], ways[i].name) == 0) {
      ways[i].run();
      return 0;
    }
  return 2;
}
