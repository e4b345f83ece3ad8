/*
 * As much of cmocka as our tests use, for hosts that it is not packaged for. A program writes TAP to
 * stdout, and exits with the number of failed tests.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CMOCKA_H
#define CMOCKA_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct CMUnitTest {
  const char *name;
  void (*test)(void **state);
  int (*setup)(void **state);
  int (*teardown)(void **state);
};

#define cmocka_unit_test(test) cmocka_unit_test_setup_teardown(test, NULL, NULL)
#define cmocka_unit_test_setup_teardown(test, setup, teardown)                                     \
  ((struct CMUnitTest){#test, test, setup, teardown})

enum { CMOCKA_PASSED, CMOCKA_FAILED, CMOCKA_SKIPPED };

/* How a test is left early; in the thread that runs the tests only, as with cmocka itself. */
extern jmp_buf cmocka_leave;

/* The test that runs, and how many children it has asked for: see child.c. */
extern const char *cmocka_current;
extern unsigned    cmocka_children;

/* In a child only the test that has asked for it is run, and no assertion counts: the parent has made it,
 * and knows what became of the children before this one. */
bool cmocka_is_child(void);
bool cmocka_runs(const char *test);

_Noreturn static inline void
cmocka_fail(const char *file, int line, const char *what)
{
  fprintf(stderr, "%s:%d: %s\n", file, line, what);
  longjmp(cmocka_leave, CMOCKA_FAILED);
}

#define CMOCKA_ASSERT(holds, what)                                                                 \
  ((holds) || cmocka_is_child() ? (void)0 : cmocka_fail(__FILE__, __LINE__, what))

#define skip() longjmp(cmocka_leave, CMOCKA_SKIPPED)
#define print_error(...) ((void)(cmocka_is_child() ? 0 : fprintf(stderr, __VA_ARGS__)))
#define fail() CMOCKA_ASSERT(false, "fail")
#define assert_true(x) CMOCKA_ASSERT(x, #x)
#define assert_false(x) CMOCKA_ASSERT(!(x), "not " #x)
#define assert_null(x) CMOCKA_ASSERT(!(x), #x " is null")
#define assert_non_null(x) CMOCKA_ASSERT(x, #x " is not null")
#define assert_int_equal(a, b)                                                                     \
  CMOCKA_ASSERT((uintmax_t)(a) == (uintmax_t)(b), #a " is equal to " #b)
#define assert_ptr_equal(a, b)                                                                     \
  CMOCKA_ASSERT((const void *)(a) == (const void *)(b), #a " is equal to " #b)
#define assert_ptr_not_equal(a, b)                                                                 \
  CMOCKA_ASSERT((const void *)(a) != (const void *)(b), #a " is not equal to " #b)
#define assert_string_equal(a, b) CMOCKA_ASSERT(strcmp(a, b) == 0, #a " is equal to " #b)
#define assert_memory_equal(a, b, size)                                                            \
  CMOCKA_ASSERT(memcmp(a, b, size) == 0, #a " has the bytes of " #b)

static inline int
cmocka_outcome(const struct CMUnitTest *test, void **state)
{
  int left = setjmp(cmocka_leave);
  if (left != CMOCKA_PASSED)
    return left;
  if (test->setup && test->setup(state) != 0)
    return CMOCKA_FAILED;
  test->test(state);
  return CMOCKA_PASSED;
}

static inline int
cmocka_run(const struct CMUnitTest *test)
{
  void *state = NULL;
  cmocka_current = test->name;
  cmocka_children = 0;
  int outcome = cmocka_outcome(test, &state);
  if (test->teardown && test->teardown(&state) != 0)
    outcome = CMOCKA_FAILED;
  return outcome;
}

static inline void
cmocka_say(size_t number, const char *name, int outcome)
{
  if (cmocka_is_child())
    return;
  printf("%s %zu - %s%s\n", outcome == CMOCKA_FAILED ? "not ok" : "ok", number, name,
         outcome == CMOCKA_SKIPPED ? " # SKIP" : "");
  fflush(stdout);
}

static inline int
cmocka_run_all(const struct CMUnitTest *tests, size_t count)
{
  int failed = 0;
  if (!cmocka_is_child())
    printf("1..%zu\n", count);
  for (size_t i = 0; i < count; i++) {
    if (!cmocka_runs(tests[i].name))
      continue;
    int outcome = cmocka_run(&tests[i]);
    failed += outcome == CMOCKA_FAILED;
    cmocka_say(i + 1, tests[i].name, outcome);
  }
  return failed;
}

#define cmocka_run_group_tests(tests, setup, teardown)                                             \
  cmocka_run_all(tests, sizeof(tests) / sizeof *(tests))

#endif
