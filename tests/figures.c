/* Writes its figures in the format that it is asked for, after calls of interfaces with odd names: what
 * figures.py reads. The calls are those of no runtime, so they are counted as a runtime's file counts
 * them. SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "stub/operations.h"
#include "stuballoc/stats.h"

static void
write_out(void *file, const char *text, size_t length)
{
  fwrite(text, 1, length, file);
}

/* A call that leaves a block of `size` bytes, if it gets that within the budget. */
static void
call(struct sa_operations *operations, unsigned number, size_t size)
{
  sa_scope      *scope = sa_scope_create(&(sa_scope_options){.budget = 100000});
  struct sa_call account;
  sa_call_begins(&account, operations, number);
  sa_call_ends(&account, scope, sa_scope_alloc(scope, size) == NULL);
  sa_scope_destroy(scope);
}

static void
call_those_with_odd_names(void)
{
  static const char *const names[] = {
    "say \"A\\B\"", "two\nlines \x1b[2J",
    "latin \xe9",   "a name that is longer than there is room for",
    "same",         "same",
    "same"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    call(sa_operations_add(NULL, names[i], 1), 0, 10);
}

int
main(int argc, char **argv)
{
  static const char *const formats[] = {"text", "json", "prometheus"};
  struct sa_operations    *operations = sa_operations_add(NULL, "catalog", 9);
  call(operations, 7, 112);
  call(operations, 7, 20000);
  call(operations, 7, 200000);
  call_those_with_odd_names();
  for (int format = SA_STATS_TEXT; argc == 2 && format <= SA_STATS_PROMETHEUS; format++)
    if (strcmp(argv[1], formats[format]) == 0)
      return sa_write_stats(format, write_out, stdout) != 0;
  return 2;
}
