/*
 * Lets the n-th request for pages fail, for each n in turn until none fails, throughout a program
 * that uses all of the library; once that one request alone, and once all from there on. Whatever
 * fails must say so in its own way, what was there before must be whole, and in the end nothing may
 * be left.
 *
 * The linker puts the functions below in place of the system's (--wrap), in front of the static
 * library. Each run is a process of its own, as the first requests come before main.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/engine.h"
#include "os/os.h"
#include "stuballoc/rpcss.h"

/* --- the requests ----------------------------------------------------------------------------- */

void *__real_sa_os_reserve(size_t length, size_t alignment);
void *__real_sa_os_reserve_zeros(size_t length);
bool  __real_sa_os_commit(void *at, size_t length);
void *__wrap_sa_os_reserve(size_t length, size_t alignment);
void *__wrap_sa_os_reserve_zeros(size_t length);
bool  __wrap_sa_os_commit(void *at, size_t length);

static unsigned long requests, failed;

/* FAULT=n: the n-th; FAULT=n+: all from there on. */
static bool
fails(void)
{
  const char *fault = getenv("FAULT");
  if (!fault)
    return false;
  char         *end;
  unsigned long n = strtoul(fault, &end, 10);
  requests++;
  if (requests != n && !(requests > n && *end == '+'))
    return false;
  failed++;
  errno = ENOMEM;
  return true;
}

void *
__wrap_sa_os_reserve(size_t length, size_t alignment)
{
  return fails() ? NULL : __real_sa_os_reserve(length, alignment);
}

void *
__wrap_sa_os_reserve_zeros(size_t length)
{
  return fails() ? NULL : __real_sa_os_reserve_zeros(length);
}

bool
__wrap_sa_os_commit(void *at, size_t length)
{
  return !fails() && __real_sa_os_commit(at, length);
}

/* --- the program ------------------------------------------------------------------------------ */

static void
must(bool holds, const char *what)
{
  if (holds)
    return;
  fprintf(stderr, "faults: with FAULT=%s: not so: %s\n", getenv("FAULT"), what);
  exit(1);
}

/* A block or a scope; NULL is an answer, too, if it comes with ENOMEM and a request had failed. */
static void *
answer(void *given)
{
  must(given || (errno == ENOMEM && failed > 0),
       "NULL comes with ENOMEM, and from a failed request");
  errno = 0;
  return given;
}

static void *
filled(void *block, size_t size)
{
  if (answer(block))
    memset(block, 0x5a, size);
  return block;
}

static void
check(const void *block, size_t size)
{
  const unsigned char *bytes = block;
  for (size_t i = 0; block && i < size; i++)
    must(bytes[i] == 0x5a, "a block is as it was");
}

static void
drop(void *block, size_t size)
{
  check(block, size);
  sa_free(block);
}

static void
resized(void *block, size_t size, size_t new_size)
{
  if (!block)
    return;
  void *moved = answer(sa_realloc(block, new_size));
  drop(moved ? moved : block, size < new_size ? size : new_size);
}

static void
use_engine(void)
{
  static const size_t sizes[] = {1, 100, 5000, 70000, 3000000, 20000000};
  for (unsigned i = 0; i < 6; i++) {
    drop(filled(sa_malloc(sizes[i]), sizes[i]), sizes[i]);
    sa_free(answer(sa_calloc(3, sizes[i])));
    drop(filled(sa_aligned_alloc(1 << 20, sizes[i]), sizes[i]), sizes[i]);
    resized(filled(sa_malloc(sizes[i]), sizes[i]), sizes[i], 2 * sizes[i]);
    resized(filled(sa_malloc(sizes[i]), sizes[i]), sizes[i], sizes[i] / 4 + 1);
  }
}

static void
use_blocks(sa_scope *scope)
{
  enum { SIZE = 3000, BLOCKS = 100 };
  void *blocks[BLOCKS];
  for (unsigned i = 0; i < BLOCKS; i++)
    blocks[i] = filled(sa_scope_alloc(scope, SIZE), SIZE);
  for (unsigned i = 0; i < BLOCKS; i += 2) {
    drop(blocks[i], SIZE);
    blocks[i] = NULL;
  }
  resized(filled(sa_scope_alloc(scope, 100), 100), 100, SIZE);
  resized(filled(sa_scope_alloc(scope, 100000), 100000), 100000, 9000000);
  void *kept = filled(sa_scope_alloc(scope, SIZE), SIZE);
  void *moved = answer(kept ? sa_scope_keep(kept) : NULL);
  drop(moved ? moved : kept, SIZE);
  kept = filled(sa_scope_alloc(scope, 100000), 100000);
  drop(sa_scope_keep(kept), 100000); /* needs no memory */
  for (unsigned i = 0; i < BLOCKS; i++)
    check(blocks[i], SIZE);
}

static bool
entered(sa_scope *scope)
{
  bool inside = sa_scope_enter(scope) == 0;
  must(inside || (errno == ENOMEM && failed > 0), "enter fails with ENOMEM");
  return inside;
}

static pthread_key_t late_key; /* its destructor comes after the library's */

static void
destroy_late(void *scope)
{
  sa_scope_destroy(scope);
}

static void *
share(void *scope)
{
  pthread_setspecific(late_key, answer(sa_scope_create(NULL)));
  if (entered(scope)) /* and exits inside */
    use_blocks(scope);
  return NULL;
}

static void
use_scopes(void)
{
  sa_scope *outer = answer(sa_scope_create(&(sa_scope_options){.budget = SIZE_MAX / 2}));
  if (!outer)
    return;
  if (entered(outer)) {
    sa_scope *inner = answer(sa_scope_create(NULL));
    if (inner && entered(inner)) {
      if (entered(outer))
        use_blocks(outer);
      use_blocks(inner);
    }
    sa_scope_destroy(inner);
  }
  pthread_t thread;
  pthread_key_create(&late_key, destroy_late);
  if (pthread_create(&thread, NULL, share, outer) == 0)
    pthread_join(thread, NULL);
  struct sa_scope_stats stats;
  sa_scope_get_stats(outer, &stats);
  must(stats.over_budget == 0, "no budget is to blame");
  sa_scope_destroy(outer);
  SA_SCOPED(NULL);
  must(sa_scope_current() || failed > 0, "SA_SCOPED enters");
}

static void
use_package(void)
{
  RPC_STATUS status = RpcSmEnableAllocate();
  must(status == RPC_S_OK || (status == RPC_S_OUT_OF_MEMORY && failed > 0), "a status of Enable");
  if (status != RPC_S_OK)
    return;
  void *block = RpcSmAllocate(100000, &status);
  must(status == (block ? RPC_S_OK : RPC_S_OUT_OF_MEMORY), "a status of Allocate");
  RpcSmFree(block);
  RpcSmDisableAllocate();
}

/* --- what is left ----------------------------------------------------------------------------- */

static size_t
units_in_use(void)
{
  size_t                  units = 0;
  const struct sa_region *region;
  for (unsigned i = 0; (region = sa_region_at(i)); i++)
    for (size_t chunk = 0; chunk < region->chunks_seen; chunk++)
      units += (size_t)__builtin_popcountll(region->used[chunk]);
  return units;
}

static int
run(void)
{
  use_engine();
  use_scopes();
  use_package();
  sa_trim();
  must(!sa_scope_current(), "the thread is in no scope");
  must(units_in_use() == 0, "nothing is left");
  return failed > 0 ? 0 : 2;
}

/* --- one run after the other ------------------------------------------------------------------ */

static int
run_with_fault(const char *program, unsigned long n, const char *and_later)
{
  char fault[32];
  int  status;
  snprintf(fault, sizeof fault, "%lu%s", n, and_later);
  pid_t pid = fork();
  if (pid == 0) {
    setenv("FAULT", fault, 1);
    execl(program, program, (char *)NULL);
    _exit(127);
  }
  if (pid < 0 || waitpid(pid, &status, 0) != pid)
    return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
test(int number, const char *program, const char *and_later, const char *name)
{
  unsigned long n = 1;
  int           status;
  while ((status = run_with_fault(program, n, and_later)) == 0)
    n++;
  bool passed = status == 2 && n > 10; /* 2: no request was the n-th */
  printf("%sok %d - %s (%lu requests)\n", passed ? "" : "not ", number, name, n - 1);
}

int
main(int argc, char **argv)
{
  (void)argc;
  if (getenv("FAULT"))
    return run();
  puts("1..2");
  test(1, argv[0], "", "any one request for pages may fail");
  test(2, argv[0], "+", "any one request may fail, and all that follow");
  return 0;
}
