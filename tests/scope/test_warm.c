/* What a thread's next scope costs. SPDX-License-Identifier: MIT */
#include "scope_test.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NO_SECCOMP = 2 };

static void
use_a_scope(const sa_scope_options *options)
{
  sa_scope *scope = sa_scope_create(options);
  if (!scope || sa_scope_enter(scope) != 0)
    _exit(1);
  for (unsigned i = 0; i < 100; i++) {
    void *block = sa_scope_alloc(scope, 100);
    if (!block)
      _exit(1);
    if (i % 2 == 0)
      sa_free(block);
  }
  sa_scope_leave(scope);
  sa_scope_destroy(scope);
}

/* From the second scope on, the system kills who makes any call but read, write and this exit. */
static void
make_no_system_call(void *unused)
{
  (void)unused;
  use_a_scope(NULL);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
    _exit(NO_SECCOMP);
  for (unsigned i = 0; i < 1000; i++) {
    use_a_scope(NULL);
    use_a_scope(&(sa_scope_options){.name = "named", .flags = SA_SCOPE_UNWIND});
  }
  syscall(SYS_exit, 0);
}

static void
a_warm_scope_makes_no_system_call(void **state)
{
  (void)state;
  NOT_UNDER_SANITIZERS();
  DEFAULT_MODE_ONLY();
  struct child child = child_run(make_no_system_call, NULL);
  if (WIFEXITED(child.status) && WEXITSTATUS(child.status) == NO_SECCOMP)
    skip();
  assert_int_equal(child.status, 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_warm_scope_makes_no_system_call),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
