/*
 * Threads that end in the middle of things: cancelled in each function that may call the system, killed
 * with their process anywhere in these, and a thousand at once that exit with scopes entered and blocks
 * freed by others. What they had comes back, and no other thread has to wait. SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stuballoc/midl.h>
#include <stuballoc/pages.h>
#include <stuballoc/rpcss.h>
#include <stuballoc/section.h>
#include <stuballoc/stats.h>

#include "part.h"

static unsigned number, failures;

static void
test(bool holds, const char *what)
{
  printf("%sok %u - %s\n", holds ? "" : "not ", ++number, what);
  failures += !holds;
}

static size_t
live_blocks(void)
{
  sa_stats stats = {.size = sizeof stats};
  return sa_get_stats(&stats) == 0 ? stats.live_blocks : SIZE_MAX;
}

/* --- cancelled -------------------------------------------------------------------------------- */

enum { SIZE = 1 << 18 };
static char name[64], path[64];

static void
use_engine(void)
{
  void *block = sa_realloc(sa_malloc(100), 5000000);
  sa_free(sa_calloc(1, 100000));
  sa_free(sa_aligned_alloc(1 << 20, 100));
  sa_free(block);
  sa_trim();
}

static void
use_scopes(void)
{
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.name = "over", .budget = 1});
  if (sa_scope_enter(scope) != 0 || sa_scope_alloc(scope, 1000))
    abort();
  sa_scope_destroy(scope);
  SA_SCOPED(NULL);
  sa_free(sa_scope_keep(sa_scope_alloc(sa_scope_current(), 100)));
}

static void
use_package(void)
{
  RPC_STATUS status = RpcSmEnableAllocate();
  RpcSmFree(RpcSmAllocate(100, &status));
  RpcSmDisableAllocate();
  RpcSsEnableAllocate();
  midl_user_free(midl_user_allocate(100));
  RpcSsFree(RpcSsAllocate(100));
  RpcSsDisableAllocate();
  midl_user_free(midl_user_allocate(100)); /* the engine's */
}

static void
use_handles(void)
{
  RpcSsEnableAllocate();
  RPC_SS_THREAD_HANDLE handle = RpcSsGetThreadHandle();
  RpcSsSetThreadHandle(NULL);
  RpcSsSetThreadHandle(handle);
  if (RpcSmSetThreadHandle(NULL) != RPC_S_OK || RpcSmGetThreadHandle(NULL)
      || RpcSmSetThreadHandle(handle) != RPC_S_OK)
    abort();
  RpcSsDisableAllocate();
}

static void
use_client_pairs(void)
{
  RPC_CLIENT_ALLOC *allocate;
  RPC_CLIENT_FREE  *release;
  RpcSsSwapClientAllocFree(midl_user_allocate, midl_user_free, &allocate, &release);
  RpcSmClientFree(midl_user_allocate(100));
  RpcSsSetClientAllocFree(allocate, release);
}

static void
use_section(sa_section *section)
{
  size_t    resident;
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.section = section});
  char     *view = sa_section_map(section, NULL, 0, SIZE, SA_VIEW_WRITE);
  if (!sa_scope_alloc(scope, 100) || !view || sa_view_flush(view, 0) != 0
      || sa_view_hint(view, 0, SA_VIEW_LOAD) != 0 || sa_view_resident(view, SIZE, &resident) != 0)
    abort();
  sa_scope_destroy(scope);
  sa_view_unmap(view);
  sa_section_close(section);
}

static void
use_name(void)
{
  use_section(sa_section_create(name, SIZE, 0));
}

static void
use_file(void)
{
  use_section(sa_section_create_file(path, SIZE, SA_SECTION_DURABLE));
  unlink(path);
}

static void
use_unnamed(void)
{
  sa_section *section = sa_section_create(NULL, SIZE, 0);
  use_section(sa_section_adopt(sa_section_descriptor(section), 0));
  sa_section_close(section);
}

static void
use_pages(void)
{
  size_t length = sa_pages_large_size();
  void  *at = sa_pages_reserve(length, length);
  if (sa_pages_commit(at, length) != 0 || sa_pages_protect(at, length, SA_PAGES_READ) != 0
      || sa_pages_decommit(at, length) != 0
      || (sa_pages_commit_large(at, length) != 0 && errno != ENOMEM && errno != ENOTSUP))
    abort();
  sa_pages_release(at, length);
}

static void
ignore(void *context, const char *text, size_t length)
{
  (void)context, (void)text, (void)length;
}

static void
count(void)
{
  if (sa_write_stats(SA_STATS_JSON, ignore, NULL) != 0)
    abort();
  sa_get_class_stats(NULL, 0);
  sa_get_cache_stats(NULL, 0);
  sa_get_operation_stats(NULL, 0);
}

static const struct {
  const char *what;
  void (*does)(void);
} uses[] = {
  {"the engine", use_engine},
  {"scopes", use_scopes},
  {"the package", use_package},
  {"the package's handles", use_handles},
  {"the client's functions", use_client_pairs},
  {"a named section", use_name},
  {"a file as a section", use_file},
  {"memory without a name", use_unnamed},
  {"pages", use_pages},
  {"figures", count},
};

static bool went_through; /* the last thread, all of a use */

static void *
use_while_cancelled(void *use)
{
  pthread_cancel(pthread_self());
  uses[(size_t)use].does();
  went_through = true;
  pthread_testcancel();
  return NULL;
}

static void
test_cancellation(size_t use)
{
  char      what[100];
  void     *result;
  pthread_t thread;
  went_through = false;
  pthread_create(&thread, NULL, use_while_cancelled, (void *)use);
  pthread_join(thread, &result);
  snprintf(what, sizeof what, "a thread is cancelled after, not in, what uses %s", uses[use].what);
  test(went_through && result == PTHREAD_CANCELED, what);
  if (went_through)
    uses[use].does(); /* it keeps nobody waiting */
}

/* --- killed ----------------------------------------------------------------------------------- */

enum { KILLS = 200, SHARED = 5000 };

static _Noreturn void
use_all_until_killed(sa_section *section)
{
  alarm(100);
  for (;;) {
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
      uses[i].does();
    sa_scope *scope = sa_scope_create(&(sa_scope_options){.section = section});
    char     *block = scope ? sa_scope_alloc(scope, SHARED) : NULL;
    if (!block)
      abort();
    memset(block, 'k', SHARED);
    sa_scope_destroy(scope);
  }
}

/* A child is killed anywhere in all of that, while this process has a block in the section, too. */
static bool
survives(sa_section *section, uint64_t *random)
{
  int   status;
  pid_t child = fork();
  if (child == 0)
    use_all_until_killed(section);
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.section = section});
  char     *block = scope ? sa_scope_alloc(scope, SHARED) : NULL;
  if (block)
    memset(block, 's', SHARED);
  usleep(below(random, 10000));
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  bool whole = block && block[0] == 's' && memcmp(block, block + 1, SHARED - 1) == 0;
  sa_scope_destroy(scope);
  return whole && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void
test_kills(void)
{
  uint64_t    random = random_of((uint64_t)getpid());
  sa_section *section = sa_section_create(NULL, 1 << 20, 0);
  bool        whole = section;
  for (unsigned i = 0; i < KILLS && whole; i++)
    whole = survives(section, &random);
  sa_section_close(section);
  unlink(path);
  test(whole, "processes are killed anywhere, and what this one shares with them is whole");
}

/* --- a thousand ------------------------------------------------------------------------------- */

enum { THREADS = 1000, BLOCKS = 20 };

static sa_scope         *shared;
static void             *blocks[THREADS][BLOCKS];
static pthread_barrier_t all;

static void *
be_one_of_many(void *argument)
{
  size_t self = (size_t)argument;
  for (size_t i = 0; i < BLOCKS; i++)
    blocks[self][i] = sa_malloc(1 + self * i % 3000);
  if (sa_scope_enter(shared) != 0 || !sa_scope_alloc(shared, 100))
    abort();
  pthread_barrier_wait(&all); /* all are there */
  for (size_t i = 0; i < BLOCKS; i++)
    sa_free(blocks[(self + 1 + i) % THREADS][i]);
  sa_scope *own = sa_scope_create(&(sa_scope_options){.flags = SA_SCOPE_UNWIND});
  if (sa_scope_enter(own) != 0 || !sa_scope_alloc(own, 20000))
    abort();
  return NULL; /* inside both */
}

static bool
start_all(pthread_t *threads)
{
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 128 << 10);
  for (size_t i = 0; i < THREADS; i++)
    if (pthread_create(&threads[i], &small, be_one_of_many, (void *)i) != 0)
      return false;
  return true;
}

static void
test_thousand(void)
{
  static pthread_t threads[THREADS];
  shared = sa_scope_create(NULL);
  pthread_barrier_init(&all, NULL, THREADS);
  bool started = start_all(threads);
  test(started, "there are a thousand threads");
  if (!started)
    exit(1); /* those who wait for the rest would wait for ever */
  for (size_t i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  struct sa_scope_stats stats;
  sa_scope_get_stats(shared, &stats);
  test(stats.blocks == THREADS, "each has allocated in one scope");
  sa_scope_destroy(shared);
  test(live_blocks() == 0, "no block is left of theirs");
}

int
main(void)
{
  enum { USES = sizeof uses / sizeof *uses };
  snprintf(name, sizeof name, "threads-%d", (int)getpid());
  snprintf(path, sizeof path, "threads-%d.bin", (int)getpid());
  alarm(100); /* rather than wait for what a cancelled thread holds */
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("1..%d\n", USES + 5);
  for (size_t i = 0; i < USES; i++)
    test_cancellation(i);
  test_kills();
  sa_section *left = sa_section_open(name, 0);
  test(!left && errno == ENOENT, "no name is left");
  test_thousand();
  return failures > 0;
}
