/* STUBALLOC=report=exit and STUBALLOC=signal=NAME. SPDX-License-Identifier: MIT */
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct child
said_by(const char *what, const char *options)
{
  struct child child = child_rerun(what, options);
  assert_int_equal(child.status, 0);
  return child;
}

static int
is_report(const char *text)
{
  return strncmp(text, "live_bytes ", 11) == 0 && strstr(text, "\nlive_blocks ");
}

static void
figures_are_printed_at_exit_if_asked_for(void **state)
{
  (void)state;
  assert_true(is_report(said_by("nothing", "report=exit").said));
  assert_string_equal(said_by("nothing", "").said, "");
}

static void
both_reports_may_be_asked_for(void **state)
{
  (void)state;
  struct child child = said_by("lose", "report=leaks,report=exit");
  assert_non_null(strstr(child.said, "scope 'lost'"));
  assert_non_null(strstr(child.said, "live_bytes "));
}

/* The system has some to give, or it has not. */
static void
large_pages_are_counted_as_got_or_as_refused(void **state)
{
  (void)state;
  DEFAULT_MODE_ONLY(); /* the other one does not ask for them */
  struct child child = said_by("large", "large_pages=on,report=exit");
  const char  *none_got = strstr(child.said, "\nlarge_got_bytes                     0 ");
  const char  *none_refused = strstr(child.said, "\nlarge_refused_bytes                 0 ");
  assert_true(!none_got != !none_refused);
}

/* --- at a signal ------------------------------------------------------------------------------ */

/* Sends itself the signal, twice, and reads what it says. */
static void
await_reports(void)
{
  int  ends[2];
  char text[4096];
  if (pipe(ends) != 0 || dup2(ends[1], STDERR_FILENO) < 0)
    _Exit(1);
  for (int i = 0; i < 2; i++) {
    kill(getpid(), SIGUSR2);
    ssize_t length = read(ends[0], text, sizeof text - 1); /* a report is one write */
    text[length > 0 ? length : 0] = '\0';
    if (!is_report(text))
      _Exit(2);
  }
}

/* All but the one that ends a test which hangs. */
static void
block_signals(void)
{
  sigset_t signals;
  sigfillset(&signals);
  sigdelset(&signals, SIGALRM);
  pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

static void
figures_are_printed_at_a_signal_each_time(void **state)
{
  (void)state;
  said_by("signal", "signal=USR2");
}

/* As servers do that wait for signals on one thread, which does not wait for this one. */
static void
figures_are_printed_where_the_programs_threads_block_the_signal(void **state)
{
  (void)state;
  said_by("blocked signal", "signal=USR2");
}

static void
a_signal_that_was_not_chosen_does_what_it_always_does(void **state)
{
  (void)state;
  struct child child = child_rerun("signal", "signal=USR1");
  assert_int_equal(child.status, SIGUSR2);
}

static void
an_unknown_signal_is_named(void **state)
{
  (void)state;
  struct child child = said_by("nothing", "signal=SMOKE");
  assert_int_equal(count_lines(child.said), 1);
  assert_non_null(strstr(child.said, "'SMOKE'"));
}

int
main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(figures_are_printed_at_exit_if_asked_for),
    cmocka_unit_test(both_reports_may_be_asked_for),
    cmocka_unit_test(large_pages_are_counted_as_got_or_as_refused),
    cmocka_unit_test(figures_are_printed_at_a_signal_each_time),
    cmocka_unit_test(figures_are_printed_where_the_programs_threads_block_the_signal),
    cmocka_unit_test(a_signal_that_was_not_chosen_does_what_it_always_does),
    cmocka_unit_test(an_unknown_signal_is_named),
  };
  if (argc == 1)
    return cmocka_run_group_tests(tests, NULL, NULL);
  if (strcmp(argv[1], "lose") == 0)
    return sa_scope_create(&(sa_scope_options){.name = "lost"}) == NULL;
  if (strcmp(argv[1], "large") == 0)
    sa_free(sa_malloc(8 * MIB));
  if (strcmp(argv[1], "blocked signal") == 0)
    block_signals();
  if (strstr(argv[1], "signal"))
    await_reports();
  return 0;
}
