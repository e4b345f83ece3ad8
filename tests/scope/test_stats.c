/* What a scope tells of itself, and what is reported at the end. SPDX-License-Identifier: MIT */
#include "scope_test.h"

#include <unistd.h>

static void
blocks_and_bytes_are_those_that_are_not_freed(void **state)
{
  (void)state;
  sa_scope *scope = sa_scope_create(NULL);
  assert_int_equal(stats_of(scope).blocks, 0);
  assert_int_equal(stats_of(scope).bytes, 0);
  void *small = sa_scope_alloc(scope, 100);
  void *large = sa_scope_alloc(scope, 100000);
  assert_int_equal(stats_of(scope).blocks, 2);
  assert_int_equal(stats_of(scope).bytes, sa_usable_size(small) + 100000);
  sa_free(small);
  assert_int_equal(stats_of(scope).blocks, 1);
  assert_int_equal(stats_of(scope).bytes, 100000);
  sa_free(large);
  assert_int_equal(stats_of(scope).blocks, 0);
  sa_scope_destroy(scope);
}

static void
chunks_are_counted_and_the_peak_stays(void **state)
{
  (void)state;
  sa_scope *scope = sa_scope_create(NULL);
  assert_int_equal(stats_of(scope).chunks, 1);
  for (unsigned i = 0; i < 300; i++)
    assert_non_null(sa_scope_alloc(scope, 1024));
  size_t chunks = stats_of(scope).chunks;
  assert_true(chunks >= 6 && chunks <= 7);
  void *large = sa_scope_alloc(scope, 1000000);
  sa_free(large);
  assert_true(stats_of(scope).held < 1000000);
  assert_true(stats_of(scope).peak >= 1000000 + 300 * 1024);
  sa_scope_destroy(scope);
}

/* A request may come from a client, and be for any size. */
static void
what_was_asked_for_in_vain_is_no_peak(void **state)
{
  (void)state;
  sa_scope *outer = sa_scope_create(&(sa_scope_options){.budget = PTRDIFF_MAX});
  assert_int_equal(sa_scope_enter(outer), 0);
  sa_scope *scope = sa_scope_create(NULL);
  void     *large = sa_scope_alloc(scope, 100000);
  size_t    peak = stats_of(scope).peak;
  assert_null(sa_scope_alloc(scope, (size_t)1 << 60));
  assert_null(sa_realloc(large, (size_t)1 << 60));
  assert_int_equal(stats_of(scope).peak, peak);
  assert_true(stats_of(outer).peak < 1 * MIB);
  sa_scope_destroy(scope);
  sa_scope_destroy(outer);
}

static void
a_small_scope_is_charged_with_little(void **state)
{
  (void)state;
  sa_scope *scope = sa_scope_create(NULL);
  sa_scope *limited = sa_scope_create(&(sa_scope_options){.budget = 1 * MIB});
  assert_non_null(sa_scope_alloc(scope, 100));
  assert_non_null(sa_scope_alloc(limited, 100));
  assert_true(stats_of(scope).held <= 16 * KIB);
  assert_true(stats_of(limited).held <= 4 * KIB);
  sa_scope_destroy(scope);
  sa_scope_destroy(limited);
}

static void
what_is_reserved_is_zero(void **state)
{
  (void)state;
  sa_scope             *scope = sa_scope_create(NULL);
  struct sa_scope_stats stats;
  memset(&stats, 0xff, sizeof stats);
  sa_scope_get_stats(scope, &stats);
  for (unsigned i = 0; i < sizeof stats.reserved / sizeof *stats.reserved; i++)
    assert_int_equal(stats.reserved[i], 0);
  sa_scope_destroy(scope);
}

/* --- STUBALLOC=report=leaks ------------------------------------------------------------------- */

static void
lose_two(void)
{
  sa_scope *lost = sa_scope_create(&(sa_scope_options){.name = "lost"});
  sa_scope *nameless = sa_scope_create(NULL);
  sa_scope *kept = sa_scope_create(&(sa_scope_options){.name = "destroyed"});
  void     *block = sa_scope_alloc(lost, 100);
  (void)nameless, (void)block;
  sa_scope_destroy(kept);
}

static void
exceed(void)
{
  sa_scope *scope = sa_scope_create(&(sa_scope_options){.name = "greedy", .budget = 1000});
  if (sa_scope_alloc(scope, 2000) || sa_scope_alloc(scope, 2000))
    abort();
  sa_scope_destroy(scope);
}

static void
lose_one_with_a_long_name(void)
{
  sa_scope *lost =
    sa_scope_create(&(sa_scope_options){.name = "0123456789012345678901234567890123"});
  (void)lost;
}

static struct child
said_by(const char *what, const char *options)
{
  struct child child = child_rerun(what, options);
  assert_int_equal(child.status, 0);
  return child;
}

static void
each_scope_never_destroyed_is_named_with_the_place_that_created_it(void **state)
{
  (void)state;
  struct child child = said_by("leaks", "report=leaks");
  assert_int_equal(count_lines(child.said), 2);
  const char *line = strstr(child.said, "stuballoc: scope 'lost', created at ");
  assert_non_null(line);
  assert_non_null(strstr(line, is_hardened() ? "was never destroyed: 1 blocks, 100 bytes\n"
                                             : "was never destroyed: 1 blocks, 112 bytes\n"));
  assert_non_null(strstr(child.said, "stuballoc: scope '', created at "));
}

/* Whether there is addr2line, and debug information for it in this program. */
static bool
knows_lines(void)
{
  char command[160], said[256] = "";
  snprintf(command, sizeof command,
           "addr2line -sfpe /proc/%d/exe 0x$(nm /proc/%d/exe | sed -n 's/ T main$//p') 2>&1",
           (int)getpid(), (int)getpid());
  FILE *answer = popen(command, "r");
  if (!answer)
    return false;
  bool has_answered = fgets(said, sizeof said, answer);
  pclose(answer);
  return has_answered && strstr(said, "main at test_stats.c:");
}

static void
the_place_is_a_line_with_debug_information(void **state)
{
  (void)state;
  if (!knows_lines())
    skip();
  struct child child = said_by("leaks", "report=leaks");
  assert_non_null(
    strstr(child.said, "stuballoc: scope 'lost', created at lose_two at test_stats.c:"));
}

static void
the_first_31_bytes_of_a_name_are_copied(void **state)
{
  (void)state;
  struct child child = said_by("long name", "report=leaks");
  assert_non_null(strstr(child.said, "scope '0123456789012345678901234567890', created at "));
}

static void
who_was_refused_for_a_budget_is_named_when_it_ends(void **state)
{
  (void)state;
  struct child child = said_by("budget", "report=leaks");
  assert_int_equal(count_lines(child.said), 1);
  assert_non_null(strstr(child.said, "stuballoc: scope 'greedy', created at "));
  assert_non_null(strstr(child.said, "2 times"));
}

static void
nothing_is_reported_unasked(void **state)
{
  (void)state;
  assert_string_equal(said_by("leaks", "").said, "");
  assert_string_equal(said_by("budget", "").said, "");
  assert_string_equal(said_by("nothing", "report=leaks").said, "");
}

static void
an_unknown_report_is_said(void **state)
{
  (void)state;
  struct child child = said_by("nothing", "report=gossip");
  assert_int_equal(count_lines(child.said), 1);
  assert_non_null(strstr(child.said, "'gossip'"));
}

int
main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(blocks_and_bytes_are_those_that_are_not_freed),
    cmocka_unit_test(chunks_are_counted_and_the_peak_stays),
    cmocka_unit_test(what_was_asked_for_in_vain_is_no_peak),
    cmocka_unit_test(a_small_scope_is_charged_with_little),
    cmocka_unit_test(what_is_reserved_is_zero),
    cmocka_unit_test(each_scope_never_destroyed_is_named_with_the_place_that_created_it),
    cmocka_unit_test(the_place_is_a_line_with_debug_information),
    cmocka_unit_test(the_first_31_bytes_of_a_name_are_copied),
    cmocka_unit_test(who_was_refused_for_a_budget_is_named_when_it_ends),
    cmocka_unit_test(nothing_is_reported_unasked),
    cmocka_unit_test(an_unknown_report_is_said),
  };
  if (argc == 1)
    return cmocka_run_group_tests(tests, NULL, NULL);
  if (strcmp(argv[1], "leaks") == 0)
    lose_two();
  if (strcmp(argv[1], "long name") == 0)
    lose_one_with_a_long_name();
  if (strcmp(argv[1], "budget") == 0)
    exceed();
  return 0;
}
