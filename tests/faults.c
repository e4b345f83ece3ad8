/*
 * A program that uses all of the library, while the system fails it: each kind of call in turn, the
 * n-th of it for each n until none fails, once that one alone and once all from there on; and with
 * little address space, little memory, few descriptors. Whatever fails must say so in its own way, what
 * was there before must be whole. Then the system does again what it is asked for: so must the library,
 * and in the end nothing may be left.
 *
 * `faults KIND...` tries these alone, such as mmap or "address space". Each run is a process of its own, as
 * the first calls come before main.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "failing.h"
#include "stuballoc/midl.h"
#include "stuballoc/pages.h"
#include "stuballoc/rpcss.h"
#include "stuballoc/section.h"
#include "stuballoc/stats.h"
#include "units_in_use.h"

/* --- what is right ---------------------------------------------------------------------------- */

static const char *limit; /* instead of a fault: LIMIT=NUMBER says under which one it runs */
static bool        limited;

static void
must(bool holds, const char *what)
{
  if (holds)
    return;
  const char *fault = getenv("FAULT");
  fprintf(stderr, "faults: with %s: not so: %s (%s)\n", fault ? fault : "a limit", what,
          strerror(errno));
  exit(1);
}

/* Whether there is a reason why something fails. */
static bool
may_fail(void)
{
  return limited || failing_failed > 0;
}

static bool
is_fault_in(const char *call)
{
  const char *fault = getenv("FAULT");
  return fault && strncmp(fault, call, strlen(call)) == 0;
}

/* A block or a scope; NULL is an answer, too, if it comes with ENOMEM and there is a reason. */
static void *
answer(void *given)
{
  must(given || (errno == ENOMEM && may_fail()), "NULL comes with ENOMEM, and with a reason");
  errno = 0;
  return given;
}

/* The same for what has more errors: whether it did what it should. */
static bool
done(bool done)
{
  static const int errors[] = {ENOMEM, EMFILE, ENOSPC, EIO};
  bool             known = done;
  for (unsigned i = 0; i < sizeof errors / sizeof *errors; i++)
    known = known || (may_fail() && errno == errors[i]);
  must(known, "a failure comes with an errno that the manual knows, and with a reason");
  errno = 0;
  return done;
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
  must(!block || (bytes[0] == 0x5a && memcmp(bytes, bytes + 1, size - 1) == 0),
       "a block is as it was");
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

/* --- the program ------------------------------------------------------------------------------ */

static void
use_engine(void)
{
  static const size_t sizes[] = {1, 100, 5000, 70000, 300000};
  for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    drop(filled(sa_malloc(sizes[i]), sizes[i]), sizes[i]);
    sa_free(answer(sa_calloc(3, sizes[i])));
    drop(filled(sa_aligned_alloc(1 << 20, sizes[i]), sizes[i]), sizes[i]);
    resized(filled(sa_malloc(sizes[i]), sizes[i]), sizes[i], 2 * sizes[i]);
    resized(filled(sa_malloc(sizes[i]), sizes[i]), sizes[i], sizes[i] / 4 + 1);
  }
  void *in_the_way = filled(sa_malloc(5000000), 1);
  void *moves = filled(sa_malloc(5000000), 100000);
  void *behind = filled(sa_malloc(5000000), 1);
  resized(moves, 100000, 9000000);
  sa_free(behind);
  sa_free(in_the_way);
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
  resized(filled(sa_scope_alloc(scope, 100000), 100000), 100000, 300000);
  void *kept = filled(sa_scope_alloc(scope, SIZE), SIZE);
  void *moved = kept ? answer(sa_scope_keep(kept)) : NULL;
  drop(moved ? moved : kept, SIZE);
  kept = filled(sa_scope_alloc(scope, 100000), 100000);
  moved = kept ? sa_scope_keep(kept) : NULL; /* needs no memory, but for one in a section */
  drop(moved ? moved : kept, 100000);
  for (unsigned i = 0; i < BLOCKS; i++) {
    check(blocks[i], SIZE);
    must(!blocks[i] || sa_usable_size(blocks[i]) >= SIZE, "a block has its size");
  }
}

static bool
entered(sa_scope *scope)
{
  bool inside = sa_scope_enter(scope) == 0;
  must(inside || (errno == ENOMEM && may_fail()), "enter fails with ENOMEM");
  return inside;
}

static pthread_key_t late_key; /* its destructor comes after the library's */
static bool          has_late_key;

static void
destroy_late(void *scope)
{
  sa_scope_destroy(scope);
}

static void *
share(void *scope)
{
  if (has_late_key)
    pthread_setspecific(late_key, answer(sa_scope_create(NULL)));
  drop(filled(sa_scope_alloc(scope, 100), 100), 100); /* from outside */
  if (entered(scope))                                 /* and exits inside */
    use_blocks(scope);
  return NULL;
}

static void
use_threads(sa_scope *scope)
{
  pthread_t thread;
  has_late_key = pthread_key_create(&late_key, destroy_late) == 0;
  if (pthread_create(&thread, NULL, share, scope) == 0)
    pthread_join(thread, NULL);
  if (has_late_key)
    pthread_key_delete(late_key);
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
  use_threads(outer);
  struct sa_scope_stats stats;
  sa_scope_get_stats(outer, &stats);
  must(stats.over_budget == 0, "no budget is to blame");
  sa_scope_destroy(outer);
  SA_SCOPED(NULL);
  must(sa_scope_current() || may_fail(), "SA_SCOPED enters");
}

static void
set_handle(RPC_SS_THREAD_HANDLE to)
{
  RPC_SS_THREAD_HANDLE before = RpcSsGetThreadHandle();
  RPC_STATUS           status = RpcSmSetThreadHandle(to);
  must(status == RPC_S_OK || (status == RPC_S_OUT_OF_MEMORY && may_fail()), "a status of Set");
  must(RpcSsGetThreadHandle() == (status == RPC_S_OK ? to : before),
       "a Set that fails changes nothing");
}

static void *
set_handles(void *environment)
{
  sa_scope *own = answer(sa_scope_create(NULL));
  set_handle(environment);
  set_handle(own);
  set_handle(environment);
  set_handle(NULL);
  sa_scope_destroy(own);
  return NULL;
}

static void
use_package(void)
{
  pthread_t  thread;
  RPC_STATUS status = RpcSmEnableAllocate();
  must(status == RPC_S_OK || (status == RPC_S_OUT_OF_MEMORY && may_fail()), "a status of Enable");
  if (status != RPC_S_OK)
    return;
  void *block = RpcSmAllocate(100000, &status);
  must(status == (block ? RPC_S_OK : RPC_S_OUT_OF_MEMORY), "a status of Allocate");
  RpcSmFree(block);
  midl_user_free(answer(midl_user_allocate(100)));
  if (pthread_create(&thread, NULL, set_handles, RpcSsGetThreadHandle()) == 0)
    pthread_join(thread, NULL);
  RpcSmDisableAllocate();
}

static jmp_buf raised;

static void
raise_it(RPC_STATUS status)
{
  must(status == RPC_S_OUT_OF_MEMORY && may_fail(), "what is raised is that there is no memory");
  longjmp(raised, 1);
}

/* As a program that takes exceptions. What they go past, the last Disable makes up for. */
static void
use_raising_package(void)
{
  if (setjmp(raised) == 0) {
    RPC_CLIENT_ALLOC *allocate;
    RPC_CLIENT_FREE  *release;
    RpcSsEnableAllocate();
    RPC_SS_THREAD_HANDLE handle = RpcSsGetThreadHandle();
    RpcSsFree(RpcSsAllocate(100000));
    RpcSsSetThreadHandle(NULL);
    RpcSsSetThreadHandle(handle);
    RpcSsSwapClientAllocFree(midl_user_allocate, midl_user_free, &allocate, &release);
    RpcSsSetClientAllocFree(allocate, release);
  }
  RpcSsDisableAllocate();
}

static void *
help(void *handle)
{
  RPC_STATUS status = RpcSmSetThreadHandle(handle);
  must(status == RPC_S_OK || (status == RPC_S_OUT_OF_MEMORY && may_fail()), "a status of Set");
  must(RpcSmGetThreadHandle(NULL) == (status == RPC_S_OK ? handle : NULL), "Set is all or nothing");
  if (status == RPC_S_OK)
    RpcSmFree(RpcSmAllocate(100, NULL));
  return NULL; /* inside */
}

static void
use_helper(void)
{
  pthread_t thread;
  if (RpcSmEnableAllocate() != RPC_S_OK)
    return;
  if (pthread_create(&thread, NULL, help, RpcSmGetThreadHandle(NULL)) == 0)
    pthread_join(thread, NULL);
  RpcSmDisableAllocate();
}

/* The thread's own pair, as its stubs use it. */
static void
use_client_pair(void)
{
  RPC_CLIENT_ALLOC *allocate;
  RPC_CLIENT_FREE  *release;
  RPC_STATUS        status =
    RpcSmSwapClientAllocFree(midl_user_allocate, midl_user_free, &allocate, &release);
  must(status == RPC_S_OK && RpcSmSetClientAllocFree(allocate, release) == RPC_S_OK,
       "pairs need no memory");
  must(RpcSmClientFree(answer(allocate(100))) == RPC_S_OK, "a status of ClientFree");
  void *context = NULL;
  must(RpcSmDestroyClientContext(&context) == RPC_X_SS_CONTEXT_MISMATCH, "a context is none");
}

static void
use_pages(void)
{
  size_t length = 4 * sa_pages_large_size();
  char  *at = sa_pages_reserve(length, sa_pages_large_size());
  if (!done(at))
    return;
  if (done(sa_pages_commit(at, length) == 0)) {
    at[0] = 1;
    done(sa_pages_protect(at, length, SA_PAGES_READ) == 0);
    if (done(sa_pages_decommit(at, length) == 0) && done(sa_pages_commit(at, length) == 0))
      must(at[0] == 0, "what was decommitted is 0");
    if (sa_pages_commit_large(at, sa_pages_large_size()) != 0 && errno != ENOTSUP)
      done(false);
  }
  done(sa_pages_release(at, length) == 0);
}

static void
use_view(sa_section *section)
{
  size_t size = (size_t)sa_section_size(section), resident;
  char  *view = sa_section_map(section, NULL, 0, size, SA_VIEW_WRITE);
  if (!done(view))
    return;
  memset(view, 0x5a, size);
  done(sa_view_flush(view, 0) == 0);
  done(sa_view_hint(view, 0, SA_VIEW_LOAD) == 0);
  done(sa_view_resident(view, size, &resident) == 0);
  check(view, size);
  must(sa_section_offset(section, view) == 0 && sa_section_pointer(section, 1) == view + 1
         && sa_section_range(section, 2, size - 2) == view + 2,
       "addresses and offsets belong together");
  /* what the system does not unmap is still a view */
  if (!done(sa_view_unmap(view) == 0) && sa_view_unmap(view) != 0)
    done(false);
}

static void
use_scope_in(sa_section *section)
{
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.section = section});
  if (done(scope)) {
    limited = true; /* it has an end */
    use_blocks(scope);
    limited = limit;
    sa_scope_destroy(scope);
  }
}

static void
close_in_child(sa_section *section)
{
  pid_t child = fork();
  if (child == 0) {
    sa_section_close(section);
    _exit(0);
  }
  if (child > 0)
    waitpid(child, NULL, 0);
}

static char name[64], path[64];

static void
use_name(void)
{
  enum { SIZE = 1 << 19 };
  sa_section *section = sa_section_create(name, SIZE, 0);
  if (!done(section))
    return;
  use_view(section);
  use_scope_in(section);
  close_in_child(section);
  sa_section *opened = sa_section_open(name, SA_SECTION_READ_ONLY);
  done(opened); /* it cannot be gone */
  sa_section_close(opened);
  sa_section_close(section);
}

static void
use_sections(void)
{
  enum { SIZE = 1 << 19 };
  use_name();
  sa_section *section = sa_section_create(NULL, SIZE, 0);
  if (done(section)) {
    use_view(section);
    sa_section *adopted = sa_section_adopt(sa_section_descriptor(section), 0);
    if (done(adopted))
      use_scope_in(adopted);
    sa_section_close(adopted);
    sa_section_close(section);
  }
  section = sa_section_create_file(path, SIZE, SA_SECTION_DURABLE);
  if (done(section))
    use_view(section);
  sa_section_close(section);
  unlink(path);
}

static void
ignore(void *unused, const char *text, size_t length)
{
  (void)unused, (void)text, (void)length;
}

static void
use_figures(void)
{
  sa_stats stats = {.size = sizeof stats};
  done(sa_get_stats(&stats) == 0);
  sa_get_class_stats(NULL, 0);
  sa_get_cache_stats(NULL, 0);
  sa_get_operation_stats(NULL, 0);
  done(sa_write_stats(SA_STATS_JSON, ignore, NULL) == 0);
}

/* The system cannot read there either. */
static bool
is_closed(const void *at)
{
  bool closed = access(at, F_OK) != 0 && errno == EFAULT;
  errno = 0;
  return closed;
}

/* In the hardened mode nobody can touch what nobody uses, whatever became of giving it back. */
static void
use_what_is_closed(void)
{
  void *block = answer(sa_malloc(3000000));
  sa_free(block);
  sa_trim();
  must(!block || !sa_hardened || is_closed(block) || is_fault_in("mprotect"),
       "what is free cannot be touched");
}

static void
use_all(void)
{
  use_what_is_closed();
  use_engine();
  use_scopes();
  use_package();
  use_raising_package();
  use_helper();
  use_client_pair();
  use_pages();
  use_sections();
  use_figures();
  sa_trim();
  must(!sa_scope_current(), "the thread is in no scope");
}

/* --- what is left ----------------------------------------------------------------------------- */

static int
lowest_descriptor(void)
{
  int lowest = dup(0);
  close(lowest);
  return lowest;
}

static void
check_what_is_left(int descriptor)
{
  errno = 0;
  if (!is_fault_in("munmap")) { /* what a scope's end cannot unmap stays a view */
    must(!sa_section_open(name, 0) && errno == ENOENT, "no name is left");
    must(lowest_descriptor() == descriptor, "no descriptor is left");
  }
  /* without a key, nobody sees that a thread ends */
  must(units_in_use() == 0 || is_fault_in("pthread_key_create"), "no unit is left");
}

/* --- limits ----------------------------------------------------------------------------------- */

static const struct limit {
  const char *kind;
  int         resource;
  rlim_t      least, most; /* tried by doubling */
} limits[] = {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* which need more */
  {"address space", RLIMIT_AS, 1 << 23, 1 << 29},
  {"memory", RLIMIT_DATA, 1 << 18, 1 << 26},
#endif
  {"descriptors", RLIMIT_NOFILE, 5, 40},
};

static void
set_limit(const struct limit *kind, rlim_t to)
{
  struct rlimit now;
  getrlimit(kind->resource, &now);
  now.rlim_cur = to < now.rlim_max ? to : now.rlim_max;
  must(setrlimit(kind->resource, &now) == 0, "there are limits");
}

/* --- runs ------------------------------------------------------------------------------------- */

static unsigned failures;

static int
run(void)
{
  int descriptor = lowest_descriptor();
  snprintf(name, sizeof name, "faults-%d", (int)getpid());
  snprintf(path, sizeof path, "faults-%d.bin", (int)getpid());
  limited = limit;
  sa_set_raise_handler(raise_it);
  use_all();
  bool failed = failing_failed > 0;
  failing_end();
  failing_failed = 0;
  if (limit)
    set_limit(&limits[atoi(limit)], RLIM_INFINITY);
  limit = NULL;
  limited = false;
  use_all();
  check_what_is_left(descriptor);
  return failed ? FAILING_FAILED : FAILING_NOTHING_FAILED;
}

static void
test_call(unsigned number, const char *program, const char *call, const char *and_later)
{
  long        made = failing_each(program, call, and_later);
  bool        passed = made > 0 || (made == 0 && sa_hardened);
  const char *skipped = made == 0 ? " # SKIP the hardened mode makes none" : "";
  failures += !passed;
  printf("%sok %u - any one %s of %ld may fail%s%s\n", passed ? "" : "not ", number, call, made,
         *and_later ? ", and all that follow" : "", skipped);
  fflush(stdout);
}

static void
test_limit(unsigned test, const char *program, unsigned which)
{
  bool passed = true;
  for (rlim_t most = limits[which].least; most <= limits[which].most; most *= 2) {
    char  number[16];
    pid_t child = fork();
    snprintf(number, sizeof number, "%u", which);
    if (child == 0) {
      set_limit(&limits[which], most);
      setenv("LIMIT", number, 1);
      execl(program, program, (char *)NULL);
      _exit(127);
    }
    passed = failing_exit_of(child, limits[which].kind) == FAILING_NOTHING_FAILED && passed;
  }
  failures += !passed;
  printf("%sok %u - with little %s, and with more\n", passed ? "" : "not ", test,
         limits[which].kind);
}

/* What make leaves open, with several jobs, would take its part of a few descriptors. */
static void
close_inherited(void)
{
  enum { STANDARD = 3, MOST = 256 };
  for (int descriptor = STANDARD; descriptor < MOST; descriptor++)
    close(descriptor);
}

/* For the runs, beside what it is already. */
static void
set_options(void)
{
  const char *given = getenv("STUBALLOC");
  char        options[100];
  snprintf(options, sizeof options, "publish=on,signal=USR1%s%s", given ? "," : "",
           given ? given : "");
  setenv("STUBALLOC", options, 1);
}

/* Whether it is among those that are named, if any are. */
static bool
is_wanted(const char *kind, char **named)
{
  bool wanted = !*named;
  for (; *named; named++)
    wanted = wanted || strcmp(*named, kind) == 0;
  return wanted;
}

static void
test_all(const char *program, char **named)
{
  unsigned number = 0;
  for (unsigned i = 0; failing_calls[i]; i++)
    if (is_wanted(failing_calls[i], named)) {
      test_call(++number, program, failing_calls[i], "");
      test_call(++number, program, failing_calls[i], "+");
    }
  for (unsigned i = 0; i < sizeof limits / sizeof *limits; i++)
    if (is_wanted(limits[i].kind, named))
      test_limit(++number, program, i);
  printf("1..%u\n", number);
}

int
main(int argc, char **argv)
{
  (void)argc;
  limit = getenv("LIMIT");
  if (limit || getenv("FAULT"))
    return run();
  close_inherited();
  set_options();
  test_all(argv[0], argv + 1);
  return failures > 0;
}
