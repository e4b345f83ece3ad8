/* What is said about scopes: STUBALLOC=report=leaks, and misuse. */
#include <stdio.h>

#include "os/os.h"
#include "scope/scope.h"

void
sa_scope_misuse(const char *what, const void *pointer, const struct sa_scope *scope,
                const char *reason)
{
  char text[224];
  bool has_name = sa_scope_is_there(scope) && scope->name[0] != '\0';
  if (has_name)
    snprintf(text, sizeof text, "%s (scope '%s')", reason, scope->name);
  sa_misuse(what, pointer, has_name ? text : reason);
}

void
sa_report_over_budget(const struct sa_scope *scope)
{
  char where[SA_OS_WHERE];
  if (!sa_options.report_leaks)
    return;
  sa_os_where(scope->creator, where, sizeof where);
  sa_say("scope '%s', created at %s, was %zu times refused what went over its budget", scope->name,
         where, atomic_load_explicit(&scope->over_budget, memory_order_relaxed));
}

static void
report_leak(struct sa_chunk *chunk)
{
  struct sa_scope      *scope = &chunk->first;
  struct sa_scope_stats stats;
  char                  where[SA_OS_WHERE];
  if (atomic_load_explicit(&scope->state, memory_order_acquire) != SA_ALIVE)
    return;
  sa_scope_get_stats(scope, &stats);
  sa_os_where(scope->creator, where, sizeof where);
  sa_say("scope '%s', created at %s, was never destroyed: %zu blocks, %zu bytes", scope->name,
         where, stats.blocks, stats.bytes);
}

static SA_ATTRIBUTE(destructor) void report_leaks(void)
{
  if (sa_options.report_leaks)
    sa_chunks_each(report_leak);
}
