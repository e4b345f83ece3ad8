/* The environment variable STUBALLOC. A child that starts this program anew reads it.
 * SPDX-License-Identifier: MIT */
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stuballoc/stats.h>

#ifdef SA_HARDENED
#define HARDENED_DEFAULT "on"
#else
#define HARDENED_DEFAULT "off"
#endif

static void
start_anew(void *options)
{
  if (options)
    setenv("STUBALLOC", options, 1);
  else
    unsetenv("STUBALLOC");
  execl("/proc/self/exe", "test_options", "allocate", (char *)NULL);
  _Exit(127);
}

static void
says(const char *options, const char *expected)
{
  struct child child = child_run(start_anew, (void *)(uintptr_t)options);
  assert_int_equal(child.status, 0);
  assert_string_equal(child.said, expected);
}

static void
no_options_are_no_news(void **state)
{
  (void)state;
  says(NULL, "");
  says("", "");
}

static void
good_options_are_no_news(void **state)
{
  (void)state;
  says("large_pages=off", "");
}

static void
an_unknown_key_is_named_once(void **state)
{
  (void)state;
  says("foo=1", "stuballoc: unknown option 'foo' in STUBALLOC\n");
}

static void
a_key_without_a_value_is_named_once(void **state)
{
  (void)state;
  says("foo", "stuballoc: unknown option 'foo' in STUBALLOC\n");
}

static void
a_bad_value_is_named_with_the_default(void **state)
{
  (void)state;
  says("large_pages=x", "stuballoc: bad value 'x' for 'large_pages' in STUBALLOC; using off\n");
  says("large_pages=", "stuballoc: bad value '' for 'large_pages' in STUBALLOC; using off\n");
}

/* A bad value of each key that knows only some. */
static void
each_key_tells_its_default(void **state)
{
  (void)state;
  says("publish=2", "stuballoc: bad value '2' for 'publish' in STUBALLOC; using off\n");
  says("hardened=yes",
       "stuballoc: bad value 'yes' for 'hardened' in STUBALLOC; using " HARDENED_DEFAULT "\n");
  says("on_misuse=x", "stuballoc: bad value 'x' for 'on_misuse' in STUBALLOC;"
                      " there are 'abort' and 'report'; using abort\n");
  says("trace=", "stuballoc: bad value '' for 'trace' in STUBALLOC;"
                 " it is a file's name; recording nothing\n");
  says("report=all", "stuballoc: bad value 'all' for 'report' in STUBALLOC;"
                     " there are 'leaks' and 'exit'; using none\n");
  says("signal=KILL", "stuballoc: bad value 'KILL' for 'signal' in STUBALLOC;"
                      " there are 'USR1', 'USR2', 'HUP' and others; using none\n");
}

static void
what_is_named_makes_no_second_line(void **state)
{
  (void)state;
  says("a\nb\x1b[2J", "stuballoc: unknown option 'a?b?[2J' in STUBALLOC\n");
}

static void
a_longer_or_shorter_key_is_another_key(void **state)
{
  (void)state;
  says("large_pages2=on", "stuballoc: unknown option 'large_pages2' in STUBALLOC\n");
  says("large=on", "stuballoc: unknown option 'large' in STUBALLOC\n");
}

static void
each_of_several_is_judged_by_itself(void **state)
{
  (void)state;
  says("large_pages=off,foo=1", "stuballoc: unknown option 'foo' in STUBALLOC\n");
  says("foo=1,large_pages=x",
       "stuballoc: unknown option 'foo' in STUBALLOC\n"
       "stuballoc: bad value 'x' for 'large_pages' in STUBALLOC; using off\n");
}

/* The child's status, where the system refused it explicit large pages. */
enum { REFUSED = 2 };

/* Explicit large pages need the administrator's leave; without it there is one notice, and the
 * program runs on. */
static void
large_pages_that_are_refused_get_one_notice(void **state)
{
  (void)state;
  const char   notice[] = "stuballoc: large_pages=on: the system has no 2 MiB pages to give;"
                          " using transparent ones\n";
  struct child child = child_run(start_anew, (char[]){"large_pages=on"});
  bool         refused = WIFEXITED(child.status) && WEXITSTATUS(child.status) == REFUSED;
  assert_true(refused || child.status == 0);
  assert_string_equal(child.said, refused ? notice : "");
}

static int
allocate(void)
{
  sa_stats stats = {.size = sizeof stats};
  for (size_t size = 1; size <= 16 * MIB; size *= 2) {
    void *block = sa_malloc(size);
    if (!block)
      return 1;
    fill(block, size, 0);
    sa_free(block);
  }
  if (sa_get_stats(&stats) != 0)
    return 1;
  return stats.large_refused > 0 ? REFUSED : 0;
}

int
main(int argc, char **argv)
{
  if (argc == 2 && strcmp(argv[1], "allocate") == 0)
    return allocate();
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(no_options_are_no_news),
    cmocka_unit_test(good_options_are_no_news),
    cmocka_unit_test(an_unknown_key_is_named_once),
    cmocka_unit_test(a_key_without_a_value_is_named_once),
    cmocka_unit_test(a_bad_value_is_named_with_the_default),
    cmocka_unit_test(each_key_tells_its_default),
    cmocka_unit_test(what_is_named_makes_no_second_line),
    cmocka_unit_test(a_longer_or_shorter_key_is_another_key),
    cmocka_unit_test(each_of_several_is_judged_by_itself),
    cmocka_unit_test(large_pages_that_are_refused_get_one_notice),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
